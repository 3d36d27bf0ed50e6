// Loads this thread's part of the chunk at `next`, for conv2d_backward_input: quad own_k of the
// gradients of rows own_start_0.., and a block of 4x4 weights, which it transposes. Quads of the
// summed dimension are the output channels of the windows that cover the pixel, window by window.
// What lies past `depth` is not loaded, and not read either.
{
    let k = next + own_k;
    if (k < depth) {
        let window = k / out_quads;
        let y = y_range.x + window / windows_x;
        let x = x_range.x + window % windows_x;
        let grad_at = (y * params.out_width + x) * out_quads + k % out_quads;
//#for l in 0..A_LOADS
        own_a_${l} = grad_output[own_start_${l} + grad_at];
//#end
    }
    let block_k = next + local / ${TILE_COLUMNS}u;
    if (block_k < min(depth, next + ${CHUNK}u)) {
        let window = block_k / out_quads;
        let tap_y = in_y - (y_range.x + window / windows_x) * params.stride;
        let tap_x = in_x - (x_range.x + window % windows_x) * params.stride;
        let tap = tap_y * params.kernel_width + tap_x;
        let weight_at = 4u * (tap * in_quads + own_column) * out_quads + block_k % out_quads;
        let weight_0 = weight[weight_at];
        let weight_1 = weight[weight_at + out_quads];
        let weight_2 = weight[weight_at + 2u * out_quads];
        let weight_3 = weight[weight_at + 3u * out_quads];
        own_b_0 = vec4<f32>(weight_0.x, weight_1.x, weight_2.x, weight_3.x);
        own_b_1 = vec4<f32>(weight_0.y, weight_1.y, weight_2.y, weight_3.y);
        own_b_2 = vec4<f32>(weight_0.z, weight_1.z, weight_2.z, weight_3.z);
        own_b_3 = vec4<f32>(weight_0.w, weight_1.w, weight_2.w, weight_3.w);
    }
}
