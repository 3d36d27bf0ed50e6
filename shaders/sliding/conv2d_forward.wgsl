// conv2d_forward by one thread per WIDTH neighbouring pixels of a line by COLUMNS quads of channels:
// neighbours share what they load, TAPS taps at a time. A line's last tile starts where it still
// fits, and leaves what it shares with the tile before to that one. WIDTH is at most out_width; TAPS
// divides kernel_width, and is 1 where the stride is not.
//#let HEIGHT = 1
//#let ROWS = WIDTH
@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let out_quads = (params.out_channels + 3u) / 4u;
    let column_tiles = (out_quads + ${COLUMNS-1}u) / ${COLUMNS}u;
//#include tile_place
    let first_column = column_tile * ${COLUMNS}u;
//#for c in 0..COLUMNS
    let column_${c} = min(first_column + ${c}u, out_quads - 1u);
//#end
    let line_tiles = (params.out_width + ${WIDTH-1}u) / ${WIDTH}u;
    let lines = step.batch * params.out_height;
    // Lanes past the last line repeat it and store nothing.
    let line = min(row_tile / line_tiles, lines - 1u);
    let start = row_tile % line_tiles * ${WIDTH}u;
    let x = min(start, params.out_width - ${WIDTH}u);
    let y = line % params.out_height;
    let sample = line / params.out_height;
    let in_line = params.in_width * params.in_quads;
    var input_at = (sample * params.in_height + y * params.stride) * in_line
        + x * params.stride * params.in_quads;
//#include slide
    let first_row = line * params.out_width + x;
    let live_start = line * params.out_width + start;
    let live_end = select(live_start, first_row + ${WIDTH}u, row_tile < lines * line_tiles);
//#include store_activated
}
