// linear_forward in loops: what a thread loads and sums are small arrays, which the driver's compiler is
// to unroll and to keep in registers; linear_forward.wgsl has each quad written out. Buffers, Params and
// tiles are the same, and so is the order of every sum.
//#include step
//#include activation

struct Params {
    rows_per_sample: u32,
    in_quads: u32,
    out_channels: u32,     // unpadded
    activation: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

const ROWS: u32 = ${ROWS}u;
const COLUMNS: u32 = ${COLUMNS}u;
const THREAD_ROWS: u32 = ${THREAD_ROWS}u;
const THREAD_COLUMNS: u32 = ${THREAD_COLUMNS}u;
const SLICES: u32 = ${SLICES}u;
const CHUNK: u32 = ${CHUNK}u;

const SUMS: u32 = ROWS * COLUMNS;
const PLANE: u32 = THREAD_ROWS * THREAD_COLUMNS;
const THREADS: u32 = PLANE * SLICES;
const TILE_ROWS: u32 = ROWS * THREAD_ROWS;
const TILE_COLUMNS: u32 = COLUMNS * THREAD_COLUMNS;
const A_STRIDE: u32 = CHUNK + 1u;
const A_QUADS: u32 = TILE_ROWS * A_STRIDE;
const A_LOADS: u32 = TILE_ROWS * CHUNK / THREADS;
const B_QUADS: u32 = 4u * CHUNK * TILE_COLUMNS;
const B_LOADS: u32 = (B_QUADS + THREADS - 1u) / THREADS;

// A chunk of both operands, in the end the sums of slices: see linear_forward.wgsl.
const MEMORY_QUADS: u32 = max(A_QUADS + B_QUADS, SLICES / 2u * PLANE * SUMS);
var<workgroup> memory: array<vec4<f32>, MEMORY_QUADS>;

// Where the tile of a workgroup lies, and how far it reaches.
struct Tile {
    row: u32,        // first row of the output
    column: u32,     // first quad of columns
    rows: u32,       // of the output
    out_quads: u32,  // of an output row
    depth: u32,      // quads to sum
}

// Which part of the tile a thread computes: rows THREAD_ROWS apart and columns THREAD_COLUMNS apart.
struct Thread {
    slice: u32,
    row: u32,
    column: u32,
}

// What a thread has on its way from storage to workgroup memory.
struct Loads {
    a: array<vec4<f32>, A_LOADS>,
    b: array<vec4<f32>, B_LOADS>,
}

// This thread's part of the chunk that starts at quad `chunk`. Rows and columns past the end repeat the
// last one and are not stored; what lies past the depth is not loaded, and not read either.
fn load(tile: Tile, local: u32, chunk: u32) -> Loads {
    var loads: Loads;
    let k = chunk + local % CHUNK;
    for (var l = 0u; l < A_LOADS; l++) {
        let row = min(tile.row + (l * THREADS + local) / CHUNK, tile.rows - 1u);
        if (k < tile.depth) {
            loads.a[l] = input[row * params.in_quads + k];
        }
    }
    let column = min(tile.column + local % TILE_COLUMNS, tile.out_quads - 1u);
    for (var l = 0u; l < B_LOADS; l++) {
        let row = 4u * chunk + (l * THREADS + local) / TILE_COLUMNS;
        if (row < 4u * min(tile.depth, chunk + CHUNK)) {
            loads.b[l] = weight[row * tile.out_quads + column];
        }
    }
    return loads;
}

fn share(loads: ptr<function, Loads>, local: u32) {
    for (var l = 0u; l < A_LOADS; l++) {
        memory[(l * THREADS + local) / CHUNK * A_STRIDE + local % CHUNK] = (*loads).a[l];
    }
    for (var l = 0u; l < B_LOADS; l++) {
        if (l * THREADS + local < B_QUADS) {
            memory[A_QUADS + l * THREADS + local] = (*loads).b[l];
        }
    }
}

// Adds the products of this thread's slice of the first `live` quads in memory.
fn add_products(sums: ptr<function, array<vec4<f32>, SUMS>>, thread: Thread, live: u32) {
    for (var k = thread.slice; k < live; k += SLICES) {
        var a: array<vec4<f32>, ROWS>;
        for (var r = 0u; r < ROWS; r++) {
            a[r] = memory[(r * THREAD_ROWS + thread.row) * A_STRIDE + k];
        }
        for (var c = 0u; c < COLUMNS; c++) {
            let at = A_QUADS + 4u * k * TILE_COLUMNS + c * THREAD_COLUMNS + thread.column;
            let b_0 = memory[at];
            let b_1 = memory[at + TILE_COLUMNS];
            let b_2 = memory[at + 2u * TILE_COLUMNS];
            let b_3 = memory[at + 3u * TILE_COLUMNS];
            // From left to right, so that each product and its sum can be one fused multiply-add.
            for (var r = 0u; r < ROWS; r++) {
                let sum = (*sums)[r * COLUMNS + c];
                (*sums)[r * COLUMNS + c] = sum + a[r].x * b_0 + a[r].y * b_1 + a[r].z * b_2 + a[r].w * b_3;
            }
        }
    }
}

// Adds the slices' sums to those of slice 0, by halves, always in the same order.
fn add_slices(sums: ptr<function, array<vec4<f32>, SUMS>>, slice: u32, place: u32) {
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

// Adds the bias, rectifies where that is the activation, and stores what lies within the output. Padding
// channels have zero weights and bias, so their sums are zero and so is relu's output.
fn store(sums: ptr<function, array<vec4<f32>, SUMS>>, tile: Tile, thread: Thread) {
    let rectify = vec4<bool>(params.activation == RELU);
    for (var c = 0u; c < COLUMNS; c++) {
        let column = tile.column + thread.column + c * THREAD_COLUMNS;
        let column_bias = bias[min(column, tile.out_quads - 1u)];
        for (var r = 0u; r < ROWS; r++) {
            let row = tile.row + thread.row + r * THREAD_ROWS;
            if (row < tile.rows && column < tile.out_quads) {
                let x = (*sums)[r * COLUMNS + c] + column_bias;
                output[row * tile.out_quads + column] = select(x, max(x, vec4<f32>(0.0)), rectify);
            }
        }
    }
}

// Activates what `store` has stored. Sigmoid and tanh are long: they are not to be unrolled with it.
fn activate_stored(tile: Tile, thread: Thread) {
    let end_row = min(tile.row + TILE_ROWS, tile.rows);
    let end_column = min(tile.column + TILE_COLUMNS, tile.out_quads);
    for (var row = tile.row + thread.row; row < end_row; row += THREAD_ROWS) {
        for (var c = tile.column + thread.column; c < end_column; c += THREAD_COLUMNS) {
            let at = row * tile.out_quads + c;
            let activated = activate(params.activation, output[at]);
            output[at] = without_padding(activated, c, params.out_channels);
        }
    }
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let rows = step.batch * params.rows_per_sample;
    let out_quads = (params.out_channels + 3u) / 4u;
    let column_tiles = (out_quads + TILE_COLUMNS - 1u) / TILE_COLUMNS;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let row = group / column_tiles * TILE_ROWS;
    // A workgroup past the last tile sums nothing, rather than miss a barrier.
    let depth = select(0u, params.in_quads, row < rows);
    let tile = Tile(row, group % column_tiles * TILE_COLUMNS, rows, out_quads, depth);
    // Neighbouring threads have the same rows and neighbouring columns.
    let thread = Thread(local / PLANE, local / THREAD_COLUMNS % THREAD_ROWS, local % THREAD_COLUMNS);

    var sums: array<vec4<f32>, SUMS>;
    var loads = load(tile, local, 0u);
    for (var chunk = 0u; chunk < depth; chunk += CHUNK) {
        share(&loads, local);
        workgroupBarrier();
        // The next chunk is on its way from storage, in registers, while this one is summed.
        loads = load(tile, local, chunk + CHUNK);
        add_products(&sums, thread, min(depth - chunk, CHUNK));
        // All of the chunk is read before it is replaced.
        workgroupBarrier();
    }
    add_slices(&sums, thread.slice, local % PLANE);
    if (thread.slice == 0u) {
        store(&sums, tile, thread);
        if (params.activation == SIGMOID || params.activation == TANH) {
            activate_stored(tile, thread);
        }
    }
}
