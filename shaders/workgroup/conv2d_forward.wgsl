// conv2d_forward by tiles in workgroup memory: TILE_ROWS pixels by TILE_COLUMNS quads of channels
// per workgroup. The summed dimension runs over the window's rows, one run of
// kernel_width * in_quads quads each; the rows of the product are never written to memory.
//#include workgroup_memory_nn
//#let WINDOW = 1

// The quad of `input` at which the window of output pixel `row` of the batch starts.
fn window_start(row: u32) -> u32 {
    let x = row % params.out_width;
    let y = row / params.out_width % params.out_height;
    let sample = row / (params.out_width * params.out_height);
    return ((sample * params.in_height + y * params.stride) * params.in_width
        + x * params.stride) * params.in_quads;
}

@compute @workgroup_size(${THREADS})
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let rows = step.batch * params.out_height * params.out_width;
    let out_quads = (params.out_channels + 3u) / 4u;
    let column_tiles = (out_quads + ${TILE_COLUMNS-1}u) / ${TILE_COLUMNS}u;
//#include workgroup_place
    let tile_row = row_tile * ${TILE_ROWS}u;
    // Pixels and columns past the end repeat the last one and are not stored.
//#for l in 0..A_LOADS
    let own_row_${l} = tile_row + ${l*THREADS/CHUNK}u + local / ${CHUNK}u;
    let own_start_${l} = window_start(min(own_row_${l}, rows - 1u));
//#end
    let own_column = min(tile_column + local % ${TILE_COLUMNS}u, out_quads - 1u);
    let line = params.in_width * params.in_quads;
    let run = params.kernel_width * params.in_quads;
    // A workgroup past the last tile sums nothing, rather than miss a barrier.
    let depth = select(0u, params.kernel_height * run, tile_row < rows);
//#include workgroup_sums_nn
    let first_row = tile_row + thread_row;
    let first_column = tile_column + thread_column;
//#for c in 0..COLUMNS
    let column_${c} = min(first_column + ${c*COLUMN_STEP}u, out_quads - 1u);
//#end
    if (slice == 0u) {
    let live_start = first_row;
    let live_end = rows;
//#include store_activated
    }
}
