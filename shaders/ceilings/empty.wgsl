// As little as a dispatch can do that must wait for the one before it.
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
    if (thread_index(workgroup, workgroups, local) == 0u) {
        output[0] = output[0] + input[0] * f32(rounds);
    }
}
