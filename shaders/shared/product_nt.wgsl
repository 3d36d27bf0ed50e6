// Four steps of a matrix product with the transposed weight: part += grad_output * weight^T for
// ROWS rows by 4 COLUMNS input channels, whose weights lie along the summed output channels.
// Expects row_0.. (quads of `grad_output` at which each row starts), channel_0.. (quads of
// `weight` at which each input channel starts), the running offsets `grad_at` and `weight_at`,
// and the sums part_0_0.. (see product_nn for the order of loads and sums).
//#for r in 0..ROWS
let a_${r} = grad_output[row_${r} + grad_at];
//#end
//#for i in 0..4*COLUMNS
let b_${i} = weight[channel_${i} + weight_at];
//#end
//#for r in 0..ROWS
//#for c in 0..COLUMNS
part_${r}_${c} += vec4<f32>(dot(a_${r}, b_${4*c}), dot(a_${r}, b_${4*c+1}), dot(a_${r}, b_${4*c+2}), dot(a_${r}, b_${4*c+3}));
//#end
//#end
