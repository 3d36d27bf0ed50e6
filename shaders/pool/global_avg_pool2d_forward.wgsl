// output = the mean over all pixels of every channel.
//
// input   [batch, pixels, quads] vec4
// output  [batch, quads] vec4
//
// One thread per output quad, which sums the pixels in their order.
//#include step
//#include thread

struct Params {
    pixels: u32,  // of one sample
    quads: u32,   // of one pixel
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
    let sample = index / params.quads;
    if (sample >= step.batch) {
        return;
    }
    let first = sample * params.pixels * params.quads + index % params.quads;
    var sum = vec4<f32>(0.0);
    for (var pixel = 0u; pixel < params.pixels; pixel++) {
        sum += input[first + pixel * params.quads];
    }
    output[index] = sum / f32(params.pixels);
}
