// The tile of a linear layer's weight that a thread sums: gives `split`, row_0.., column_0.. and the
// sums; returns where the split is none. Expects `index`. One more row of tiles, whose input is
// always 1, is the bias's.
let row_tiles = (params.in_quads + ${ROW_QUADS-1}u) / ${ROW_QUADS}u;
let column_tiles = (params.out_quads + ${COLUMNS-1}u) / ${COLUMNS}u;
//#include tile_place
// Whole groups of lanes, so that all lanes of a group are in one split.
let group_tiles = (row_tiles + ${LANES}u) / ${LANES}u * ${LANES}u;
let first_column = column_tile * ${COLUMNS}u;
let first_row = row_tile % group_tiles * ${ROW_QUADS}u;
let is_bias = row_tile % group_tiles == row_tiles;
let split = row_tile / group_tiles;
if (split >= params.splits) {
    return;
}
// Rows and columns past the end repeat the last one and are not stored.
//#for r in 0..ROW_QUADS
let row_${r} = min(first_row + ${r}u, params.in_quads - 1u);
//#end
//#for c in 0..COLUMNS
let column_${c} = min(first_column + ${c}u, params.out_quads - 1u);
//#end
//#for r in 0..4*ROW_QUADS
//#for c in 0..COLUMNS
var sum_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
