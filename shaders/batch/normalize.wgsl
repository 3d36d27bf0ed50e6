// output = (input - mean) * scale, by channels of the images.
//
// input   [batch, pixels] vec4, of images of at most four channels; or [batch, quads] vec4 of vectors, in which one
//         channel lies after the other
// output  the same
//
// One thread per quad.
//#include step
//#include thread

struct Params {
    quads: u32,     // of one sample
    channels: u32,  // of the images, at most 4
    plane: u32,     // elements of a channel, where images are vectors; else 0
    mean_0: f32,
    mean_1: f32,
    mean_2: f32,
    mean_3: f32,
    scale_0: f32,
    scale_1: f32,
    scale_2: f32,
    scale_3: f32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

fn picked(values: vec4<f32>, channel: vec4<u32>) -> vec4<f32> {
    let at = min(channel, vec4<u32>(3u));
    return vec4<f32>(values[at.x], values[at.y], values[at.z], values[at.w]);
}

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
    let lanes = vec4<u32>(0u, 1u, 2u, 3u);
    let element = 4u * (index % params.quads) + lanes;
    let channel = select(lanes, element / max(params.plane, 1u), params.plane > 0u);
    let means = vec4<f32>(params.mean_0, params.mean_1, params.mean_2, params.mean_3);
    let scales = vec4<f32>(params.scale_0, params.scale_1, params.scale_2, params.scale_3);
    let normal = (input[index] - picked(means, channel)) * picked(scales, channel);
    output[index] = select(vec4<f32>(0.0), normal, channel < vec4<u32>(params.channels));
}
