// Loads this thread's part of the chunk at `next`: quad own_k of rows own_start_0.., and quads of
// `weight` in the order of memory. What lies past `depth` is not loaded, and not read either.
{
    let k = next + own_k;
    if (k < depth) {
//#ifdef WINDOW
        let input_at = k / run * line + k % run;
//#else
        let input_at = k;
//#end
//#for l in 0..A_LOADS
        own_a_${l} = input[own_start_${l} + input_at];
//#end
    }
//#for l in 0..B_LOADS
    let weight_row_${l} = 4u * next + ${l*THREADS/TILE_COLUMNS}u + local / ${TILE_COLUMNS}u;
    if (weight_row_${l} < 4u * min(depth, next + ${CHUNK}u)) {
        own_b_${l} = weight[weight_row_${l} * out_quads + own_column];
    }
//#end
}
