// grad_input = the gradient of the mean, an equal share for every pixel; times the slope of the activation that made the
// input.
//
// grad_output  [batch, quads] vec4
// input        [batch, pixels, quads] vec4; not read where activation is LINEAR
// grad_input   [batch, pixels, quads] vec4
//
// One thread per input quad.
//#include step
//#include thread
//#include activation

struct Params {
    pixels: u32,      // of one sample
    quads: u32,       // of one pixel
    activation: u32,  // whose output the input is
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let sample = index / params.quads / params.pixels;
    if (sample >= step.batch) {
        return;
    }
    let gradient = grad_output[sample * params.quads + index % params.quads];
    var share = gradient / f32(params.pixels);
    if (params.activation != LINEAR) {
        share *= activation_slope(params.activation, input[index]);
    }
    grad_input[index] = share;
}
