// Sizes of a tile whose operands pass through workgroup memory, a chunk of CHUNK quads of the
// summed dimension at a time: first the rows' quads, then CHUNK * 4 rows of columns. The stride
// of the rows is odd, so that threads that read the same quad of different rows meet different
// banks. After the last chunk the same memory carries the slices' sums (workgroup_add_slices).
//#let THREADS = THREAD_ROWS*THREAD_COLUMNS*SLICES
//#let TILE_ROWS = ROWS*THREAD_ROWS
//#let TILE_COLUMNS = COLUMNS*THREAD_COLUMNS
//#let A_STRIDE = CHUNK+1
//#let A_QUADS = TILE_ROWS*A_STRIDE
//#let A_LOADS = TILE_ROWS*CHUNK/THREADS
//#let B_QUADS = 4*CHUNK*TILE_COLUMNS
//#let B_LOADS = (B_QUADS+THREADS-1)/THREADS
const MEMORY_QUADS: u32 = max(${A_QUADS+B_QUADS}u, ${SLICES/2*THREAD_ROWS*THREAD_COLUMNS*ROWS*COLUMNS}u);
var<workgroup> memory: array<vec4<f32>, MEMORY_QUADS>;
