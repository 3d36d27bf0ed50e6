// add_forward and activation_backward in one: grad_input = (grad_output + other) * activation'(input), elementwise, from
// the activation's output, of which two operations made a gradient each.
//
// output       [batch, elements] vec4
// grad_output  [batch, elements] vec4
// other        [batch, elements] vec4
// grad_input   [batch, elements] vec4
//
// One thread per quad.
//#include step
//#include thread
//#include activation

struct Params {
    quads: u32,      // of one sample, padding included
    activation: u32,
}

@group(0) @binding(0) var<storage, read> output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> other: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    if (index >= step.batch * params.quads) {
        return;
    }
    let gradient = grad_output[index] + other[index];
    grad_input[index] = gradient * activation_slope(params.activation, output[index]);
}
