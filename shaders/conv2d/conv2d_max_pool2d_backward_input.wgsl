// grad_input = the gradient of a conv2d by its input, where a 2x2 max-pooling picked
// one output pixel of four; times the slope of the activation that made the input.
//
// grad_output  [batch, out_height / 2, out_width / 2, out_quads] vec4   of the sums that were picked
// argmax       [batch, out_height / 2, out_width / 2, out_quads] vec4   output pixels of the convolution
// weight       [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// input        [batch, in_height, in_width, in_quads] vec4   not read without an activation
// grad_input   [batch, in_height, in_width, in_quads] vec4
//
// One thread per quad of grad_input.
//#include step
//#include thread
//#include activation

struct Params {
    in_height: u32,
    in_width: u32,
    in_quads: u32,
    out_height: u32,      // of the convolution
    out_width: u32,
    out_quads: u32,
    kernel_height: u32,
    kernel_width: u32,
    stride: u32,
    padding: u32,         // pixels of zeros on every side of the input, which are not in memory
    activation: u32,      // that made the input, or LINEAR
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> argmax: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let in_quad = index % params.in_quads;
    // In the padded image.
    let column = index / params.in_quads % params.in_width + params.padding;
    let row = index / params.in_quads / params.in_width % params.in_height + params.padding;
    let sample = index / params.in_quads / params.in_width / params.in_height;
    if (sample >= step.batch) {
        return;
    }
    let height = params.out_height / 2u;
    let width = params.out_width / 2u;
    var sum = vec4<f32>(0.0);
    for (var tap = 0u; tap < params.kernel_height * params.kernel_width; tap++) {
        let tap_y = tap / params.kernel_width;
        let tap_x = tap % params.kernel_width;
        // Whether there is an output pixel whose window has this pixel under the tap.
        let is_left = row < tap_y || column < tap_x;
        let y = (row - tap_y) / params.stride;
        let x = (column - tap_x) / params.stride;
        let is_hit = y * params.stride == row - tap_y && x * params.stride == column - tap_x;
        if (is_left || !is_hit || y / 2u >= height || x / 2u >= width) {
            continue;
        }
        let window = (sample * height + y / 2u) * width + x / 2u;
        let weights = (tap * params.in_quads + in_quad) * 4u * params.out_quads;
        for (var quad = 0u; quad < params.out_quads; quad++) {
            let at = window * params.out_quads + quad;
            let is_picked = argmax[at] == vec4<u32>(y * params.out_width + x);
            let gradient = select(vec4<f32>(0.0), grad_output[at], is_picked);
            sum += vec4<f32>(
                dot(gradient, weight[weights + quad]),
                dot(gradient, weight[weights + params.out_quads + quad]),
                dot(gradient, weight[weights + 2u * params.out_quads + quad]),
                dot(gradient, weight[weights + 3u * params.out_quads + quad]),
            );
        }
    }
    if (params.activation != LINEAR) {
        sum *= activation_slope(params.activation, input[index]);
    }
    grad_input[index] = sum;
}
