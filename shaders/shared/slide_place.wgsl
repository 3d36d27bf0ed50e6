// Where a tile of LENGTH pixels (or squares) of a line by COLUMNS quads of channels lies. Expects
// `index`, `out_quads` and params of a convolution.
let column_tiles = (out_quads + ${COLUMNS-1}u) / ${COLUMNS}u;
//#include tile_place
let first_column = column_tile * ${COLUMNS}u;
//#for c in 0..COLUMNS
let column_${c} = min(first_column + ${c}u, out_quads - 1u);
//#end
let line_tiles = (params.out_width + ${LENGTH-1}u) / ${LENGTH}u;
let lines = step.batch * params.out_height;
// Lanes past the last line repeat it and store nothing.
let line = min(row_tile / line_tiles, lines - 1u);
let start = row_tile % line_tiles * ${LENGTH}u;
let x = min(start, params.out_width - ${LENGTH}u);
let y = line % params.out_height;
let sample = line / params.out_height;
let in_line = params.in_width * params.in_quads;
// Rows (or squares) of the output that are this thread's, of those from `first` on.
let first = line * params.out_width + x;
let live_start = line * params.out_width + start;
let live_end = select(live_start, first + ${LENGTH}u, row_tile < lines * line_tiles);
