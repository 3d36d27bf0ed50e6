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
    //#for i in 0..8
    var sum_${i} = vec4<f32>(${i}.0);
    //#end
    for (var round = 0u; round < rounds; round++) {
        //#for i in 0..8
        sum_${i} = sum_${i} * factor + factor;
        //#end
    }
    //#for i in 1..8
    sum_0 += sum_${i};
    //#end
    output[index] = sum_0;
}
