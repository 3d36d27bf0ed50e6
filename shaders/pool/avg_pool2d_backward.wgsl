// grad_input = the gradient of the means of windows: an equal share for every pixel of a window, 0 where there is none.
//
// grad_output  [batch, out_height, out_width, quads] vec4
// grad_input   [batch, in_height, in_width, quads] vec4
//
// One thread per input quad.
//#include step
//#include thread

struct Params {
    in_height: u32,
    in_width: u32,
    out_height: u32,
    out_width: u32,
    quads: u32,   // of one pixel
    window: u32,  // side
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
    let pixel = index / params.quads;
    let sample = pixel / (params.in_height * params.in_width);
    if (sample >= step.batch) {
        return;
    }
    let row = pixel / params.in_width % params.in_height / params.window;
    let column = pixel % params.in_width / params.window;
    var share = vec4<f32>(0.0);
    if (row < params.out_height && column < params.out_width) {
        let window = (sample * params.out_height + row) * params.out_width + column;
        let gradient = grad_output[window * params.quads + index % params.quads];
        share = gradient / f32(params.window * params.window);
    }
    grad_input[index] = share;
}
