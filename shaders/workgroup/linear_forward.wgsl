// linear_forward by tiles in workgroup memory: TILE_ROWS rows by TILE_COLUMNS quads of output per
// workgroup.
//#include workgroup_memory_nn

@compute @workgroup_size(${THREADS})
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let rows = step.batch * params.rows_per_sample;
    let out_quads = (params.out_channels + 3u) / 4u;
    let column_tiles = (out_quads + ${TILE_COLUMNS-1}u) / ${TILE_COLUMNS}u;
//#include workgroup_place
    let tile_row = row_tile * ${TILE_ROWS}u;
    // Rows and columns past the end repeat the last one and are not stored.
//#for l in 0..A_LOADS
    let own_row_${l} = tile_row + ${l*THREADS/CHUNK}u + local / ${CHUNK}u;
    let own_start_${l} = min(own_row_${l}, rows - 1u) * params.in_quads;
//#end
    let own_column = min(tile_column + local % ${TILE_COLUMNS}u, out_quads - 1u);
    // A workgroup past the last tile sums nothing, rather than miss a barrier.
    let depth = select(0u, params.in_quads, tile_row < rows);
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
