// grad_input = weight / sqrt(variance + eps)
//            * (grad_output - grad_bias / n - x_hat * grad_weight / n)
// by channels, where x_hat = (input - mean) / sqrt(variance + eps), and n = the whole batch's pixels: mean and
// variance depend on every one of them.
//
// grad_output      [batch, pixels, quads] vec4
// input            [batch, pixels, quads] vec4
// mean             [quads] vec4                 of the batch
// variance         [quads] vec4                 alike
// weight           [quads] vec4
// grad_parameters  [bias_at + quads] vec4       gradients of weight and, from bias_at on, of bias
// grad_input       [batch, pixels, quads] vec4
//
// One thread per quad.
//#include step
//#include thread

struct Params {
    pixels: u32,   // of one sample
    quads: u32,    // of one pixel
    bias_at: u32,  // quads from the gradient of the weight to that of the bias
    eps: f32,
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> grad_parameters: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    if (index >= step.batch * params.pixels * params.quads) {
        return;
    }
    let quad = index % params.quads;
    let rows = f32(step.whole_batch * params.pixels);
    let inv_std = inverseSqrt(variance[quad] + params.eps);
    let x_hat = (input[index] - mean[quad]) * inv_std;
    let mean_gradient = grad_parameters[params.bias_at + quad] / rows;
    let slope = grad_parameters[quad] / rows;
    let gradient = grad_output[index] - mean_gradient - x_hat * slope;
    grad_input[index] = weight[quad] * inv_std * gradient;
}
