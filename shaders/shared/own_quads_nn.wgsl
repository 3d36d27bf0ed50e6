// With LANES = 8: own_0.., the quads that this lane loads of the four rows of `weight` that
// product_nn needs at a time, COLUMNS quads each; broadcasts then give every lane all of them.
// A lane's load costs as much as a broadcast of eight does not: src/kernels/tile.rs.
//#if LANES > 1
//#for j in 0..(4*COLUMNS+7)/8
let own_flat_${j} = min(${8*j}u + lane, ${4*COLUMNS-1}u);
let own_${j} = own_flat_${j} / ${COLUMNS}u * weight_stride
    + min(first_column + own_flat_${j} % ${COLUMNS}u, weight_stride - 1u);
//#end
//#end
