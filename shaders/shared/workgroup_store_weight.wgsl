// Stores slice 0's sums of a tile of a weight's gradient and of the bias behind it.
// Expects the sums, `split`, `out_quads`, `weight_rows` (quads of rows of the weight; the bias is
// one more), `first_row` and `first_column` (of this thread, in quads); a split holds the weight,
// zeros up to params.bias_at, and the bias.
if (slice == 0u && split < params.splits) {
    let start = split * (params.bias_at + out_quads);
//#for r in 0..ROW_QUADS
//#for c in 0..COLUMNS
    if (first_column + ${c*COLUMN_STEP}u < out_quads) {
        let row = first_row + ${r*ROW_STEP}u;
        let column = first_column + ${c*COLUMN_STEP}u;
        if (row < weight_rows) {
//#for i in 0..4
            partials[start + (4u * row + ${i}u) * out_quads + column] = sum_${4*r+i}_${c};
//#end
        } else if (row == weight_rows) {
            partials[start + params.bias_at + column] = sum_${4*r}_${c};
        }
    }
//#end
    if (first_row + ${r*ROW_STEP}u == weight_rows && first_column == 0u) {
        let zeros_end = start + params.bias_at;
        for (var at = start + 4u * weight_rows * out_quads; at < zeros_end; at++) {
            partials[at] = vec4<f32>(0.0);
        }
    }
//#end
}
