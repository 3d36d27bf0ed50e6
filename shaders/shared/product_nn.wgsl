// Four steps of a matrix product: part += input * weight for ROWS rows by 4 COLUMNS columns.
// Expects row_0.. (quads of `input` at which each row starts), column_0.. (quads within a row of
// `weight`), `weight_stride` (quads from one row of `weight` to the next), the running offsets
// `input_at` and `weight_at`, and the sums part_0_0...
// All loads come before all sums, and a sum takes its four products at once: compilers that spill
// the sums to memory then fetch each of them once per step instead of four times.
//#for r in 0..ROWS
let a_${r} = input[row_${r} + input_at];
//#end
//#for k in 0..4
//#for c in 0..COLUMNS
let b_${k}_${c} = weight[weight_at + ${k}u * weight_stride + column_${c}];
//#end
//#end
//#for r in 0..ROWS
//#for c in 0..COLUMNS
part_${r}_${c} += a_${r}.x * b_0_${c} + a_${r}.y * b_1_${c} + a_${r}.z * b_2_${c} + a_${r}.w * b_3_${c};
//#end
//#end
