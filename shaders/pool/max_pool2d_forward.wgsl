// output = the maximum of every window x window square, side by side; argmax = where it was.
//
// input   [batch, in_height, in_width, quads] vec4
// output  [batch, out_height, out_width, quads] vec4
// argmax  [batch, out_height, out_width, quads] vec4   y * in_width + x within the sample
//
// One thread per output quad.
//#include step
//#include thread
//#include max_window

struct Params {
    in_height: u32,
    in_width: u32,
    out_height: u32,
    out_width: u32,
    quads: u32,       // of one pixel
    window: u32,      // side of the window, and its step
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> argmax: array<vec4<u32>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let column = index / params.quads % params.out_width;
    let row = index / params.quads / params.out_width % params.out_height;
    let sample = index / params.quads / params.out_width / params.out_height;
    if (sample >= step.batch) {
        return;
    }
    let top = row * params.window;
    let left = column * params.window;
    let rows = vec2<u32>(top, top + params.window);
    let columns = vec2<u32>(left, left + params.window);
    let maximum = window_maximum(sample, index % params.quads, rows, columns);
    output[index] = maximum.value;
    argmax[index] = maximum.pixel;
}
