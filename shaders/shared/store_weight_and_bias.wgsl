// Stores the sums of a tile of a weight's gradient, or of the bias behind it.
// Expects `split`, `out_quads`, `first_tile_row` (the tile's first row of the weight), `rows_left`
// (how many of its quads of rows exist), `is_bias`, `column_tile`, `first_column`, column_0.. and
// the sums; a split holds the weight, zeros up to params.bias_at, and the bias.
let first = split * (params.bias_at + out_quads);
//#for r in 0..ROW_QUADS
if (${r}u < rows_left) {
//#for c in 0..COLUMNS
    if (first_column + ${c}u < out_quads) {
//#for i in 0..4
        partials[first + (first_tile_row + ${4*r+i}u) * out_quads + column_${c}] = sum_${4*r+i}_${c};
//#end
    }
//#end
}
//#end
if (is_bias) {
//#for c in 0..COLUMNS
    if (first_column + ${c}u < out_quads) {
        partials[first + params.bias_at + column_${c}] = sum_0_${c};
    }
//#end
    if (column_tile == 0u) {
        for (var at = first + weight_quads; at < first + params.bias_at; at++) {
            partials[at] = vec4<f32>(0.0);
        }
    }
}
