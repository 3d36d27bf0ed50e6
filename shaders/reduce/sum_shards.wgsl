// output = the sum over the shards that are bound: ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)) of eight, and of
// those of a rank that has fewer, a part of the same tree. A shard is the sum of its `splits` partial results, in
// order. Numbers too small to be normal are zeros, on drivers that keep them and on others: src/kernel/shards.rs adds
// as this kernel does.
//
// partials  [shards, stride] vec4   of each shard [splits, quads], and nothing of use up to the next
// output    [quads] vec4
//
// One thread per quad.
//#include step
//#include thread

struct Params {
    splits: u32,
    quads: u32,
    stride: u32,  // quads from a shard to the next
}

@group(0) @binding(0) var<storage, read> partials: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

fn normal(sum: vec4<f32>) -> vec4<f32> {
    let exponents = bitcast<vec4<u32>>(sum) & vec4<u32>(0x7f800000u);
    return select(sum, vec4<f32>(0.0), exponents == vec4<u32>(0u));
}

fn shard(number: u32, quad: u32) -> vec4<f32> {
    let first = number * params.stride + quad;
    var sum = partials[first];
    for (var split = 1u; split < params.splits; split++) {
        sum += partials[first + split * params.quads];
    }
    return normal(sum);
}

fn pair(number: u32, quad: u32) -> vec4<f32> {
    return normal(shard(number, quad) + shard(number + 1u, quad));
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let quad = thread_index(workgroup, workgroups, local);
    if (quad >= params.quads) {
        return;
    }
    let shards = arrayLength(&partials) / params.stride;
    var sum = shard(0u, quad);
    if (shards > 1u) {
        sum = normal(sum + shard(1u, quad));
    }
    if (shards > 2u) {
        sum = normal(sum + pair(2u, quad));
    }
    if (shards > 4u) {
        sum = normal(sum + normal(pair(4u, quad) + pair(6u, quad)));
    }
    output[quad] = sum;
}
