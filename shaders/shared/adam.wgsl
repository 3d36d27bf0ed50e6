// A step of AdamW (of Adam, where nothing decays), as PyTorch's single-tensor form computes it, but that moments too
// small to be normal floats are 0. Params has its constants; parameters and moments are bound. What depends on the step
// comes from the host, computed in f64 (`pow` is too coarse here): step.factors are the step size, lr / (1 - beta1^t),
// the correction sqrt(1 - beta2^t), and the share of every parameter that decays. Needs finite.

fn update(quad: u32, gradient: vec4<f32>) {
    let step_size = step.factors.x;
    let second_correction = step.factors.y;
    let decay = step.factors.z;
    let before = first_moment[quad];
    let first = normal(before + params.one_minus_beta1 * (gradient - before));
    let second = normal(second_moment[quad] * params.beta2
        + (params.one_minus_beta2 * gradient) * gradient);
    let denominator = sqrt(second) / second_correction + params.epsilon;
    first_moment[quad] = first;
    second_moment[quad] = second;
    parameters[quad] = parameters[quad] * (1.0 - decay)
        - (step_size * first) / denominator;
}
