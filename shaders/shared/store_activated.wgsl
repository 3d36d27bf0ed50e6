// Adds the bias to the sums of ROWS by COLUMNS quads, activates them and stores those that are
// part of the output: the tile's first row is `first_row` of `rows`, its first quad of channels
// `first_column` of `out_quads`.
//#for c in 0..COLUMNS
let bias_${c} = bias[column_${c}];
//#end
//#for r in 0..ROWS
if (first_row + ${r}u < rows) {
    let at = (first_row + ${r}u) * out_quads;
//#for c in 0..COLUMNS
    if (first_column + ${c}u < out_quads) {
        let activated = activate(params.activation, sum_${r}_${c} + bias_${c});
        output[at + column_${c}] = without_padding(activated, column_${c}, params.out_channels);
    }
//#end
}
//#end
