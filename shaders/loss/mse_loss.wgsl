// Mean squared error: its gradient, and this step's row of metrics.
//
// prediction       [batch] vec4   one output, padded to a quad
// order            [count] u32    image number by position of the epoch
// targets          [images]       of the whole data set
// grad_prediction  [batch] vec4   (2 / whole batch) * (prediction - target), and zeros
// metrics          [rows] vec4    row step.row = sum of squared errors, sum of absolute errors,
//                                 how many predictions round (half to even) to their target, batch
// faults           [rows] u32     row step.row = 0: adam_step counts into it
//
// One workgroup: every thread sums the samples that are its own, then the threads' sums meet in a
// tree. WORKGROUP_SIZE is a power of two.
//#include step
//#include thread
//#include two_over

struct Params {
    rows: u32,  // of metrics and faults
}

@group(0) @binding(0) var<storage, read> prediction: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> targets: array<f32>;
@group(0) @binding(3) var<storage, read_write> grad_prediction: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> metrics: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> faults: array<u32>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> sums: array<vec4<f32>, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) local: u32) {
    let scale = two_over(step.whole_batch);
    var sum = vec4<f32>(0.0);
    for (var sample = local; sample < step.batch; sample += WORKGROUP_SIZE) {
        let predicted = prediction[sample].x;
        let wanted = targets[order[step.batch_start + sample]];
        let error = predicted - wanted;
        grad_prediction[sample] = vec4<f32>(scale * error, 0.0, 0.0, 0.0);
        let hit = select(0.0, 1.0, round(predicted) == wanted);
        sum += vec4<f32>(error * error, abs(error), hit, 1.0);
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
