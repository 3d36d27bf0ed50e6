// vec4 loads from storage that fits the caches: four a round, each thread from its own place.
//#include thread

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> rounds: u32;

// Quads of the input, less one: src/exec/ceilings.rs.
const MASK: u32 = 4095u;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    var sum = vec4<f32>(0.0);
    for (var round = 0u; round < rounds; round++) {
        for (var i = 0u; i < 4u; i++) {
            sum += input[(index * 16u + 4u * round + i) & MASK];
        }
    }
    output[index] = sum;
}
