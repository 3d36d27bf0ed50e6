// output = the mean of each window, whose step is its size; rows and columns that fill no window are left.
//
// input   [batch, in_height, in_width, quads] vec4
// output  [batch, out_height, out_width, quads] vec4
//
// One thread per output quad, which sums its window row by row.
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

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let pixel = index / params.quads;
    let sample = pixel / (params.out_height * params.out_width);
    if (sample >= step.batch) {
        return;
    }
    let row = pixel / params.out_width % params.out_height * params.window;
    let column = pixel % params.out_width * params.window;
    var sum = vec4<f32>(0.0);
    for (var y = 0u; y < params.window; y++) {
        let first = (sample * params.in_height + row + y) * params.in_width + column;
        for (var x = 0u; x < params.window; x++) {
            sum += input[(first + x) * params.quads + index % params.quads];
        }
    }
    output[index] = sum / f32(params.window * params.window);
}
