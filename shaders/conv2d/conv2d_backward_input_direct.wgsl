// What conv2d_backward_input computes, of stride 1 and for kernels of KERNEL_WIDTH columns, without workgroup
// memory.
//
// grad_output  [batch, out_height, out_width, out_quads] vec4
// weight       [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// input        [batch, in_height, in_width, in_quads] vec4; not read where activation is LINEAR
// grad_input   [batch, in_height, in_width, in_quads] vec4
//
// A thread computes PIXELS neighbouring pixels of a line by COLUMNS quads of channels. For each line of the
// window and quad of the summed channels it reads the gradients once that all taps of the line share; those
// beyond the output are zeros. As in `product`, all arrays are small and the ends of their loops constant.
//#include step
//#include activation
//#include direct

const LANES: u32 = 4;
const THREADS: u32 = 64;
const WIDTH: u32 = PIXELS + KERNEL_WIDTH - 1u;

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
    activation: u32,       // whose output the input is
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

// Pixel by pixel.
alias Sums = array<vec4<f32>, PIXELS * COLUMNS>;

// Adds the products of line `tap_y` of the window, which lies at quad `first` of the gradients, and quad `k`
// of the output's channels, for pixels from `x` and quads from `column` on.
fn add_line(sums: ptr<function, Sums>, first: u32, tap_y: u32, k: u32, x: u32, column: u32) {
    var line: array<vec4<f32>, WIDTH>;
    for (var p = 0u; p < WIDTH; p++) {
        // Left of the output this wraps to a large number.
        let at = x + p + params.padding - (KERNEL_WIDTH - 1u);
        line[p] = vec4<f32>(0.0);
        if (at < params.out_width) {
            line[p] = grad_output[first + at * params.out_quads + k];
        }
    }
    for (var tap_x = 0u; tap_x < KERNEL_WIDTH; tap_x++) {
        for (var c = 0u; c < COLUMNS; c++) {
            let row = (tap_y * KERNEL_WIDTH + tap_x) * params.in_quads + min(column + c, params.in_quads - 1u);
            let at = 4u * row * params.out_quads + k;
            let b = transpose(mat4x4<f32>(
                weight[at],
                weight[at + params.out_quads],
                weight[at + 2u * params.out_quads],
                weight[at + 3u * params.out_quads],
            ));
            for (var p = 0u; p < PIXELS; p++) {
                let sum = (*sums)[p * COLUMNS + c];
                (*sums)[p * COLUMNS + c] = added(sum, line[p + KERNEL_WIDTH - 1u - tap_x], b);
            }
        }
    }
}

// The gradient before the activation that made quad `at` of the input, given the one behind it.
fn before_activation(at: u32, gradient: vec4<f32>) -> vec4<f32> {
    if (params.activation == LINEAR) {
        return gradient;
    }
    return gradient * activation_slope(params.activation, input[at]);
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * workgroups.x + workgroup.x) * THREADS + local;
    // Neighbours: columns, then the pixels of a line, then lines.
    let column_tiles = (params.in_quads + COLUMNS - 1u) / COLUMNS;
    let segments = (params.in_width + PIXELS - 1u) / PIXELS;
    let column = index % column_tiles * COLUMNS;
    let x = index / column_tiles % segments * PIXELS;
    let line = index / column_tiles / segments;
    let y = line % params.in_height;
    let sample = line / params.in_height;
    if (sample >= step.batch) {
        return;
    }
    // The lines of the window whose output, at y + padding - tap_y, there is.
    let end_y = y + params.padding + 1u;
    let first_tap = max(end_y, params.out_height) - params.out_height;
    let end_tap = min(end_y, params.kernel_height);
    var sums: Sums;
    for (var tap_y = first_tap; tap_y < end_tap; tap_y++) {
        let out_line = sample * params.out_height + y + params.padding - tap_y;
        for (var k = 0u; k < params.out_quads; k++) {
            add_line(&sums, out_line * params.out_width * params.out_quads, tap_y, k, x, column);
        }
    }
    for (var p = 0u; p < PIXELS; p++) {
        for (var c = 0u; c < COLUMNS; c++) {
            if (x + p < params.in_width && column + c < params.in_quads) {
                let at = (line * params.in_width + x + p) * params.in_quads + column + c;
                grad_input[at] = before_activation(at, sums[p * COLUMNS + c]);
            }
        }
    }
}
