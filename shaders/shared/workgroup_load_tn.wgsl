// Loads this thread's part of the chunk at `next`: quad own_input of the input, or the bias's
// 1, 0, 0, 0, and quad own_column of the gradients, of rows of the batch up to `end`; zeros past it.
{
//#for l in 0..A_LOADS
    let row_${l} = next + ${l*THREADS/TILE_ROWS}u + local / ${TILE_ROWS}u;
    own_a_${l} = vec4<f32>(0.0);
    if (row_${l} < end) {
        own_a_${l} = vec4<f32>(1.0, 0.0, 0.0, 0.0);
        if (!own_is_bias) {
//#ifdef WINDOW
            own_a_${l} = input[own_input + window_start(pixel_${l})];
//#else
            own_a_${l} = input[own_input + row_${l} * params.in_quads];
//#end
        }
    }
//#ifdef WINDOW
    pixel_${l} = advanced(pixel_${l}, chunk_pixels);
//#end
//#end
//#for l in 0..B_LOADS
    let grad_row_${l} = next + ${l*THREADS/TILE_COLUMNS}u + local / ${TILE_COLUMNS}u;
    own_b_${l} = vec4<f32>(0.0);
    if (grad_row_${l} < min(end, next + ${CHUNK}u)) {
        own_b_${l} = grad_output[grad_row_${l} * out_quads + own_column];
    }
//#end
}
