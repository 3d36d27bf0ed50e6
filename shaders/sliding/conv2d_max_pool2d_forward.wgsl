// conv2d_max_pool2d_forward by one thread per WINDOWS neighbouring squares of a line by COLUMNS quads
// of channels, tiled as sliding/conv2d_forward is; sums run as there, to the same bits.
//#let HEIGHT = 2
//#let WIDTH = 2*WINDOWS
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
    let line_tiles = (params.out_width + ${WINDOWS-1}u) / ${WINDOWS}u;
    let lines = step.batch * params.out_height;
    // Lanes past the last line repeat it and store nothing.
    let line = min(row_tile / line_tiles, lines - 1u);
    let start = row_tile % line_tiles * ${WINDOWS}u;
    let x = min(start, params.out_width - ${WINDOWS}u);
    let y = line % params.out_height;
    let sample = line / params.out_height;
    let in_line = params.in_width * params.in_quads;
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
    let first_window = line * params.out_width + x;
    let live_start = line * params.out_width + start;
    let live_end = select(live_start, first_window + ${WINDOWS}u, row_tile < lines * line_tiles);
//#include store_pooled
}
