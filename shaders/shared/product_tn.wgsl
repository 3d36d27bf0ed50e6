// Four steps of a sum of outer products: sum += input^T * grad_output for 4 ROW_QUADS inputs by
// 4 COLUMNS output channels.
// Expects for each of the four steps input_0.. (quads at which it starts) and live_0.. (whether it
// counts), is_bias (whether this thread's input is the bias's: 1, 0, 0, 0), row_0.. (quads from
// there), the running offsets `input_at` and `grad_at`, and the sums sum_0_0..; further grad_0.. and
// column_0.. likewise, or with LANES = 8 own_grad_0.. (the quads of `grad_output` that this lane
// loads for all eight). See product_nn for the order of loads and sums. Where PARTS is defined the input are resident images (see images), input_0.. their first
// words, in parts part_0...
//#for s in 0..4
//#for r in 0..ROW_QUADS
let a_${s}_${r} = select(
    vec4<f32>(0.0),
//#ifdef PARTS
    select(
        scaled(bytes_of(image_word(part_${s}, input_${s} + row_${r}))),
        vec4<f32>(1.0, 0.0, 0.0, 0.0),
        is_bias,
    ),
//#else
    select(input[input_${s} + input_at + row_${r}], vec4<f32>(1.0, 0.0, 0.0, 0.0), is_bias),
//#end
    live_${s},
);
//#end
//#if LANES == 1
//#for c in 0..COLUMNS
let b_${s}_${c} = grad_output[grad_${s} + grad_at + column_${c}];
//#end
//#end
//#end
//#if LANES > 1
//#for j in 0..(4*COLUMNS+7)/8
let own_b_${j} = grad_output[own_grad_${j} + grad_at];
//#end
//#end
//#for c in 0..COLUMNS
//#if LANES > 1
//#for s in 0..4
let b_${s}_${c} = subgroupBroadcast(own_b_${(s*COLUMNS+c)/8}, ${(s*COLUMNS+c)%8}u);
//#end
//#end
//#for r in 0..ROW_QUADS
sum_${4*r}_${c} += a_0_${r}.x * b_0_${c} + a_1_${r}.x * b_1_${c} + a_2_${r}.x * b_2_${c} + a_3_${r}.x * b_3_${c};
sum_${4*r+1}_${c} += a_0_${r}.y * b_0_${c} + a_1_${r}.y * b_1_${c} + a_2_${r}.y * b_2_${c} + a_3_${r}.y * b_3_${c};
sum_${4*r+2}_${c} += a_0_${r}.z * b_0_${c} + a_1_${r}.z * b_1_${c} + a_2_${r}.z * b_2_${c} + a_3_${r}.z * b_3_${c};
sum_${4*r+3}_${c} += a_0_${r}.w * b_0_${c} + a_1_${r}.w * b_1_${c} + a_2_${r}.w * b_2_${c} + a_3_${r}.w * b_3_${c};
//#end
//#end
