// Where a thread's tile lies. LANES consecutive threads share a column of tiles, so that they can
// share what they load of it (see own_quads_nn); with one lane every thread is on its own.
// Expects `index`; gives `lane`, `column_tile` of `column_tiles` and `row_tile`, which runs on past
// the last tile where the rest of a group of lanes has nothing to do.
// Rows and columns of a thread's tile are neighbours: ROW_STEP and COLUMN_STEP are 1.
//#let ROW_STEP = 1
//#let COLUMN_STEP = 1
let lane = index % ${LANES}u;
let column_tile = index / ${LANES}u % column_tiles;
let row_tile = index / (${LANES}u * column_tiles) * ${LANES}u + lane;
