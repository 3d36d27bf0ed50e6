// The sums of ROWS rows of `params.in_quads` quads by COLUMNS quads of columns: see product_nn for
// what it expects; gives column_0.. and the sums. Columns past the end repeat the last one and are
// not stored.
//#for c in 0..COLUMNS
let column_${c} = min(first_column + ${c}u, out_quads - 1u);
//#end
//#for r in 0..ROWS
//#for c in 0..COLUMNS
var sum_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
let weight_stride = out_quads;
//#include own_quads_nn
var weight_at = 0u;
for (var input_at = 0u; input_at < params.in_quads; input_at++) {
//#include product_nn
    weight_at += 4u * weight_stride;
}
