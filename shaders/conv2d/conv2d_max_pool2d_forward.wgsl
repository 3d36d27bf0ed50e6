// output = the maximum of every 2x2 square of max(conv2d(input, weight) + bias, 0) (or without the
// rectifier); argmax = where it was. The convolution's own output is never stored.
//
// input   [batch, in_height, in_width, in_quads] vec4
// weight  [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// bias    [out_quads] vec4
// output  [batch, out_height, out_width, out_quads] vec4
// argmax  [batch, out_height, out_width, out_quads] vec4   y * conv_width + x within the sample
//
// A product whose rows are pixels of the convolution's output, tiled as in conv2d_forward, in tiles of
// TILE_ROWS / 4 squares: row 4w + p of a thread is pixel p of its square w.
//#include step
//#include activation
//#include image_padding
//#include picked
//#include product

struct Params {
    in_height: u32,
    in_width: u32,
    in_quads: u32,
    conv_width: u32,       // of the convolution's output
    out_height: u32,
    out_width: u32,
    out_channels: u32,     // unpadded
    kernel_height: u32,
    kernel_width: u32,
    stride: u32,
    padding: u32,          // pixels of zeros on every side of the input, which are not in memory
    activation: u32,       // LINEAR or RELU
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> argmax: array<vec4<u32>>;
@group(0) @binding(5) var<uniform> params: Params;

// Four pixels for each of a thread's squares.
const ROWS: u32 = 4u * WINDOWS;
const CHUNK_QUADS: u32 = CHUNK;
// Odd, so that threads that read the same quad of different rows meet different banks.
const A_STRIDE: u32 = CHUNK + 1u;

// Where the tile of a workgroup lies, and where the output ends.
struct Tile {
    window: u32,     // first square of the batch
    column: u32,     // first quad of channels
    windows: u32,    // squares of the batch
    out_quads: u32,  // of a pixel
    depth: u32,      // quads to sum: those of a window of the convolution
}

// Where square `window` of the batch lies: x, y and sample.
fn square(window: u32) -> vec3<u32> {
    return vec3<u32>(
        window % params.out_width,
        window / params.out_width % params.out_height,
        window / (params.out_width * params.out_height),
    );
}

// Where the convolution's windows start.
struct Starts {
    quads: array<u32, A_LOADS>,   // of `input`; before its first one they wrap around
    places: array<u32, A_LOADS>,  // in the padded image; not read without padding
}

// The windows that a thread loads from. Squares past the end repeat the last one and are not stored.
fn window_starts(tile: Tile, local: u32) -> Starts {
    var starts: Starts;
    for (var l = 0u; l < A_LOADS; l++) {
        // Row r of thread row t is row r * THREAD_ROWS + t of the tile: pixel r % 4 of its square.
        let tile_row = (l * THREADS + local) / CHUNK;
        let row = tile_row / THREAD_ROWS;
        let window = tile.window + row / 4u * THREAD_ROWS + tile_row % THREAD_ROWS;
        let corner = square(min(window, tile.windows - 1u));
        let x = (2u * corner.x + row % 2u) * params.stride;
        let y = (2u * corner.y + row / 2u % 2u) * params.stride;
        let line = corner.z * params.in_height + y - params.padding;
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

// Adds the bias, and stores the maximum of every square within the output and where it was.
fn store(sums: ptr<function, Sums>, tile: Tile, thread: Thread) {
    let rectify = vec4<bool>(params.activation == RELU);
    for (var c = 0u; c < COLUMNS; c++) {
        let column = tile.column + thread.column + c * THREAD_COLUMNS;
        let column_bias = bias[min(column, tile.out_quads - 1u)];
        for (var w = 0u; w < WINDOWS; w++) {
            let window = tile.window + thread.row + w * THREAD_ROWS;
            if (window < tile.windows && column < tile.out_quads) {
                let corner = square(window);
                let pixel = 2u * (corner.y * params.conv_width + corner.x);
                var picked = Picked((*sums)[4u * w * COLUMNS + c] + column_bias, vec4<u32>(pixel));
                for (var p = 1u; p < 4u; p++) {
                    let value = (*sums)[(4u * w + p) * COLUMNS + c] + column_bias;
                    picked = pick(picked, value, pixel + p / 2u * params.conv_width + p % 2u);
                }
                let at = window * tile.out_quads + column;
                output[at] = select(picked.value, max(picked.value, vec4<f32>(0.0)), rectify);
                argmax[at] = picked.pixel;
            }
        }
    }
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let windows = step.batch * params.out_height * params.out_width;
    let out_quads = (params.out_channels + 3u) / 4u;
    let column_tiles = (out_quads + TILE_COLUMNS - 1u) / TILE_COLUMNS;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let first = group / column_tiles * (TILE_ROWS / 4u);
    let window_quads = params.kernel_height * params.kernel_width * params.in_quads;
    // A workgroup past the last tile sums nothing, rather than miss a barrier.
    let depth = select(0u, window_quads, first < windows);
    let tile = Tile(first, group % column_tiles * TILE_COLUMNS, windows, out_quads, depth);
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
    }
}
