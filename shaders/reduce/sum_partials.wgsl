// output = the sum of `splits` partial results, in their order.
//
// partials  [splits, quads] vec4
// output    [quads] vec4
//
// One thread per quad.
//#include step
//#include thread

struct Params {
    splits: u32,
    quads: u32,
}

@group(0) @binding(0) var<storage, read> partials: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    if (index >= params.quads) {
        return;
    }
    var sum = partials[index];
    for (var split = 1u; split < params.splits; split++) {
        sum += partials[split * params.quads + index];
    }
    output[index] = sum;
}
