// The loss of a regression: its gradient, and this step's row of metrics.
//
// prediction       [batch] vec4   one output, padded to a quad: what is learned in place of the target
// order            [count] u32    image number by position of the epoch
// targets          [images]       of the whole data set
// grad_prediction  [batch] vec4   (2 / whole batch) * slope, and zeros
// metrics          [rows] vec4    row step.row = sum of losses, sum of absolute errors, and how many
//                                 predictions round (half to even) to their target, or the sum of squared
//                                 errors; batch
// faults           [rows] u32     row step.row = 0: adam_step counts into it
//
// A target is learned as (target - mean) * inverse, and errors are of that; predictions that round to
// their target are first made targets again, prediction * deviation + mean.
//
// One workgroup: every thread sums the samples that are its own, then the threads' sums meet in a
// tree. WORKGROUP_SIZE is a power of two.
//#include step
//#include thread
//#include two_over

struct Params {
    rows: u32,       // of metrics and faults
    kind: u32,       // of loss: squared, absolute, huber
    delta: f32,      // where huber's loss turns from squared to absolute
    mean: f32,       // of targets
    deviation: f32,  // of targets
    inverse: f32,    // 1 / deviation
    rounds: u32,     // 1 to count predictions that round to their target, 0 to sum squared errors
}

const ABSOLUTE: u32 = 1u;
const HUBER: u32 = 2u;

@group(0) @binding(0) var<storage, read> prediction: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> targets: array<f32>;
@group(0) @binding(3) var<storage, read_write> grad_prediction: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> metrics: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> faults: array<u32>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> sums: array<vec4<f32>, WORKGROUP_SIZE>;

// The loss of a sample whose prediction is off by `error`.
fn loss_of(error: f32) -> f32 {
    let size = abs(error);
    if (params.kind == ABSOLUTE) {
        return size;
    }
    if (params.kind == HUBER) {
        let far = params.delta * (size - 0.5 * params.delta);
        return select(far, 0.5 * error * error, size <= params.delta);
    }
    return error * error;
}

// Half of its derivative.
fn slope_of(error: f32) -> f32 {
    if (params.kind == ABSOLUTE) {
        return 0.5 * sign(error);
    }
    if (params.kind == HUBER) {
        return 0.5 * clamp(error, -params.delta, params.delta);
    }
    return error;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) local: u32) {
    let scale = two_over(step.whole_batch);
    var sum = vec4<f32>(0.0);
    for (var sample = local; sample < step.batch; sample += WORKGROUP_SIZE) {
        let predicted = prediction[sample].x;
        let wanted = targets[order[step.batch_start + sample]];
        let error = predicted - (wanted - params.mean) * params.inverse;
        grad_prediction[sample] = vec4<f32>(scale * slope_of(error), 0.0, 0.0, 0.0);
        var third = error * error;
        if (params.rounds == 1u) {
            third = select(0.0, 1.0, round(predicted * params.deviation + params.mean) == wanted);
        }
        sum += vec4<f32>(loss_of(error), abs(error), third, 1.0);
    }
    sums[local] = sum;
    workgroupBarrier();
    for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
        if (local < half) {
            sums[local] += sums[local + half];
        }
        workgroupBarrier();
    }
    if (local == 0u && step.row < params.rows) {
        metrics[step.row] = sums[0];
        faults[step.row] = 0u;
    }
}
