// The tile of a product a * b that a workgroup computes: chunk by chunk, its threads share what they loaded
// of both in workgroup memory, and each adds up the products of its own rows and columns.
//
// A kernel's tile (src/kernel/tile/tables.rs) gives it
//   ROWS, COLUMNS                rows, and quads of columns, of one thread
//   THREAD_ROWS, THREAD_COLUMNS  threads along both; the rows and columns of one lie this far apart
//   SLICES                       groups of threads that each sum a part of every chunk
// and it says itself
//   CHUNK_QUADS                  quads of the summed dimension in a chunk
//   A_STRIDE                     quads of memory for a row of a
const SUMS: u32 = ROWS * COLUMNS;
const PLANE: u32 = THREAD_ROWS * THREAD_COLUMNS;
const THREADS: u32 = PLANE * SLICES;
const TILE_ROWS: u32 = ROWS * THREAD_ROWS;
const TILE_COLUMNS: u32 = COLUMNS * THREAD_COLUMNS;

const A_QUADS: u32 = TILE_ROWS * A_STRIDE;
const A_LOADS: u32 = TILE_ROWS * CHUNK_QUADS / THREADS;
const B_QUADS: u32 = 4u * CHUNK_QUADS * TILE_COLUMNS;
const B_LOADS: u32 = (B_QUADS + THREADS - 1u) / THREADS;

// A chunk of a, then one of b: TILE_COLUMNS quads of each of its rows. In the end the sums of slices.
const MEMORY_QUADS: u32 = max(A_QUADS + B_QUADS, SLICES / 2u * PLANE * SUMS);
var<workgroup> memory: array<vec4<f32>, MEMORY_QUADS>;

// What a thread sums, row by row. It and whatever else a thread holds are small arrays: their loops have
// constant ends, so that the driver's compiler unrolls them and keeps the arrays in registers.
alias Sums = array<vec4<f32>, SUMS>;

// Which part of the tile a thread sums: rows row, row + THREAD_ROWS, ... and columns likewise.
struct Thread {
    slice: u32,
    row: u32,
    column: u32,
}

// Neighbouring threads have the same rows and neighbouring columns.
fn thread_of(local: u32) -> Thread {
    return Thread(local / PLANE, local / THREAD_COLUMNS % THREAD_ROWS, local % THREAD_COLUMNS);
}

// Puts a thread's quads of a into memory, row by row: quad local % CHUNK_QUADS of every row it loads from.
fn share_rows(a: ptr<function, array<vec4<f32>, A_LOADS>>, local: u32) {
    for (var l = 0u; l < A_LOADS; l++) {
        memory[(l * THREADS + local) / CHUNK_QUADS * A_STRIDE + local % CHUNK_QUADS] = (*a)[l];
    }
}

// Puts a thread's quads of b into memory: column local % TILE_COLUMNS of every row it loads from.
fn share_columns(b: ptr<function, array<vec4<f32>, B_LOADS>>, local: u32) {
    for (var l = 0u; l < B_LOADS; l++) {
        if (l * THREADS + local < B_QUADS) {
            memory[A_QUADS + l * THREADS + local] = (*b)[l];
        }
    }
}

// Adds the products of quad `k` of the chunk, of which `a` has the thread's rows.
fn add_products(sums: ptr<function, Sums>, a: ptr<function, array<vec4<f32>, ROWS>>, k: u32, column: u32) {
    for (var c = 0u; c < COLUMNS; c++) {
        let at = A_QUADS + 4u * k * TILE_COLUMNS + c * THREAD_COLUMNS + column;
        let b_0 = memory[at];
        let b_1 = memory[at + TILE_COLUMNS];
        let b_2 = memory[at + 2u * TILE_COLUMNS];
        let b_3 = memory[at + 3u * TILE_COLUMNS];
        // From left to right, so that each product and its sum can be one fused multiply-add.
        for (var r = 0u; r < ROWS; r++) {
            let row = (*a)[r];
            let sum = (*sums)[r * COLUMNS + c];
            (*sums)[r * COLUMNS + c] = sum + row.x * b_0 + row.y * b_1 + row.z * b_2 + row.w * b_3;
        }
    }
}

// Adds the products of a thread's slice of the first `live` quads of the chunk, where a lies row by row.
fn add_rows(sums: ptr<function, Sums>, thread: Thread, live: u32) {
    for (var k = thread.slice; k < live; k += SLICES) {
        var a: array<vec4<f32>, ROWS>;
        for (var r = 0u; r < ROWS; r++) {
            a[r] = memory[(r * THREAD_ROWS + thread.row) * A_STRIDE + k];
        }
        add_products(sums, &a, k, thread.column);
    }
}

// Adds the slices' sums to those of slice 0, by halves, always in the same order.
fn add_slices(sums: ptr<function, Sums>, local: u32) {
    let slice = local / PLANE;
    let place = local % PLANE;
    for (var apart = SLICES / 2u; apart > 0u; apart /= 2u) {
        if (slice >= apart && slice < 2u * apart) {
            for (var i = 0u; i < SUMS; i++) {
                memory[(i * (SLICES / 2u) + slice - apart) * PLANE + place] = (*sums)[i];
            }
        }
        workgroupBarrier();
        if (slice < apart) {
            for (var i = 0u; i < SUMS; i++) {
                (*sums)[i] += memory[(i * (SLICES / 2u) + slice) * PLANE + place];
            }
        }
        workgroupBarrier();
    }
}
