// grad_input = the gradient of a conv2d without padding by its input, times the slope of the
// activation that made the input: with one, the gradient of the sums before it.
//
// grad_output  [batch, out_height, out_width, out_quads] vec4
// weight       [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// input        [batch, in_height, in_width, in_quads] vec4; not read where activation is LINEAR
// grad_input   [batch, in_height, in_width, in_quads] vec4
//
// One thread per ROWS samples by COLUMNS quads of channels, all at the same pixel: the windows
// that cover a pixel are then the same for the whole tile, and the loop runs over just those. Short
// lines are computed whole: shaders/sliding/. GPUs get tiles in workgroup memory: shaders/workgroup/.
//#include step
//#include activation

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
    activation: u32,       // whose output the input is
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

// The windows start, start + 1, .. end - 1 of `count` cover position `at` along one axis.
fn covering(at: u32, kernel: u32, count: u32) -> vec2<u32> {
    let end = min(at / params.stride + 1u, count);
    if (at < kernel) {
        return vec2<u32>(0u, end);
    }
    return vec2<u32>((at - kernel) / params.stride + 1u, end);
}

// The gradient before the activation that made quad `at` of the input, given the one behind it.
fn before_activation(at: u32, gradient: vec4<f32>) -> vec4<f32> {
    if (params.activation == LINEAR) {
        return gradient;
    }
    return gradient * activation_slope(params.activation, input[at]);
}

//#ifdef SLICES
//#include workgroup_conv2d_backward_input
//#else
//#include thread

//#ifdef TAPS
//#include sliding_conv2d_backward_input
//#else
@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let in_quads = params.in_quads;
    let out_quads = params.out_quads;
    let column_tiles = (in_quads + ${COLUMNS-1}u) / ${COLUMNS}u;
    // Whole groups of lanes, so that all lanes of a group are at one pixel.
    let sample_tiles = (step.batch + ${LANES*ROWS-1}u) / ${LANES*ROWS}u * ${LANES}u;
//#include tile_place
    let first_column = column_tile * ${COLUMNS}u;
    let first_sample = row_tile % sample_tiles * ${ROWS}u;
    let pixel = row_tile / sample_tiles;
    let pixels = params.in_height * params.in_width;
    if (pixel >= pixels) {
        return;
    }
    // Samples past the end repeat the last one and are not stored.
//#for r in 0..ROWS
    let row_${r} = min(first_sample + ${r}u, step.batch - 1u)
        * (params.out_height * params.out_width * params.out_quads);
//#end
//#include channels_nt
//#for r in 0..ROWS
//#for c in 0..COLUMNS
    var sum_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
    let in_y = pixel / params.in_width;
    let in_x = pixel % params.in_width;
    let y_range = covering(in_y, params.kernel_height, params.out_height);
    let x_range = covering(in_x, params.kernel_width, params.out_width);
    let tap_quads = 4u * params.in_quads * params.out_quads;
    // One loop over all windows and channels: see docs/performance.md on nested ones.
    var y = y_range.x;
    var x = x_range.x;
    var quad = 0u;
    let windows = (y_range.y - y_range.x) * (x_range.y - x_range.x);
    for (var left = windows * out_quads; left > 0u; left--) {
        let tap_y = in_y - y * params.stride;
        let tap_x = in_x - x * params.stride;
        let weight_at = (tap_y * params.kernel_width + tap_x) * tap_quads + quad;
        let grad_at = (y * params.out_width + x) * out_quads + quad;
//#include product_nt
        quad++;
        if (quad == out_quads) {
            quad = 0u;
            x++;
        }
        if (x == x_range.y) {
            x = x_range.x;
            y++;
        }
    }
//#for r in 0..ROWS
    if (first_sample + ${r}u < step.batch) {
        let at = ((first_sample + ${r}u) * pixels + pixel) * params.in_quads;
//#for c in 0..COLUMNS
        if (first_column + ${c}u < params.in_quads) {
            grad_input[at + column_${c}] = sum_${r}_${c};
        }
//#end
    }
//#end
    // One copy of the slope's code in a second pass over the tile, rather than one for each sum.
    if (params.activation != LINEAR) {
        let last_sample = min(first_sample + ${ROWS}u, step.batch);
        let last_column = min(first_column + ${COLUMNS}u, in_quads);
        for (var sample = first_sample; sample < last_sample; sample++) {
            for (var column = first_column; column < last_column; column++) {
                let at = (sample * pixels + pixel) * in_quads + column;
                grad_input[at] = before_activation(at, grad_input[at]);
            }
        }
    }
}
//#end
//#end
