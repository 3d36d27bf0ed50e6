// output = input with `padding` pixels of zeros on every side.
//
// input   [batch, in_height, in_width, quads] vec4
// output  [batch, in_height + 2 padding, in_width + 2 padding, quads] vec4
//
// One thread per output quad.
//#include step
//#include thread

struct Params {
    in_height: u32,
    in_width: u32,
    padding: u32,
    quads: u32,      // of one pixel
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
    let out_height = params.in_height + 2u * params.padding;
    let out_width = params.in_width + 2u * params.padding;
    let quad = index % params.quads;
    // Left of and above the image these wrap around to what is larger than any image.
    let column = index / params.quads % out_width - params.padding;
    let row = index / params.quads / out_width % out_height - params.padding;
    let sample = index / params.quads / out_width / out_height;
    if (sample >= step.batch) {
        return;
    }
    var value = vec4<f32>(0.0);
    if (row < params.in_height && column < params.in_width) {
        let pixel = (sample * params.in_height + row) * params.in_width + column;
        value = input[pixel * params.quads + quad];
    }
    output[index] = value;
}
