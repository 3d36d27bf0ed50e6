// output = activation(input + other), elementwise.
//
// input   [batch, pixels, quads] vec4   channels-last, channels padded to quads of four
// other   [batch, pixels, quads] vec4
// output  [batch, pixels, quads] vec4
//
// One thread per quad.
//#include step
//#include thread
//#include activation

struct Params {
    pixels: u32,     // of one sample
    channels: u32,   // unpadded
    activation: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> other: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let quads = (params.channels + 3u) / 4u;
    if (index >= step.batch * params.pixels * quads) {
        return;
    }
    let activated = activate(params.activation, input[index] + other[index]);
    output[index] = without_padding(activated, index % quads, params.channels);
}
