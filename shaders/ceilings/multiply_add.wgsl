// Multiply-adds in registers: eight independent vec4 chains, nothing loaded inside the loop.
//#include thread

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> rounds: u32;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let factor = input[local] * 0.5 + 0.5;
    var sums: array<vec4<f32>, 8>;
    for (var i = 0u; i < 8u; i++) {
        sums[i] = vec4<f32>(f32(i));
    }
    for (var round = 0u; round < rounds; round++) {
        for (var i = 0u; i < 8u; i++) {
            sums[i] = sums[i] * factor + factor;
        }
    }
    var sum = sums[0];
    for (var i = 1u; i < 8u; i++) {
        sum += sums[i];
    }
    output[index] = sum;
}
