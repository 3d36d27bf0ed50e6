// Cross-entropy of logits against classes: its gradient, and this step's row of metrics.
//
// prediction       [batch][width] f32  logits; width is classes, padded to quads
// order            [count] u32         image number by position of the epoch
// targets          [images] f32        classes, counted from 0, of the whole data set
// class_weights    [classes] f32       read where weighted is 1; else every weight is 1
// grad_prediction  [batch][width] f32  the gradient of the mean that is weighted by the targets'
//                                      weights, and zeros
// metrics          [rows] vec4         row step.row = that mean times the samples, how many targets
//                                      have the largest logit, and one of the five largest, batch;
//                                      the mean is over the whole batch, also where this is a shard
// faults           [rows] u32          row step.row = 0: adam_step counts into it
//
// With smoothing, a share of every target is spread evenly over all classes. A sample's loss is
//     sum over classes of -log(softmax) * weight * ((1 - smoothing) [is target] + smoothing / classes)
//
// One workgroup: every thread takes the samples that are its own, then the threads' sums meet in a
// tree. WORKGROUP_SIZE is a power of two.
//#include step
//#include thread
//#include two_over

struct Params {
    rows: u32,         // of metrics and faults
    classes: u32,
    width: u32,        // floats of a sample: classes, padded to quads
    weighted: u32,     // 1 where classes have weights
    smoothing: f32,
    weight_sum: f32,   // of all classes
}

@group(0) @binding(0) var<storage, read> prediction: array<f32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> targets: array<f32>;
@group(0) @binding(3) var<storage, read> class_weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> grad_prediction: array<f32>;
@group(0) @binding(5) var<storage, read_write> metrics: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> faults: array<u32>;
@group(0) @binding(7) var<uniform> params: Params;

var<workgroup> sums: array<vec4<f32>, WORKGROUP_SIZE>;

// The class at a position of the epoch.
fn target_at(position: u32) -> u32 {
    return min(u32(targets[order[position]]), params.classes - 1u);
}

fn weight_of(label: u32) -> f32 {
    if (params.weighted == 1u) {
        return class_weights[label];
    }
    return 1.0;
}

// The sum of all threads' values.
fn sum_over_threads(local: u32, value: vec4<f32>) -> vec4<f32> {
    sums[local] = value;
    workgroupBarrier();
    for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
        if (local < half) {
            sums[local] += sums[local + half];
        }
        workgroupBarrier();
    }
    let sum = sums[0];
    workgroupBarrier();
    return sum;
}

// 1 / the weights of the whole batch's targets; 0 where they are all 0, and nothing is to be learned.
fn scale_of(local: u32) -> f32 {
    if (params.weighted != 1u) {
        return 0.5 * two_over(step.whole_batch);
    }
    var weights = 0.0;
    for (var sample = local; sample < step.whole_batch; sample += WORKGROUP_SIZE) {
        weights += class_weights[target_at(step.whole_start + sample)];
    }
    let total = sum_over_threads(local, vec4<f32>(weights, 0.0, 0.0, 0.0)).x;
    return select(0.0, 1.0 / max(total, 1e-30), total > 0.0);
}

// Writes the gradient of one sample; its loss times `scale`, and whether its target is among the first
// and the first five.
fn sample_terms(sample: u32, scale: f32) -> vec3<f32> {
    let first = sample * params.width;
    let wanted = target_at(step.batch_start + sample);
    let logit = prediction[first + wanted];
    var largest = prediction[first];
    for (var label = 1u; label < params.classes; label++) {
        largest = max(largest, prediction[first + label]);
    }
    var total = 0.0;
    var spread = 0.0;   // sum of weight * (largest - logit)
    var behind = 0u;    // classes behind the target, and the target
    for (var label = 0u; label < params.classes; label++) {
        let other = prediction[first + label];
        total += exp(other - largest);
        spread += weight_of(label) * (largest - other);
        behind += select(0u, 1u, logit > other || (logit == other && label >= wanted));
    }
    let log_total = log(total);
    let share = params.smoothing / f32(params.classes);
    let sharp = (1.0 - params.smoothing) * weight_of(wanted);
    let mass = sharp + share * params.weight_sum;
    for (var label = 0u; label < params.width; label++) {
        var gradient = 0.0;
        if (label < params.classes) {
            let probability = exp(prediction[first + label] - largest) / total;
            let hoped = share * weight_of(label) + select(0.0, sharp, label == wanted);
            gradient = scale * (probability * mass - hoped);
        }
        grad_prediction[first + label] = gradient;
    }
    let loss = sharp * (largest - logit) + share * spread + mass * log_total;
    // A target without a number is behind none, not even itself.
    let rank = params.classes - behind;
    return vec3<f32>(scale * loss, select(0.0, 1.0, rank < 1u), select(0.0, 1.0, rank < 5u && behind > 0u));
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) local: u32) {
    let scale = scale_of(local);
    var sum = vec4<f32>(0.0);
    for (var sample = local; sample < step.batch; sample += WORKGROUP_SIZE) {
        let terms = sample_terms(sample, scale);
        sum += vec4<f32>(f32(step.whole_batch) * terms.x, terms.yz, 1.0);
    }
    sum = sum_over_threads(local, sum);
    if (local == 0u && step.row < params.rows) {
        metrics[step.row] = sum;
        faults[step.row] = 0u;
    }
}
