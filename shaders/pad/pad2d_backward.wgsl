// grad_input = grad_output without the `padding` pixels that were added on every side.
//
// grad_output  [batch, in_height + 2 padding, in_width + 2 padding, quads] vec4
// grad_input   [batch, in_height, in_width, quads] vec4
//
// One thread per input quad.
//#include step
//#include thread

struct Params {
    in_height: u32,
    in_width: u32,
    padding: u32,
    quads: u32,      // of one pixel
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let out_height = params.in_height + 2u * params.padding;
    let out_width = params.in_width + 2u * params.padding;
    let quad = index % params.quads;
    let column = index / params.quads % params.in_width + params.padding;
    let row = index / params.quads / params.in_width % params.in_height + params.padding;
    let sample = index / params.quads / params.in_width / params.in_height;
    if (sample >= step.batch) {
        return;
    }
    let pixel = (sample * out_height + row) * out_width + column;
    grad_input[index] = grad_output[pixel * params.quads + quad];
}
