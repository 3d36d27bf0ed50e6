// conv2d_backward_input by tiles in workgroup memory: TILE_ROWS samples by TILE_COLUMNS quads of
// channels per workgroup, all at the same pixel: the windows that cover it are then the same for
// the whole tile, and sums run over just those.
//#include workgroup_memory_nn
//#let TRANSPOSED = 1

@compute @workgroup_size(${THREADS})
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let in_quads = params.in_quads;
    let out_quads = params.out_quads;
    let column_tiles = (in_quads + ${TILE_COLUMNS-1}u) / ${TILE_COLUMNS}u;
    let sample_tiles = (step.batch + ${TILE_ROWS-1}u) / ${TILE_ROWS}u;
//#include workgroup_place
    let tile_sample = row_tile % sample_tiles * ${TILE_ROWS}u;
    let pixel = row_tile / sample_tiles;
    let pixels = params.in_height * params.in_width;
    // Samples and columns past the end repeat the last one and are not stored.
//#for l in 0..A_LOADS
    let own_row_${l} = tile_sample + ${l*THREADS/CHUNK}u + local / ${CHUNK}u;
    let own_start_${l} = min(own_row_${l}, step.batch - 1u)
        * (params.out_height * params.out_width * out_quads);
//#end
    let own_column = min(tile_column + local % ${TILE_COLUMNS}u, in_quads - 1u);
    let in_y = pixel / params.in_width;
    let in_x = pixel % params.in_width;
    let y_range = covering(in_y, params.kernel_height, params.out_height);
    let x_range = covering(in_x, params.kernel_width, params.out_width);
    // Past the last pixel the first window may lie behind the last one.
    let windows_y = max(y_range.y, y_range.x) - y_range.x;
    let windows_x = max(x_range.y, x_range.x) - x_range.x;
    // A workgroup past the last pixel sums nothing, rather than miss a barrier.
    let depth = select(0u, windows_y * windows_x * out_quads, pixel < pixels);
//#include workgroup_sums_nn
    let first_sample = tile_sample + thread_row;
    let first_column = tile_column + thread_column;
    if (slice == 0u && pixel < pixels) {
//#for r in 0..ROWS
        if (first_sample + ${r*ROW_STEP}u < step.batch) {
            let at = ((first_sample + ${r*ROW_STEP}u) * pixels + pixel) * in_quads;
//#for c in 0..COLUMNS
            if (first_column + ${c*COLUMN_STEP}u < in_quads) {
                let at_${c} = at + first_column + ${c*COLUMN_STEP}u;
                grad_input[at_${c}] = before_activation(at_${c}, sum_${r}_${c});
            }
//#end
        }
//#end
    }
}
