// output = activation((input - mean) / sqrt(variance + eps) * weight + bias), by channels.
//
// input     [batch, pixels, quads] vec4
// mean      [quads] vec4                  the batch's own or the running one
// variance  [quads] vec4                  alike
// weight    [quads] vec4
// bias      [quads] vec4
// output    [batch, pixels, quads] vec4
//
// One thread per quad.
//#include step
//#include thread
//#include activation

struct Params {
    pixels: u32,     // of one sample
    channels: u32,   // unpadded
    activation: u32,
    eps: f32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let quads = (params.channels + 3u) / 4u;
    if (index >= step.batch * params.pixels * quads) {
        return;
    }
    let quad = index % quads;
    let scale = weight[quad] * inverseSqrt(variance[quad] + params.eps);
    let normalized = (input[index] - mean[quad]) * scale + bias[quad];
    let activated = activate(params.activation, normalized);
    output[index] = without_padding(activated, quad, params.channels);
}
