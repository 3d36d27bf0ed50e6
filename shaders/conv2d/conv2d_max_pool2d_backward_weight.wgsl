// partials = the gradients of a conv2d by its weight and bias, in `splits` parts,
// each the sum over a range of samples, where a 2x2 max-pooling picked one output pixel of four.
//
// input        [batch, in_height, in_width, in_quads] vec4
// grad_output  [batch, out_height / 2, out_width / 2, out_quads] vec4   of the sums that were picked
// argmax       [batch, out_height / 2, out_width / 2, out_quads] vec4   output pixels of the convolution
// partials     [splits] of the weight [kernel_height, kernel_width, 4 in_quads, out_quads], zeros,
//              the bias [out_quads] vec4
//
// One thread per split, quad of the window (one more for the bias and the zeros), and quad of output
// channels.
//#include step
//#include thread

struct Params {
    in_height: u32,
    in_width: u32,
    in_quads: u32,
    out_height: u32,       // of the convolution
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
@group(0) @binding(2) var<storage, read> argmax: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> partials: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let window_quads = params.kernel_height * params.kernel_width * params.in_quads;
    let quad = index % params.out_quads;
    let row = index / params.out_quads % (window_quads + 1u);
    let split = index / params.out_quads / (window_quads + 1u);
    if (split >= params.splits) {
        return;
    }
    let is_bias = row == window_quads;
    let tap = row / params.in_quads;
    let tap_y = tap / params.kernel_width;
    let tap_x = tap % params.kernel_width;
    let windows = (params.out_height / 2u) * (params.out_width / 2u);
    let first = min(split * params.samples_per_split, step.batch);
    let end = min(first + params.samples_per_split, step.batch);
    var sums = mat4x4<f32>();  // a column per output channel
    for (var window = first * windows; window < end * windows; window++) {
        let gradient = grad_output[window * params.out_quads + quad];
        let picked = argmax[window * params.out_quads + quad];
        for (var channel = 0u; channel < 4u; channel++) {
            var values = vec4<f32>(params.bias);
            if (!is_bias) {
                // Above and left of the image these wrap around to what is larger than any.
                let y = picked[channel] / params.out_width * params.stride + tap_y - params.padding;
                let x = picked[channel] % params.out_width * params.stride + tap_x - params.padding;
                let pixel = (window / windows * params.in_height + y) * params.in_width + x;
                values = vec4<f32>(0.0);
                if (y < params.in_height && x < params.in_width) {
                    values = input[pixel * params.in_quads + row % params.in_quads];
                }
            }
            sums[channel] += values * gradient[channel];
        }
    }
    let rows = transpose(sums);
    let start = split * (params.bias_at + params.out_quads);
    if (!is_bias) {
        for (var i = 0u; i < 4u; i++) {
            partials[start + (4u * row + i) * params.out_quads + quad] = rows[i];
        }
        return;
    }
    partials[start + params.bias_at + quad] = rows[0];
    for (var at = 4u * window_quads * params.out_quads + quad; at < params.bias_at; at += params.out_quads) {
        partials[start + at] = vec4<f32>(0.0);
    }
}
