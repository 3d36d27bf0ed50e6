// What varies from step to step: immediates, set before every dispatch. src/kernel/step.rs.
struct Next {
    batch: u32,
    batch_start: u32,
    epoch: u32,
}
struct Step {
    batch: u32,          // samples, of a shard where a kernel sees one alone
    batch_start: u32,
    row: u32,
    epoch: u32,
    factors: vec4<f32>,  // what the optimizer computes for a step
    whole_batch: u32,    // samples of all shards
    whole_start: u32,    // where these begin
    // The step that follows: the `step` of a kernel that prepares its batch. HLSL aligns structs so.
    @align(16) next: Next,
}
var<immediate> step: Step;
