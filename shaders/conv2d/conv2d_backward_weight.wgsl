// partials = the gradients of a conv2d by its weight and bias, in `splits` parts,
// each the sum over a range of samples.
//
// input        [batch, in_height, in_width, in_quads] vec4
// grad_output  [batch, out_height, out_width, out_quads] vec4
// partials     [splits] of the weight [kernel_height, kernel_width, 4 in_quads, out_quads], zeros,
//              the bias [out_quads] vec4
//
// A workgroup computes, for one split, TILE_ROWS quads of the window, of which the bias's is one more
// than it has, by TILE_COLUMNS quads of output channels, and a thread ROW_QUADS by COLUMNS of those.
// CHUNK pixels of the output are in workgroup memory at a time; each of SLICES groups of threads sums a
// part of every chunk.
//#include step
//#include image_padding
//#include product
//#include weight_gradient

struct Params {
    in_height: u32,
    in_width: u32,
    in_quads: u32,
    out_height: u32,
    out_width: u32,
    out_quads: u32,
    kernel_height: u32,
    kernel_width: u32,
    stride: u32,
    padding: u32,          // pixels of zeros on every side of the input, which are not in memory
    splits: u32,
    samples_per_split: u32,
    bias_at: u32,          // quads from a split's weight to its bias
    bias: f32,             // 1, or 0 where there is none: its gradient is zero
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

// Where output pixel `row` of the batch lies: x, y and sample.
fn pixel_of(row: u32) -> vec3<u32> {
    return vec3<u32>(
        row % params.out_width,
        row / params.out_width % params.out_height,
        row / (params.out_width * params.out_height),
    );
}

// The pixel that many pixels further on: a sum with carries, for divisions are dear.
fn advanced(pixel: vec3<u32>, by: vec3<u32>) -> vec3<u32> {
    var sum = pixel + by;
    if (sum.x >= params.out_width) {
        sum.x -= params.out_width;
        sum.y++;
    }
    if (sum.y >= params.out_height) {
        sum.y -= params.out_height;
        sum.z++;
    }
    return sum;
}

// The quad of `input` at which the window of a pixel starts; before the first one it wraps around.
fn window_start(pixel: vec3<u32>) -> u32 {
    let line = pixel.z * params.in_height + pixel.y * params.stride - params.padding;
    return (line * params.in_width + pixel.x * params.stride - params.padding) * params.in_quads;
}

// Whether the pixel under a tap of the window of `pixel` is one of the zeros around the image.
fn is_outside(pixel: vec3<u32>, tap: u32) -> bool {
    return params.padding > 0u && is_zero(place_of(pixel.y * params.stride, pixel.x * params.stride) + tap);
}

// Where a thread's inputs lie.
struct Inputs {
    offset: u32,                        // of its quad, in every window
    tap: u32,                           // the quad's pixel there, as image_padding has it
    pixels: array<vec3<u32>, A_LOADS>,  // whose windows it loads next
    chunk: vec3<u32>,                   // CHUNK pixels
}

// Quads past the last one of a window repeat that: one serves for the bias, the others are not stored.
fn inputs_of(tile: Tile, local: u32) -> Inputs {
    let run = params.kernel_width * params.in_quads;
    let quad = min(tile.quad + local % TILE_QUADS, tile.in_quads - 1u);
    var inputs: Inputs;
    inputs.offset = quad / run * params.in_width * params.in_quads + quad % run;
    inputs.tap = place_of(quad / run, quad % run / params.in_quads);
    for (var l = 0u; l < A_LOADS; l++) {
        inputs.pixels[l] = pixel_of(tile.first + (l * THREADS + local) / TILE_QUADS);
    }
    inputs.chunk = pixel_of(CHUNK);
    return inputs;
}

// Loads a thread's part of the windows of CHUNK pixels from `chunk` on, and moves on to the next chunk: one
// quad of some windows, or the bias's 1, 0, 0, 0; zeros past the split's end.
fn load_inputs(
    a: ptr<function, array<vec4<f32>, A_LOADS>>,
    inputs: ptr<function, Inputs>,
    tile: Tile,
    local: u32,
    chunk: u32,
) {
    let is_bias = tile.quad + local % TILE_QUADS == tile.in_quads;
    for (var l = 0u; l < A_LOADS; l++) {
        let pixel = (*inputs).pixels[l];
        (*a)[l] = vec4<f32>(0.0);
        if (chunk + (l * THREADS + local) / TILE_QUADS < tile.end) {
            (*a)[l] = vec4<f32>(params.bias, 0.0, 0.0, 0.0);
            if (!is_bias) {
                (*a)[l] = vec4<f32>(0.0);
                if (!is_outside(pixel, (*inputs).tap)) {
                    (*a)[l] = input[window_start(pixel) + (*inputs).offset];
                }
            }
        }
        (*inputs).pixels[l] = advanced(pixel, (*inputs).chunk);
    }
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.y * workgroups.x + workgroup.x;
    let window_quads = params.kernel_height * params.kernel_width * params.in_quads;
    let tile = tile_of(group, window_quads, params.out_height * params.out_width);
    let thread = thread_of(local);

    var sums: Sums;
    var a: array<vec4<f32>, A_LOADS>;
    var b: array<vec4<f32>, B_LOADS>;
    var inputs = inputs_of(tile, local);
    load_inputs(&a, &inputs, tile, local, tile.first);
    load_gradients(&b, tile, local, tile.first);
    for (var chunk = tile.first; chunk < tile.end; chunk += CHUNK) {
        share_inputs(&a, local);
        share_columns(&b, local);
        workgroupBarrier();
        // The next chunk is on its way from storage, in registers, while this one is summed.
        load_inputs(&a, &inputs, tile, local, chunk + CHUNK);
        load_gradients(&b, tile, local, chunk + CHUNK);
        add_inputs(&sums, thread, min(tile.end - chunk, CHUNK));
        // All of the chunk is read before it is replaced.
        workgroupBarrier();
    }
    add_slices(&sums, local);
    if (thread.slice == 0u && tile.split < params.splits) {
        store(&sums, tile, thread);
    }
}
