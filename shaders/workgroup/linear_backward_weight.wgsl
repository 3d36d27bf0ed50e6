// linear_backward_weight by tiles in workgroup memory: TILE_ROWS quads of inputs, of which the
// bias's is one more, by TILE_COLUMNS quads of outputs per workgroup and split.
//#include workgroup_memory_tn

@compute @workgroup_size(${THREADS})
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let out_quads = params.out_quads;
    let weight_rows = params.in_quads;
    let row_tiles = (weight_rows + ${TILE_ROWS}u) / ${TILE_ROWS}u;
    let column_tiles = (out_quads + ${TILE_COLUMNS-1}u) / ${TILE_COLUMNS}u;
//#include workgroup_place
    let split = row_tile / row_tiles;
    let tile_row = row_tile % row_tiles * ${TILE_ROWS}u;
    // Inputs and columns past the end repeat the last one and are not stored.
    let own_row = tile_row + local % ${TILE_ROWS}u;
    let own_is_bias = own_row == weight_rows;
    let own_input = min(own_row, weight_rows - 1u);
    let own_column = min(tile_column + local % ${TILE_COLUMNS}u, out_quads - 1u);
    // A workgroup past the last split, like a split past the batch, sums nothing.
    let first_sample = min(split * params.samples_per_split, step.batch);
    let end_sample = min(first_sample + params.samples_per_split, step.batch);
    let first = first_sample * params.rows_per_sample;
    let end = end_sample * params.rows_per_sample;
//#include workgroup_sums_tn
    let first_row = tile_row + thread_row;
    let first_column = tile_column + thread_column;
//#include workgroup_store_weight
}
