// Four steps of a matrix product with the transposed weight: sum += grad_output * weight^T for
// ROWS rows by 4 COLUMNS input channels, whose weights lie along the summed output channels.
// Expects row_0.. (quads of `grad_output` at which each row starts), channel_0.. (quads of
// `weight` at which each input channel starts), the running offsets `grad_at` and `weight_at`,
// and the sums sum_0_0..; with LANES = 8 also own_0.. (the channels that this lane loads for all
// eight). See product_nn for the order of loads and sums.
//#for r in 0..ROWS
let a_${r} = grad_output[row_${r} + grad_at];
//#end
//#if LANES > 1
//#for j in 0..(4*COLUMNS+7)/8
let own_b_${j} = weight[own_${j} + weight_at];
//#end
//#else
//#for i in 0..4*COLUMNS
let b_${i} = weight[channel_${i} + weight_at];
//#end
//#end
//#for c in 0..COLUMNS
//#if LANES > 1
//#for i in 0..4
let b_${4*c+i} = subgroupBroadcast(own_b_${(4*c+i)/8}, ${(4*c+i)%8}u);
//#end
//#end
//#for r in 0..ROWS
sum_${r}_${c} += vec4<f32>(dot(a_${r}, b_${4*c}), dot(a_${r}, b_${4*c+1}), dot(a_${r}, b_${4*c+2}), dot(a_${r}, b_${4*c+3}));
//#end
//#end
