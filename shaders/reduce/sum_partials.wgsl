// output = the sum of `splits` partial results, always in the same order.
//
// partials  [splits, quads] vec4
// output    [quads] vec4
//
// WALKERS threads per quad.
//#include step
//#include thread

struct Params {
    splits: u32,
    quads: u32,
}

@group(0) @binding(0) var<storage, read> partials: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

//#include partial_sums

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let own = summed(workgroup, workgroups, local);
    let sum = sum_of_splits(own.quad, local);
    if (own.is_there) {
        output[own.quad] = sum;
    }
}
