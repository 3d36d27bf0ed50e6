// What conv2d_forward computes, of stride 1 and for kernels of KERNEL_WIDTH columns, without workgroup memory.
//
// input   [batch, in_height, in_width, in_quads] vec4
// weight  [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// bias    [out_quads] vec4
// output  [batch, out_height, out_width, out_quads] vec4
//
// A thread computes PIXELS neighbouring pixels of a line by one quad of channels. For each line of the window
// and quad of the summed channels it reads the pixels once that all taps of the line share; the weight its
// neighbours read too. LANES is 3 where the input has so few channels, else 4. As in `product`, all arrays
// are small and the ends of their loops constant.
//#include step
//#include activation
//#include direct

const THREADS: u32 = 64;
const WIDTH: u32 = PIXELS + KERNEL_WIDTH - 1u;

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

alias Sums = array<vec4<f32>, PIXELS>;

// Where a thread's pixels lie.
struct Place {
    first: u32,   // quad of `input` where the first window starts; before its first one it wraps around
    x: u32,       // column of the image where it does; left of it, larger than any
    column: u32,  // quad of channels
    columns: u32,
}

// Adds the products of line `y` of the window and quad `k` of the input's channels.
fn add_line(sums: ptr<function, Sums>, place: Place, y: u32, k: u32) {
    var line: array<vec4<f32>, WIDTH>;
    let first = place.first + y * params.in_width * params.in_quads + k;
    if (params.padding == 0u) {
        // Pixels past the last of the image's line repeat it, and are not stored.
        let last = (params.in_width - 1u - place.x) * params.in_quads;
        for (var p = 0u; p < WIDTH; p++) {
            line[p] = input[first + min(p * params.in_quads, last)];
        }
    } else {
        for (var p = 0u; p < WIDTH; p++) {
            line[p] = vec4<f32>(0.0);
            if (place.x + p < params.in_width) {
                line[p] = input[first + p * params.in_quads];
            }
        }
    }
    for (var x = 0u; x < KERNEL_WIDTH; x++) {
        let at = 4u * ((y * KERNEL_WIDTH + x) * params.in_quads + k) * place.columns + place.column;
        var b: mat4x4<f32>;
        b[0] = weight[at];
        b[1] = weight[at + place.columns];
        b[2] = weight[at + 2u * place.columns];
        if (LANES > 3u) {
            b[3] = weight[at + 3u * place.columns];
        }
        for (var p = 0u; p < PIXELS; p++) {
            (*sums)[p] = added((*sums)[p], line[p + x], b);
        }
    }
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * workgroups.x + workgroup.x) * THREADS + local;
    // Neighbours: columns, then the pixels of a line, then lines.
    let columns = (params.out_channels + 3u) / 4u;
    let segments = (params.out_width + PIXELS - 1u) / PIXELS;
    let column = index % columns;
    let x = index / columns % segments * PIXELS;
    let line = index / columns / segments;
    let y = line % params.out_height;
    let sample = line / params.out_height;
    if (sample >= step.batch) {
        return;
    }
    let pixel = (sample * params.in_height + y - params.padding) * params.in_width + x - params.padding;
    let place = Place(pixel * params.in_quads, x - params.padding, column, columns);
    // The lines of the window that lie in the image.
    var first_tap = 0u;
    var end_tap = params.kernel_height;
    if (params.padding > 0u) {
        let end = params.in_height + params.padding;
        first_tap = max(y, params.padding) - y;
        end_tap = min(max(y, end) - y, params.kernel_height);
    }
    var sums: Sums;
    for (var tap_y = first_tap; tap_y < end_tap; tap_y++) {
        for (var k = 0u; k < params.in_quads; k++) {
            add_line(&sums, place, tap_y, k);
        }
    }
    // Padding channels have zero weights and bias, so their sums are zero and so is relu's output.
    let rectify = vec4<bool>(params.activation == RELU);
    let column_bias = bias[column];
    let start = line * params.out_width;
    for (var p = 0u; p < PIXELS; p++) {
        if (x + p < params.out_width) {
            let value = sums[p] + column_bias;
            output[(start + x + p) * columns + column] = select(value, max(value, vec4<f32>(0.0)), rectify);
        }
    }
    // Sigmoid and tanh are long: one copy of their code in a second pass compiles faster.
    if (params.activation == SIGMOID || params.activation == TANH) {
        for (var to = x; to < min(x + PIXELS, params.out_width); to++) {
            let at = (start + to) * columns + column;
            let activated = activate(params.activation, output[at]);
            output[at] = without_padding(activated, column, params.out_channels);
        }
    }
}
