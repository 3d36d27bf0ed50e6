// Which tile the workgroup computes, and which part of it this thread. The last dimension of the
// threads is that of the columns, so that neighbours read neighbouring columns of workgroup memory
// and the same row. A thread's rows lie THREAD_ROWS apart and its columns THREAD_COLUMNS.
// Expects `column_tiles`; gives `column_tile`, `row_tile`, which runs on past the last tile where
// the grid was folded, `slice`, `thread_row`, `thread_column` and `tile_column`, the first quad of
// columns of the workgroup's tile.
//#let ROW_STEP = THREAD_ROWS
//#let COLUMN_STEP = THREAD_COLUMNS
let group = workgroup.y * workgroups.x + workgroup.x;
let column_tile = group % column_tiles;
let row_tile = group / column_tiles;
let slice = local / ${THREAD_ROWS*THREAD_COLUMNS}u;
let thread_row = local / ${THREAD_COLUMNS}u % ${THREAD_ROWS}u;
let thread_column = local % ${THREAD_COLUMNS}u;
let tile_column = column_tile * ${TILE_COLUMNS}u;
