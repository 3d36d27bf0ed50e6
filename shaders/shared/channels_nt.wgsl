// Where the weights of the tile's input channels start: channel_0.. for every thread, or with
// LANES = 8 own_0.., those that this lane loads for all eight. Expects `in_quads`, `out_quads` and
// `first_column`; columns past the end repeat the last one and are not stored.
//#for c in 0..COLUMNS
let column_${c} = min(first_column + ${c}u, in_quads - 1u);
//#end
//#if LANES == 1
//#for i in 0..4*COLUMNS
let channel_${i} = (4u * column_${i/4} + ${i%4}u) * out_quads;
//#end
//#else
//#for j in 0..(4*COLUMNS+7)/8
let own_flat_${j} = min(${8*j}u + lane, ${4*COLUMNS-1}u);
let own_${j} = (4u * min(first_column + own_flat_${j} / 4u, in_quads - 1u) + own_flat_${j} % 4u)
    * out_quads;
//#end
//#end
