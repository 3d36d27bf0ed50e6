// What conv2d_max_pool2d_forward computes, of stride 1 and for kernels of KERNEL_HEIGHT by KERNEL_WIDTH,
// without workgroup memory.
//
// input   [batch, in_height, in_width, in_quads] vec4
// weight  [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// bias    [out_quads] vec4
// output  [batch, out_height, out_width, out_quads] vec4
// argmax  [batch, out_height, out_width, out_quads] vec4   y * conv_width + x within the sample
//
// A thread computes SQUARES neighbouring squares of a line by one quad of channels. For each quad of the
// summed channels it reads the lines of input once that both lines of its squares and all taps share; the
// weight its neighbours read too. LANES is 3 where the input has so few channels, else 4. As in `product`,
// all arrays are small and the ends of their loops constant.
//#include step
//#include activation
//#include direct
//#include picked

const THREADS: u32 = 64;
// Pixels of a line of the convolution's output, and of the input that they need.
const PIXELS: u32 = 2u * SQUARES;
const WIDTH: u32 = PIXELS + KERNEL_WIDTH - 1u;

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

alias Line = array<vec4<f32>, WIDTH>;
// Of both lines of the convolution's output.
alias Sums = array<vec4<f32>, 2u * PIXELS>;

// Where a thread's squares lie.
struct Place {
    first: u32,   // quad of `input` where the first window starts; before its first one it wraps around
    x: u32,       // column and line of the image where it does; left of it and above, larger than any
    y: u32,
    column: u32,  // quad of channels
    columns: u32,
}

// Loads quad `k` of line `y` of the windows.
fn load(line: ptr<function, Line>, place: Place, y: u32, k: u32) {
    let first = place.first + y * params.in_width * params.in_quads + k;
    if (params.padding == 0u) {
        // Pixels past the last of the image's line repeat it, and are not stored.
        let last = (params.in_width - 1u - place.x) * params.in_quads;
        for (var p = 0u; p < WIDTH; p++) {
            (*line)[p] = input[first + min(p * params.in_quads, last)];
        }
        return;
    }
    for (var p = 0u; p < WIDTH; p++) {
        (*line)[p] = vec4<f32>(0.0);
        if (place.y + y < params.in_height && place.x + p < params.in_width) {
            (*line)[p] = input[first + p * params.in_quads];
        }
    }
}

// Adds the products of quad `k` of the input's channels.
fn add_channels(sums: ptr<function, Sums>, place: Place, k: u32) {
    var above: Line;
    var below: Line;
    load(&above, place, 0u, k);
    for (var y = 0u; y < KERNEL_HEIGHT; y++) {
        load(&below, place, y + 1u, k);
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
                (*sums)[p] = added((*sums)[p], above[p + x], b);
                (*sums)[PIXELS + p] = added((*sums)[PIXELS + p], below[p + x], b);
            }
        }
        above = below;
    }
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * workgroups.x + workgroup.x) * THREADS + local;
    // Neighbours: columns, then the squares of a line, then lines.
    let columns = (params.out_channels + 3u) / 4u;
    let segments = (params.out_width + SQUARES - 1u) / SQUARES;
    let column = index % columns;
    let x = index / columns % segments * SQUARES;
    let line = index / columns / segments;
    let y = line % params.out_height;
    let sample = line / params.out_height;
    if (sample >= step.batch) {
        return;
    }
    let from_x = 2u * x - params.padding;
    let from_y = 2u * y - params.padding;
    let pixel = (sample * params.in_height + from_y) * params.in_width + from_x;
    let place = Place(pixel * params.in_quads, from_x, from_y, column, columns);
    var sums: Sums;
    for (var k = 0u; k < params.in_quads; k++) {
        add_channels(&sums, place, k);
    }
    let rectify = vec4<bool>(params.activation == RELU);
    let column_bias = bias[column];
    for (var s = 0u; s < SQUARES; s++) {
        if (x + s < params.out_width) {
            let corner = 2u * (y * params.conv_width + x + s);
            let below = corner + params.conv_width;
            var picked = Picked(sums[2u * s] + column_bias, vec4<u32>(corner));
            picked = pick(picked, sums[2u * s + 1u] + column_bias, corner + 1u);
            picked = pick(picked, sums[PIXELS + 2u * s] + column_bias, below);
            picked = pick(picked, sums[PIXELS + 2u * s + 1u] + column_bias, below + 1u);
            let at = (line * params.out_width + x + s) * columns + column;
            output[at] = select(picked.value, max(picked.value, vec4<f32>(0.0)), rectify);
            argmax[at] = picked.pixel;
        }
    }
}
