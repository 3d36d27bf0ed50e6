// Adds the bias to the sums of ROWS by COLUMNS quads, activates them and stores those that are
// this thread's: the tile's first row is `first_row`, rows live_start..live_end are its own; its
// first quad of channels is `first_column` of `out_quads`.
// Padding channels have zero weights and bias, so their sums are zero and so is relu's output.
let rectify = vec4<bool>(params.activation == RELU);
//#for c in 0..COLUMNS
let bias_${c} = bias[column_${c}];
//#end
//#for r in 0..ROWS
if (first_row + ${r}u >= live_start && first_row + ${r}u < live_end) {
    let at = (first_row + ${r}u) * out_quads;
//#for c in 0..COLUMNS
    if (first_column + ${c}u < out_quads) {
        let x = sum_${r}_${c} + bias_${c};
        output[at + column_${c}] = select(x, max(x, vec4<f32>(0.0)), rectify);
    }
//#end
}
//#end
// The others are long: one copy of their code in a second pass over the tile compiles in a tenth
// of the time that one for each sum takes.
if (params.activation == SIGMOID || params.activation == TANH) {
    let last_column = min(first_column + ${COLUMNS}u, out_quads);
    for (var row = live_start; row < live_end; row++) {
        for (var column = first_column; column < last_column; column++) {
            let at = row * out_quads + column;
            let activated = activate(params.activation, output[at]);
            output[at] = without_padding(activated, column, params.out_channels);
        }
    }
}
