// Sizes of a tile of a weight's gradient whose operands pass through workgroup memory, CHUNK rows
// of the batch at a time: first TILE_ROWS quads of inputs, then TILE_COLUMNS quads of gradients for
// each. After the last chunk the same memory carries the slices' sums (workgroup_add_slices).
//#let THREADS = THREAD_ROWS*THREAD_COLUMNS*SLICES
//#let ROWS = 4*ROW_QUADS
//#let TILE_ROWS = ROW_QUADS*THREAD_ROWS
//#let TILE_COLUMNS = COLUMNS*THREAD_COLUMNS
//#let A_QUADS = CHUNK*TILE_ROWS
//#let A_LOADS = A_QUADS/THREADS
//#let B_QUADS = CHUNK*TILE_COLUMNS
//#let B_LOADS = (B_QUADS+THREADS-1)/THREADS
const MEMORY_QUADS: u32 = max(${A_QUADS+B_QUADS}u, ${SLICES/2*THREAD_ROWS*THREAD_COLUMNS*ROWS*COLUMNS}u);
var<workgroup> memory: array<vec4<f32>, MEMORY_QUADS>;
