// The sums of a conv2d's gradient by its input, a product whose rows are samples, tiled as in linear_forward. All
// of a tile is at the same pixel: the windows that cover it are then the same for the whole tile, and sums run over
// just those, and over the output channels of each.
//
// A kernel binds grad_output, weight and params as conv2d_backward_input does, and says what becomes of the sums
//   store(sums, tile, thread)
const CHUNK_QUADS: u32 = CHUNK;
// Odd, so that threads that read the same quad of different rows meet different banks.
const A_STRIDE: u32 = CHUNK + 1u;

// The windows that cover a pixel of the input: those from `first` on, `across` of them side by side.
struct Windows {
    pixel: vec2<u32>,  // in the padded image
    first: vec2<u32>,
    across: u32,
    count: u32,
}

// Where the tile of a workgroup lies.
struct Tile {
    pixel: u32,   // of the input, the same for the whole tile
    sample: u32,  // first of the batch
    column: u32,  // first quad of input channels
    depth: u32,   // quads to sum: the output channels of all windows
}

// The windows start, start + 1, .. end - 1 of `count` cover position `at` along one axis.
fn covering(at: u32, kernel: u32, count: u32) -> vec2<u32> {
    let end = min(at / params.stride + 1u, count);
    if (at < kernel) {
        return vec2<u32>(0u, end);
    }
    return vec2<u32>((at - kernel) / params.stride + 1u, end);
}

// Past the last pixel the first window may lie behind the last one: there are none.
fn windows_of(pixel: u32) -> Windows {
    let at = vec2<u32>(pixel % params.in_width, pixel / params.in_width) + params.padding;
    let x = covering(at.x, params.kernel_width, params.out_width);
    let y = covering(at.y, params.kernel_height, params.out_height);
    let across = max(x.y, x.x) - x.x;
    let down = max(y.y, y.x) - y.x;
    return Windows(at, vec2<u32>(x.x, y.x), across, across * down);
}

// Column and row of the output where window k / out_quads of `windows` is.
fn window_at(k: u32, windows: Windows) -> vec2<u32> {
    let window = k / params.out_quads;
    return windows.first + vec2<u32>(window % windows.across, window / windows.across);
}

// Quad `k` of the summed dimension, from the start of a sample's gradient.
fn grad_offset(k: u32, windows: Windows) -> u32 {
    let at = window_at(k, windows);
    return (at.y * params.out_width + at.x) * params.out_quads + k % params.out_quads;
}

// The first of four rows of the weight of input channels `column`, at quad `k` of the summed dimension.
fn weight_offset(k: u32, windows: Windows, column: u32) -> u32 {
    let tap = windows.pixel - window_at(k, windows) * params.stride;
    let row = 4u * ((tap.y * params.kernel_width + tap.x) * params.in_quads + column);
    return row * params.out_quads + k % params.out_quads;
}

// Loads a thread's part of the chunk of the samples' gradients that starts at quad `chunk`. Samples past the
// end repeat the last one and are not stored; what lies past the depth is not loaded, and not read either.
fn load_gradients(
    a: ptr<function, array<vec4<f32>, A_LOADS>>,
    tile: Tile,
    windows: Windows,
    local: u32,
    chunk: u32,
) {
    let k = chunk + local % CHUNK;
    if (k < tile.depth) {
        let offset = grad_offset(k, windows);
        let sample_quads = params.out_height * params.out_width * params.out_quads;
        for (var l = 0u; l < A_LOADS; l++) {
            let sample = min(tile.sample + (l * THREADS + local) / CHUNK, step.batch - 1u);
            (*a)[l] = grad_output[sample * sample_quads + offset];
        }
    }
}

// Loads four rows of the weight by one quad of their columns, and turns them: the product runs over output
// channels, which the weight has along its rows. Columns past the end repeat the last one.
fn load_weight(block: ptr<function, mat4x4<f32>>, tile: Tile, windows: Windows, local: u32, chunk: u32) {
    let k = chunk + local / TILE_COLUMNS;
    if (k < min(tile.depth, chunk + CHUNK)) {
        let column = min(tile.column + local % TILE_COLUMNS, params.in_quads - 1u);
        let at = weight_offset(k, windows, column);
        *block = transpose(mat4x4<f32>(
            weight[at],
            weight[at + params.out_quads],
            weight[at + 2u * params.out_quads],
            weight[at + 3u * params.out_quads],
        ));
    }
}

// Puts a thread's block of the weight into memory: a quad of each of four rows.
fn share_weight(block: mat4x4<f32>, local: u32) {
    if (local < CHUNK * TILE_COLUMNS) {
        let at = A_QUADS + local / TILE_COLUMNS * 4u * TILE_COLUMNS + local % TILE_COLUMNS;
        memory[at] = block[0];
        memory[at + TILE_COLUMNS] = block[1];
        memory[at + 2u * TILE_COLUMNS] = block[2];
        memory[at + 3u * TILE_COLUMNS] = block[3];
    }
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let column_tiles = (params.in_quads + TILE_COLUMNS - 1u) / TILE_COLUMNS;
    let sample_tiles = (step.batch + TILE_ROWS - 1u) / TILE_ROWS;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let row_tile = group / column_tiles;
    let pixel = row_tile / sample_tiles;
    let inside = pixel < params.in_height * params.in_width;
    let windows = windows_of(pixel);
    // A workgroup past the last pixel sums nothing, rather than miss a barrier.
    let depth = select(0u, windows.count * params.out_quads, inside);
    let sample = row_tile % sample_tiles * TILE_ROWS;
    let tile = Tile(pixel, sample, group % column_tiles * TILE_COLUMNS, depth);
    let thread = thread_of(local);

    var sums: Sums;
    var a: array<vec4<f32>, A_LOADS>;
    var block: mat4x4<f32>;
    load_gradients(&a, tile, windows, local, 0u);
    load_weight(&block, tile, windows, local, 0u);
    for (var chunk = 0u; chunk < depth; chunk += CHUNK) {
        share_rows(&a, local);
        share_weight(block, local);
        workgroupBarrier();
        // The next chunk is on its way from storage, in registers, while this one is summed: with few
        // workgroups per multiprocessor nothing else hides the latency.
        load_gradients(&a, tile, windows, local, chunk + CHUNK);
        load_weight(&block, tile, windows, local, chunk + CHUNK);
        add_rows(&sums, thread, min(depth - chunk, CHUNK));
        // All of the chunk is read before it is replaced.
        workgroupBarrier();
    }
    add_slices(&sums, local);
    if (thread.slice == 0u && inside) {
        store(&sums, tile, thread);
    }
}
