// The sums of a tile, sum_0_0..: ROWS rows by COLUMNS quads per thread, over `depth` quads.
// Expects what workgroup_place gives, own_start_0.. (where the rows start that this thread loads:
// rows local / CHUNK, each THREADS / CHUNK further on, of the tile), `own_column` (the quad of
// columns that it loads), and what the load needs; TRANSPOSED is defined where columns of the
// product are rows of `weight`.
// Two barriers per chunk: all of it is in memory before any is read, and read before it is replaced.
// The next chunk is on its way from storage, in registers, while this one is summed: with few
// workgroups per multiprocessor nothing else hides the latency.
let own_k = local % ${CHUNK}u;
//#for l in 0..A_LOADS
var own_a_${l} = vec4<f32>(0.0);
//#end
//#ifdef TRANSPOSED
//#for j in 0..4
var own_b_${j} = vec4<f32>(0.0);
//#end
//#else
//#for l in 0..B_LOADS
var own_b_${l} = vec4<f32>(0.0);
//#end
//#end
//#for r in 0..ROWS
//#for c in 0..COLUMNS
var sum_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
var next = 0u;
//#ifdef TRANSPOSED
//#include workgroup_load_nt
//#else
//#include workgroup_load_nn
//#end
for (var chunk = 0u; chunk < depth; chunk += ${CHUNK}u) {
//#for l in 0..A_LOADS
    memory[(${l*THREADS/CHUNK}u + local / ${CHUNK}u) * ${A_STRIDE}u + own_k] = own_a_${l};
//#end
//#ifdef TRANSPOSED
    if (local < ${CHUNK*TILE_COLUMNS}u) {
        let at = ${A_QUADS}u + local / ${TILE_COLUMNS}u * ${4*TILE_COLUMNS}u + local % ${TILE_COLUMNS}u;
//#for j in 0..4
        memory[at + ${j*TILE_COLUMNS}u] = own_b_${j};
//#end
    }
//#else
//#for l in 0..B_LOADS
    if (${l*THREADS}u + local < ${B_QUADS}u) {
        memory[${A_QUADS+l*THREADS}u + local] = own_b_${l};
    }
//#end
//#end
    workgroupBarrier();
    next = chunk + ${CHUNK}u;
//#ifdef TRANSPOSED
//#include workgroup_load_nt
//#else
//#include workgroup_load_nn
//#end
    let live = min(depth - chunk, ${CHUNK}u);
    for (var k = slice; k < live; k += ${SLICES}u) {
//#for r in 0..ROWS
        let a_${r} = memory[(${r*THREAD_ROWS}u + thread_row) * ${A_STRIDE}u + k];
//#end
//#for c in 0..COLUMNS
//#for j in 0..4
        let b_${j}_${c} = memory[${A_QUADS+j*TILE_COLUMNS+c*THREAD_COLUMNS}u + 4u * k * ${TILE_COLUMNS}u + thread_column];
//#end
        // From left to right, so that each product and its sum can be one fused multiply-add.
//#for r in 0..ROWS
        sum_${r}_${c} = sum_${r}_${c} + a_${r}.x * b_0_${c} + a_${r}.y * b_1_${c} + a_${r}.z * b_2_${c} + a_${r}.w * b_3_${c};
//#end
//#end
    }
    workgroupBarrier();
}
//#include workgroup_add_slices
