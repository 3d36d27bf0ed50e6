// output = activation(conv2d(input, weight) + bias).
//
// input   [batch, in_height, in_width, in_quads] vec4
// weight  [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// bias    [out_quads] vec4
// output  [batch, out_height, out_width, out_quads] vec4
//
// A product whose rows are pixels of the output, tiled as in linear_forward. The summed dimension runs
// over the window's rows, one run of kernel_width * in_quads quads each; the rows of the product are
// never written to memory.
//#include step
//#include activation
//#include image_padding
//#include product

struct Params {
    in_height: u32,
    in_width: u32,
    in_quads: u32,
    out_height: u32,
    out_width: u32,
    out_channels: u32,     // unpadded
    kernel_height: u32,
    kernel_width: u32,
    stride: u32,
    padding: u32,          // pixels of zeros on every side of the input, which are not in memory
    activation: u32,
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
    row: u32,        // first pixel of the output, in the batch
    column: u32,     // first quad of its channels
    rows: u32,       // pixels of the output
    out_quads: u32,  // of a pixel
    depth: u32,      // quads to sum: those of a window
}

// Where windows start.
struct Starts {
    quads: array<u32, A_LOADS>,   // of `input`; before its first one they wrap around
    places: array<u32, A_LOADS>,  // in the padded image; not read without padding
}

// The windows that a thread loads from. Pixels past the end repeat the last one and are not stored.
fn window_starts(tile: Tile, local: u32) -> Starts {
    var starts: Starts;
    for (var l = 0u; l < A_LOADS; l++) {
        let row = min(tile.row + (l * THREADS + local) / CHUNK, tile.rows - 1u);
        let x = row % params.out_width * params.stride;
        let y = row / params.out_width % params.out_height * params.stride;
        let sample = row / (params.out_width * params.out_height);
        let line = sample * params.in_height + y - params.padding;
        starts.quads[l] = (line * params.in_width + x - params.padding) * params.in_quads;
        starts.places[l] = place_of(y, x);
    }
    return starts;
}

// Loads a thread's part of the chunk of its windows that starts at quad `chunk`. What lies past the depth is
// not loaded, and not read either.
fn load_input(
    a: ptr<function, array<vec4<f32>, A_LOADS>>,
    starts: ptr<function, Starts>,
    tile: Tile,
    local: u32,
    chunk: u32,
) {
    let k = chunk + local % CHUNK;
    if (k < tile.depth) {
        let run = params.kernel_width * params.in_quads;
        let offset = k / run * params.in_width * params.in_quads + k % run;
        if (params.padding == 0u) {
            for (var l = 0u; l < A_LOADS; l++) {
                (*a)[l] = input[(*starts).quads[l] + offset];
            }
            return;
        }
        let tap = place_of(k / run, k % run / params.in_quads);
        for (var l = 0u; l < A_LOADS; l++) {
            (*a)[l] = vec4<f32>(0.0);
            if (!is_zero((*starts).places[l] + tap)) {
                (*a)[l] = input[(*starts).quads[l] + offset];
            }
        }
    }
}

// The same of the weight, whose columns past the end repeat the last one.
fn load_weight(b: ptr<function, array<vec4<f32>, B_LOADS>>, tile: Tile, local: u32, chunk: u32) {
    let end = 4u * min(tile.depth, chunk + CHUNK);
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
    let rows = step.batch * params.out_height * params.out_width;
    let out_quads = (params.out_channels + 3u) / 4u;
    let column_tiles = (out_quads + TILE_COLUMNS - 1u) / TILE_COLUMNS;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let row = group / column_tiles * TILE_ROWS;
    let window_quads = params.kernel_height * params.kernel_width * params.in_quads;
    // A workgroup past the last tile sums nothing, rather than miss a barrier.
    let depth = select(0u, window_quads, row < rows);
    let tile = Tile(row, group % column_tiles * TILE_COLUMNS, rows, out_quads, depth);
    let thread = thread_of(local);

    var sums: Sums;
    var a: array<vec4<f32>, A_LOADS>;
    var b: array<vec4<f32>, B_LOADS>;
    var starts = window_starts(tile, local);
    load_input(&a, &starts, tile, local, 0u);
    load_weight(&b, tile, local, 0u);
    for (var chunk = 0u; chunk < depth; chunk += CHUNK) {
        share_rows(&a, local);
        share_columns(&b, local);
        workgroupBarrier();
        // The next chunk is on its way from storage, in registers, while this one is summed: with few
        // workgroups per multiprocessor nothing else hides the latency.
        load_input(&a, &starts, tile, local, chunk + CHUNK);
        load_weight(&b, tile, local, chunk + CHUNK);
        add_rows(&sums, thread, min(depth - chunk, CHUNK));
        // All of the chunk is read before it is replaced.
        workgroupBarrier();
    }
    add_slices(&sums, local);
    if (thread.slice == 0u) {
        store(&sums, tile, thread);
        if (params.activation == SIGMOID || params.activation == TANH) {
            activate_stored(tile, thread);
        }
    }
}
