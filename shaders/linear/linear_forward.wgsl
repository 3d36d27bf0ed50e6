// output = activation(input * weight + bias), row by row; or where `splits` is more than 1, as many partial sums of
// input * weight, each over split_quads quads of the input.
//
// input   [batch * rows_per_sample, in_quads] vec4
// weight  [4 in_quads, out_quads] vec4
// bias    [out_quads] vec4
// output  [batch * rows_per_sample, out_quads] vec4, of one split after the other, split_stride quads apart
//
// A workgroup computes a tile of TILE_ROWS rows by TILE_COLUMNS quads of the output, and a thread ROWS by
// COLUMNS of those. CHUNK quads of the summed dimension are in workgroup memory at a time; each of SLICES
// groups of threads sums a part of every chunk.
//#include step
//#include activation
//#include product

struct Params {
    rows_per_sample: u32,
    in_quads: u32,
    out_channels: u32,     // unpadded
    activation: u32,
    splits: u32,
    split_quads: u32,
    split_stride: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

const CHUNK_QUADS: u32 = CHUNK;
// Odd, so that threads that read the same quad of different rows meet different banks.
const A_STRIDE: u32 = CHUNK + 1u;

// Where the tile of a workgroup lies, and where the output ends.
struct Tile {
    row: u32,        // first row of the output
    column: u32,     // first quad of its columns
    rows: u32,       // of the output
    out_quads: u32,  // of an output row
    first: u32,      // quad of the input that the sum begins with
    end: u32,        // and the one before which it ends
    output: u32,     // quad at which the split begins
}

// Loads a thread's part of the chunk of the input that starts at quad `chunk`. Rows past the end repeat
// the last one and are not stored; what lies past the end is not loaded, and not read either.
fn load_input(a: ptr<function, array<vec4<f32>, A_LOADS>>, tile: Tile, local: u32, chunk: u32) {
    let k = chunk + local % CHUNK;
    if (k < tile.end) {
        for (var l = 0u; l < A_LOADS; l++) {
            let row = min(tile.row + (l * THREADS + local) / CHUNK, tile.rows - 1u);
            (*a)[l] = input[row * params.in_quads + k];
        }
    }
}

// The same of the weight, whose columns past the end repeat the last one.
fn load_weight(b: ptr<function, array<vec4<f32>, B_LOADS>>, tile: Tile, local: u32, chunk: u32) {
    let end = 4u * min(tile.end, chunk + CHUNK);
    let column = min(tile.column + local % TILE_COLUMNS, tile.out_quads - 1u);
    for (var l = 0u; l < B_LOADS; l++) {
        let row = 4u * chunk + (l * THREADS + local) / TILE_COLUMNS;
        if (row < end) {
            (*b)[l] = weight[row * tile.out_quads + column];
        }
    }
}

// Adds the bias, rectifies where that is the activation, and stores what lies within the output. Padding
// channels have zero weights and bias, so their sums are zero and so is relu's output.
fn store(sums: ptr<function, Sums>, tile: Tile, thread: Thread) {
    let is_whole = params.splits == 1u;
    let rectify = vec4<bool>(is_whole && params.activation == RELU);
    for (var c = 0u; c < COLUMNS; c++) {
        let column = tile.column + thread.column + c * THREAD_COLUMNS;
        let column_bias = select(vec4<f32>(0.0), bias[min(column, tile.out_quads - 1u)], is_whole);
        for (var r = 0u; r < ROWS; r++) {
            let row = tile.row + thread.row + r * THREAD_ROWS;
            if (row < tile.rows && column < tile.out_quads) {
                let x = (*sums)[r * COLUMNS + c] + column_bias;
                output[tile.output + row * tile.out_quads + column] = select(x, max(x, vec4<f32>(0.0)), rectify);
            }
        }
    }
}

// Activates what `store` has stored. Sigmoid and tanh are long: one copy of their code in a second pass
// over the tile compiles in a tenth of the time that one for each sum takes.
fn activate_stored(tile: Tile, thread: Thread) {
    let end_row = min(tile.row + TILE_ROWS, tile.rows);
    let end_column = min(tile.column + TILE_COLUMNS, tile.out_quads);
    for (var row = tile.row + thread.row; row < end_row; row += THREAD_ROWS) {
        for (var column = tile.column + thread.column; column < end_column; column += THREAD_COLUMNS) {
            let at = row * tile.out_quads + column;
            let activated = activate(params.activation, output[at]);
            output[at] = without_padding(activated, column, params.out_channels);
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
    let all = workgroup.y * workgroups.x + workgroup.x;
    let group = all / params.splits;
    let split = all % params.splits;
    let row = group / column_tiles * TILE_ROWS;
    // A workgroup past the last tile sums nothing, rather than miss a barrier.
    let first = split * params.split_quads;
    let end = select(first, min(first + params.split_quads, params.in_quads), row < rows);
    let column = group % column_tiles * TILE_COLUMNS;
    let tile = Tile(row, column, rows, out_quads, first, end, split * params.split_stride);
    let thread = thread_of(local);

    var sums: Sums;
    var a: array<vec4<f32>, A_LOADS>;
    var b: array<vec4<f32>, B_LOADS>;
    load_input(&a, tile, local, first);
    load_weight(&b, tile, local, first);
    for (var chunk = first; chunk < end; chunk += CHUNK) {
        share_rows(&a, local);
        share_columns(&b, local);
        workgroupBarrier();
        // The next chunk is on its way from storage, in registers, while this one is summed: with few
        // workgroups per multiprocessor nothing else hides the latency.
        load_input(&a, tile, local, chunk + CHUNK);
        load_weight(&b, tile, local, chunk + CHUNK);
        add_rows(&sums, thread, min(end - chunk, CHUNK));
        // All of the chunk is read before it is replaced.
        workgroupBarrier();
    }
    add_slices(&sums, local);
    if (thread.slice == 0u) {
        store(&sums, tile, thread);
        if (params.splits == 1u && (params.activation == SIGMOID || params.activation == TANH)) {
            activate_stored(tile, thread);
        }
    }
}
