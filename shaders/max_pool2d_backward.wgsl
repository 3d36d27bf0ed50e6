// grad_input = the gradients of the windows whose maximum each element was, summed.
//
// grad_output  [batch, out_height, out_width, quads] vec4
// argmax       [batch, out_height, out_width, quads] vec4   as the forward kernel wrote it
// grad_input   [batch, in_height, in_width, quads] vec4
//
// One thread per input quad: it looks at the windows that contain it, so nothing is added to by
// two threads.
//#include step
//#include thread
//#include max_window_gradient

struct Params {
    in_height: u32,
    in_width: u32,
    out_height: u32,
    out_width: u32,
    quads: u32,       // of one pixel
    window: u32,      // side of the window
    stride: u32,
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> argmax: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

// The windows start..end of `count` along an axis that contain position `at`.
fn windows_of(at: u32, count: u32) -> vec2<u32> {
    var start = 0u;
    if (at >= params.window) {
        start = (at - params.window) / params.stride + 1u;
    }
    return vec2<u32>(start, min(at / params.stride + 1u, count));
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let pixels = params.in_height * params.in_width;
    let pixel = index / params.quads % pixels;
    let sample = index / params.quads / pixels;
    if (sample >= step.batch) {
        return;
    }
    let rows = windows_of(pixel / params.in_width, params.out_height);
    let columns = windows_of(pixel % params.in_width, params.out_width);
    let plane = sample * params.out_height * params.out_width;
    let quad = index % params.quads;
    grad_input[index] = gradient_of_pixel(pixel, plane, params.out_width, quad, rows, columns);
}
