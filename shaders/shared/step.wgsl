// What varies from step to step: immediates, set before every dispatch. src/kernels/step.rs.
struct Step {
    batch: u32,
    batch_start: u32,
    row: u32,
    epoch: u32,
    step_size: f32,
    second_correction: f32,
    decay: f32,
}
var<immediate> step: Step;
