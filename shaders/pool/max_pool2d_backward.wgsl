// grad_input = the gradient of its window where an element was that window's maximum, else 0; times
// the slope of the activation that came before the pooling, whose output the maximum is.
//
// grad_output  [batch, out_height, out_width, quads] vec4
// output       [batch, out_height, out_width, quads] vec4
// argmax       [batch, out_height, out_width, quads] vec4   as the forward kernel wrote it
// grad_input   [batch, in_height, in_width, quads] vec4
//
// One thread per quad of a window x window block of the input, which is a window of its own, or too
// small for one at the lower and right edge.
//#include step
//#include thread
//#include activation

struct Params {
    in_height: u32,
    in_width: u32,
    out_height: u32,
    out_width: u32,
    quads: u32,       // of one pixel
    window: u32,      // side of the window, and its step
    activation: u32,  // fused from before the pooling, or LINEAR
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> output: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> argmax: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let block_rows = (params.in_height + params.window - 1u) / params.window;
    let block_columns = (params.in_width + params.window - 1u) / params.window;
    let quad = index % params.quads;
    let block_column = index / params.quads % block_columns;
    let block_row = index / params.quads / block_columns % block_rows;
    let sample = index / params.quads / block_columns / block_rows;
    if (sample >= step.batch) {
        return;
    }
    let top = block_row * params.window;
    let left = block_column * params.window;
    let in_plane = sample * params.in_height * params.in_width;
    let out_plane = sample * params.out_height * params.out_width;
    var picked = vec4<u32>(0xFFFFFFFFu);  // no pixel
    var gradient = vec4<f32>(0.0);
    if (block_row < params.out_height && block_column < params.out_width) {
        let window = out_plane + block_row * params.out_width + block_column;
        let at = window * params.quads + quad;
        picked = argmax[at];
        gradient = grad_output[at] * activation_slope(params.activation, output[at]);
    }
    for (var y = top; y < min(top + params.window, params.in_height); y++) {
        for (var x = left; x < min(left + params.window, params.in_width); x++) {
            let pixel = y * params.in_width + x;
            let at = (in_plane + pixel) * params.quads + quad;
            grad_input[at] = select(vec4<f32>(0.0), gradient, picked == vec4<u32>(pixel));
        }
    }
}
