// Adds the bias to the sums of ROWS by COLUMNS quads, activates them and stores those that are
// this thread's: its first row is `first_row`, its first quad of channels `first_column` of
// `out_quads`; the others lie ROW_STEP and COLUMN_STEP apart. Rows live_start..live_end are its own.
// Padding channels have zero weights and bias, so their sums are zero and so is relu's output.
let rectify = vec4<bool>(params.activation == RELU);
//#for c in 0..COLUMNS
let bias_${c} = bias[column_${c}];
//#end
//#for r in 0..ROWS
if (first_row + ${r*ROW_STEP}u >= live_start && first_row + ${r*ROW_STEP}u < live_end) {
    let at = (first_row + ${r*ROW_STEP}u) * out_quads;
//#for c in 0..COLUMNS
    if (first_column + ${c*COLUMN_STEP}u < out_quads) {
        let x = sum_${r}_${c} + bias_${c};
        output[at + column_${c}] = select(x, max(x, vec4<f32>(0.0)), rectify);
    }
//#end
}
//#end
// The others are long: one copy of their code in a second pass over the tile compiles in a tenth
// of the time that one for each sum takes.
if (params.activation == SIGMOID || params.activation == TANH) {
    let last_row = min(first_row + ${ROWS*ROW_STEP}u, live_end);
    let last_column = min(first_column + ${COLUMNS*COLUMN_STEP}u, out_quads);
    for (var row = max(first_row, live_start); row < last_row; row += ${ROW_STEP}u) {
        for (var column = first_column; column < last_column; column += ${COLUMN_STEP}u) {
            let at = row * out_quads + column;
            let activated = activate(params.activation, output[at]);
            output[at] = without_padding(activated, column, params.out_channels);
        }
    }
}
