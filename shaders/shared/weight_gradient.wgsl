// The gradients of a layer by its weight and bias, as a product: inputs, turned, times gradients of outputs,
// summed over the rows of a batch. For kernels that include `product`, bind `grad_output` and `partials` and
// have `params.out_quads`, `params.splits`, `params.samples_per_split` and `params.bias_at`.
//
// Their tiles (src/kernel/tile/tables.rs) have ROW_QUADS instead of ROWS, and CHUNK rows of the batch are in
// memory at a time: a row of a is an input, and four of those make a quad of `input`.
const ROWS: u32 = 4u * ROW_QUADS;
const CHUNK_QUADS: u32 = CHUNK / 4u;
const A_STRIDE: u32 = CHUNK_QUADS;
const TILE_QUADS: u32 = TILE_ROWS / 4u;

// Where the tile of a workgroup lies: in which split of the batch, and in the gradient.
struct Tile {
    split: u32,
    first: u32,    // row of the batch in the split
    end: u32,      // of the split's rows
    quad: u32,     // first quad of inputs
    column: u32,   // first quad of outputs
    in_quads: u32, // of the weight; the bias's 1, 0, 0, 0 is one quad more
}

// A workgroup past the last split, like a split past the batch, sums nothing.
fn tile_of(group: u32, in_quads: u32, rows_per_sample: u32) -> Tile {
    let row_tiles = (in_quads + TILE_QUADS) / TILE_QUADS;
    let column_tiles = (params.out_quads + TILE_COLUMNS - 1u) / TILE_COLUMNS;
    let row_tile = group / column_tiles;
    let split = row_tile / row_tiles;
    let first = min(split * params.samples_per_split, step.batch);
    let end = min(first + params.samples_per_split, step.batch);
    let quad = row_tile % row_tiles * TILE_QUADS;
    let column = group % column_tiles * TILE_COLUMNS;
    return Tile(split, first * rows_per_sample, end * rows_per_sample, quad, column, in_quads);
}

// Loads a thread's part of the gradients of CHUNK rows from `chunk` on; zeros past the split's end. Columns
// past the end repeat the last one and are not stored.
fn load_gradients(b: ptr<function, array<vec4<f32>, B_LOADS>>, tile: Tile, local: u32, chunk: u32) {
    let column = min(tile.column + local % TILE_COLUMNS, params.out_quads - 1u);
    for (var l = 0u; l < B_LOADS; l++) {
        let row = chunk + (l * THREADS + local) / TILE_COLUMNS;
        (*b)[l] = vec4<f32>(0.0);
        if (row < min(tile.end, chunk + CHUNK)) {
            (*b)[l] = grad_output[row * params.out_quads + column];
        }
    }
}

// Puts a thread's quads of inputs into memory: TILE_QUADS for each row of the batch.
fn share_inputs(a: ptr<function, array<vec4<f32>, A_LOADS>>, local: u32) {
    for (var l = 0u; l < A_LOADS; l++) {
        memory[l * THREADS + local] = (*a)[l];
    }
}

// Adds the products of a thread's slice of the first `live` rows of the chunk. Rows past the end are zeros, so
// four are summed at a time.
fn add_inputs(sums: ptr<function, Sums>, thread: Thread, live: u32) {
    for (var k = thread.slice; 4u * k < live; k += SLICES) {
        var a: array<vec4<f32>, ROWS>;
        for (var q = 0u; q < ROW_QUADS; q++) {
            let at = 4u * k * TILE_QUADS + q * THREAD_ROWS + thread.row;
            let inputs = transpose(mat4x4<f32>(
                memory[at],
                memory[at + TILE_QUADS],
                memory[at + 2u * TILE_QUADS],
                memory[at + 3u * TILE_QUADS],
            ));
            a[4u * q] = inputs[0];
            a[4u * q + 1u] = inputs[1];
            a[4u * q + 2u] = inputs[2];
            a[4u * q + 3u] = inputs[3];
        }
        add_products(sums, &a, k, thread.column);
    }
}

// Stores what lies within the split's gradient: the weight, zeros up to params.bias_at, and the bias.
fn store(sums: ptr<function, Sums>, tile: Tile, thread: Thread) {
    let start = tile.split * (params.bias_at + params.out_quads);
    for (var q = 0u; q < ROW_QUADS; q++) {
        let quad = tile.quad + thread.row + q * THREAD_ROWS;
        for (var c = 0u; c < COLUMNS; c++) {
            let column = tile.column + thread.column + c * THREAD_COLUMNS;
            if (quad < tile.in_quads && column < params.out_quads) {
                for (var i = 0u; i < 4u; i++) {
                    let at = (4u * quad + i) * params.out_quads + column;
                    partials[start + at] = (*sums)[(4u * q + i) * COLUMNS + c];
                }
            }
            if (quad == tile.in_quads && column < params.out_quads) {
                partials[start + params.bias_at + column] = (*sums)[4u * q * COLUMNS + c];
            }
        }
        if (quad == tile.in_quads && tile.column + thread.column == 0u) {
            let zeros_end = start + params.bias_at;
            for (var at = start + 4u * tile.in_quads * params.out_quads; at < zeros_end; at++) {
                partials[at] = vec4<f32>(0.0);
            }
        }
    }
}
