// output = input, of which some elements are zero and the others multiplied by `scale`. Which, follows from the
// position of the sample in its epoch alone: so does the gradient, which is the same of the gradient.
//
// input   [batch, quads] vec4
// output  [batch, quads] vec4
//
// One thread per quad.
//#include step
//#include thread
//#include random

struct Params {
    quads: u32,      // of one sample
    key_0: u32,
    key_1: u32,
    threshold: u32,  // of 2^32: what is drawn below leaves an element out
    scale: f32,
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
    let position = step.batch_start + sample;
    let counts = vec4<u32>(position ^ params.key_0, step.epoch, index % params.quads, params.key_1);
    let kept = counted(counts) >= vec4<u32>(params.threshold);
    // A product, so that a NaN stays one.
    output[index] = input[index] * select(vec4<f32>(0.0), vec4<f32>(params.scale), kept);
}
