// Four steps of a matrix product: sum += input * weight for ROWS rows by 4 COLUMNS columns.
// Expects row_0.. (quads of `input` at which each row starts), column_0.. (quads within a row of
// `weight`), `weight_stride` (quads from one row of `weight` to the next), the running offsets
// `input_at` and `weight_at`, and the sums sum_0_0...; with LANES = 8 also own_0.. (quads of
// `weight` that this lane loads for all eight). Where PARTS is defined the input are resident images
// (see images), row_0.. their first words, in parts part_0...
// All loads come before all sums, and a sum takes its four products at once: compilers that spill
// the sums to memory then fetch each of them once per step instead of four times.
//#for r in 0..ROWS
//#ifdef PARTS
let a_${r} = scaled(bytes_of(image_word(part_${r}, row_${r} + input_at)));
//#else
let a_${r} = input[row_${r} + input_at];
//#end
//#end
//#if LANES > 1
//#for j in 0..(4*COLUMNS+7)/8
let own_b_${j} = weight[weight_at + own_${j}];
//#end
//#else
//#for k in 0..4
//#for c in 0..COLUMNS
let b_${k}_${c} = weight[weight_at + ${k}u * weight_stride + column_${c}];
//#end
//#end
//#end
//#for c in 0..COLUMNS
//#if LANES > 1
//#for k in 0..4
let b_${k}_${c} = subgroupBroadcast(own_b_${(k*COLUMNS+c)/8}, ${(k*COLUMNS+c)%8}u);
//#end
//#end
//#for r in 0..ROWS
sum_${r}_${c} += a_${r}.x * b_0_${c} + a_${r}.y * b_1_${c} + a_${r}.z * b_2_${c} + a_${r}.w * b_3_${c};
//#end
//#end
