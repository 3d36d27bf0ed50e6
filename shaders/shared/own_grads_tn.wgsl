// With LANES = 8: which of the four steps and COLUMNS quads of `grad_output` that product_tn needs
// at a time this lane loads for all eight: own_step_0.. and own_column_0... Expects `out_quads`.
//#if LANES > 1
//#for j in 0..(4*COLUMNS+7)/8
let own_flat_${j} = min(${8*j}u + lane, ${4*COLUMNS-1}u);
let own_step_${j} = own_flat_${j} / ${COLUMNS}u;
let own_column_${j} = min(first_column + own_flat_${j} % ${COLUMNS}u, out_quads - 1u);
//#end
//#end
