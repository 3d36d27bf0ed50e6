// conv2d_max_pool2d_forward by one thread per WINDOWS neighbouring squares of a line by COLUMNS quads
// of channels, tiled as sliding/conv2d_forward is; sums run as there, to the same bits.
//#let HEIGHT = 2
//#let WIDTH = 2*WINDOWS
//#let LENGTH = WINDOWS
@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let out_quads = (params.out_channels + 3u) / 4u;
//#include slide_place
    var input_at = (sample * params.in_height + 2u * y * params.stride) * in_line
        + 2u * x * params.stride * params.in_quads;
//#include slide
    // Pixels of a square, from its first one.
    let offset_1 = 1u;
    let offset_2 = params.conv_width;
    let offset_3 = params.conv_width + 1u;
//#for w in 0..WINDOWS
    let pixel_${w} = 2u * (y * params.conv_width + x + ${w}u);
//#end
    let first_window = first;
//#include store_pooled
}
