// One step of AdamW over all parameters (of Adam, where nothing decays), as PyTorch's single-tensor form
// computes it, but that moments too small to be normal floats are 0; gradients that are not finite are
// counted.
//
// parameters     [quads] vec4   all of them, flat, padding zero
// gradients      [quads] vec4
// first_moment   [quads] vec4
// second_moment  [quads] vec4
// faults         [rows] u32     += how many gradients are NaN or infinite, in row step.row
//
// One thread per ITEMS quads, as many apart as there are threads. What depends on the step, step_size
// second_correction and decay, comes from the host in f64: `pow` is too coarse here.
//#include step
//#include thread

struct Params {
    quads: u32,
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
    epsilon: f32,
}

@group(0) @binding(0) var<storage, read_write> parameters: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> gradients: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> first_moment: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> second_moment: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> faults: array<atomic<u32>>;
@group(0) @binding(5) var<uniform> params: Params;

const ITEMS: u32 = ${ITEMS}u;

// By their bits: compilers may assume that there is no NaN, and `max(x, 0)` may have hidden one
// from the loss.
fn faults_of(gradient: vec4<f32>) -> u32 {
    let exponent = bitcast<vec4<u32>>(gradient) & vec4<u32>(0x7F800000u);
    let bad = select(vec4<u32>(0u), vec4<u32>(1u), exponent == vec4<u32>(0x7F800000u));
    return bad.x + bad.y + bad.z + bad.w;
}

// Zero for what is too small to be a normal float. The moments of a parameter without a gradient decay
// to such numbers and stay there, and processors take a hundred times longer to compute with them.
// By its exponent: compilers may assume that there is no NaN.
fn normal(x: vec4<f32>) -> vec4<f32> {
    let exponent = bitcast<vec4<u32>>(x) & vec4<u32>(0x7F800000u);
    return select(x, vec4<f32>(0.0), exponent == vec4<u32>(0u));
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let threads = (params.quads + ITEMS - 1u) / ITEMS;
    if (index >= threads) {
        return;
    }
    var count = 0u;
    for (var quad = index; quad < params.quads; quad += threads) {
        let gradient = gradients[quad];
        count += faults_of(gradient);
        let before = first_moment[quad];
        let first = normal(before + params.one_minus_beta1 * (gradient - before));
        let second = normal(second_moment[quad] * params.beta2
            + (params.one_minus_beta2 * gradient) * gradient);
        let denominator = sqrt(second) / step.second_correction + params.epsilon;
        first_moment[quad] = first;
        second_moment[quad] = second;
        parameters[quad] = parameters[quad] * (1.0 - step.decay)
            - (step.step_size * first) / denominator;
    }
    // A loop of at most one turn: software adapters run both sides of an `if`.
    for (; count > 0u; count = 0u) {
        atomicAdd(&faults[step.row], count);
    }
}
