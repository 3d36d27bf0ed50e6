// The sums of a tile of a weight's gradient, sum_0_0..: 4 ROW_QUADS rows by COLUMNS quads per
// thread, over the rows `first` to `end` of the batch.
// Expects what workgroup_place gives, own_input, own_is_bias and own_column (what this thread loads
// of a row), and with WINDOW also pixel_0.. (where the windows of its first rows lie) and
// `chunk_pixels` (how far those of the next chunk are). See workgroup_sums_nn for the order of
// loads and sums. Rows past the end are zeros, so four are summed at a time.
//#for l in 0..A_LOADS
var own_a_${l} = vec4<f32>(0.0);
//#end
//#for l in 0..B_LOADS
var own_b_${l} = vec4<f32>(0.0);
//#end
//#for r in 0..ROWS
//#for c in 0..COLUMNS
var sum_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
var next = first;
//#include workgroup_load_tn
for (var chunk = first; chunk < end; chunk += ${CHUNK}u) {
//#for l in 0..A_LOADS
    memory[${l*THREADS}u + local] = own_a_${l};
//#end
//#for l in 0..B_LOADS
    if (${l*THREADS}u + local < ${B_QUADS}u) {
        memory[${A_QUADS+l*THREADS}u + local] = own_b_${l};
    }
//#end
    workgroupBarrier();
    next = chunk + ${CHUNK}u;
//#include workgroup_load_tn
    let live = min(end - chunk, ${CHUNK}u);
    for (var k = 4u * slice; k < live; k += ${4*SLICES}u) {
        let a_at = k * ${TILE_ROWS}u + thread_row;
        let b_at = ${A_QUADS}u + k * ${TILE_COLUMNS}u + thread_column;
//#for s in 0..4
//#for r in 0..ROW_QUADS
        let a_${s}_${r} = memory[a_at + ${s*TILE_ROWS+r*THREAD_ROWS}u];
//#end
//#for c in 0..COLUMNS
        let b_${s}_${c} = memory[b_at + ${s*TILE_COLUMNS+c*THREAD_COLUMNS}u];
//#end
//#end
//#for c in 0..COLUMNS
//#for r in 0..ROW_QUADS
        sum_${4*r}_${c} = sum_${4*r}_${c} + a_0_${r}.x * b_0_${c} + a_1_${r}.x * b_1_${c} + a_2_${r}.x * b_2_${c} + a_3_${r}.x * b_3_${c};
        sum_${4*r+1}_${c} = sum_${4*r+1}_${c} + a_0_${r}.y * b_0_${c} + a_1_${r}.y * b_1_${c} + a_2_${r}.y * b_2_${c} + a_3_${r}.y * b_3_${c};
        sum_${4*r+2}_${c} = sum_${4*r+2}_${c} + a_0_${r}.z * b_0_${c} + a_1_${r}.z * b_1_${c} + a_2_${r}.z * b_2_${c} + a_3_${r}.z * b_3_${c};
        sum_${4*r+3}_${c} = sum_${4*r+3}_${c} + a_0_${r}.w * b_0_${c} + a_1_${r}.w * b_1_${c} + a_2_${r}.w * b_2_${c} + a_3_${r}.w * b_3_${c};
//#end
//#end
    }
    workgroupBarrier();
}
//#include workgroup_add_slices
