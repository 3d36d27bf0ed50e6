// conv2d_forward by one thread per WIDTH neighbouring pixels of a line by COLUMNS quads of channels:
// neighbours share what they load, TAPS taps at a time. A line's last tile starts where it still
// fits, and leaves what it shares with the tile before to that one. WIDTH is at most out_width; TAPS
// divides kernel_width, and is 1 where the stride is not.
//#let HEIGHT = 1
//#let ROWS = WIDTH
//#let LENGTH = WIDTH
@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let out_quads = (params.out_channels + 3u) / 4u;
//#include slide_place
    var input_at = (sample * params.in_height + y * params.stride) * in_line
        + x * params.stride * params.in_quads;
//#include slide
    let first_row = first;
//#include store_activated
}
