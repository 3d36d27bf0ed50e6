// batch_norm_merge and batch_norm_forward in one: mean and variance of the batch from those of its parts, then
// output = activation((input - mean) / sqrt(variance + eps) * weight + bias), by channels. Running statistics take
// a step of `momentum` towards those of the batch. A row is a pixel of a sample.
//
// input       [batch * pixels, quads] vec4
// partials    [splits, 3, quads] vec4       mean, sum of squared deviations and count of each part, as many rows
//                                           for each but for the last ones
// parameters  [bias_at + quads] vec4        weight and, from bias_at on, bias
// output      [batch * pixels, quads] vec4
// statistics  [bias_at + quads] vec4        mean of the batch and, from bias_at on, its biased variance
// running     [bias_at + quads] vec4        running mean and, from bias_at on, running variance
//
// One workgroup per `rows` rows of `columns` quads, a power of two. Its threads stand in lanes of `columns`. Each
// workgroup merges all parts of its columns: a thread those of `parts` neighbours, and then lanes meet in a tree,
// neighbours first, as in batch_norm_merge; parts without rows add 0. Then each thread normalises every lanes-th row
// of its column. The workgroups of the first rows write the statistics, which no other reads.
//#include step
//#include thread
//#include activation

// Parts that a thread merges, at most.
const PARTS: u32 = 4u;
// Rows that a thread loads before it stores one.
const AHEAD: u32 = 4u;

struct Params {
    pixels: u32,      // of one sample
    channels: u32,    // unpadded
    splits: u32,      // parts of the batch
    columns: u32,     // quads of one workgroup
    parts: u32,       // that a thread merges: 1, 2 or 4
    rows: u32,        // that a workgroup normalises
    bias_at: u32,     // quads from weight to bias, and from mean to variance
    activation: u32,
    eps: f32,
    momentum: f32,    // share of the batch's statistics in the running ones
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> partials: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> statistics: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> running: array<vec4<f32>>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> sums: array<vec4<f32>, WORKGROUP_SIZE>;

// The sum of `value` over the lanes of the thread's column. Lanes without parts are left out.
fn sum_of_lanes(local: u32, value: vec4<f32>) -> vec4<f32> {
    let lane = local / params.columns;
    workgroupBarrier();
    sums[local] = value;
    workgroupBarrier();
    for (var apart = 1u; apart * params.parts < params.splits; apart *= 2u) {
        if (lane % (2u * apart) == 0u) {
            sums[local] += sums[local + apart * params.columns];
        }
        workgroupBarrier();
    }
    return sums[local % params.columns];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.y * workgroups.x + workgroup.x;
    let quads = (params.channels + 3u) / 4u;
    let blocks = (quads + params.columns - 1u) / params.columns;
    let chunk = group / blocks;
    let quad = group % blocks * params.columns + local % params.columns;
    let lane = local / params.columns;
    let lanes = WORKGROUP_SIZE / params.columns;
    let rows = step.batch * params.pixels;
    let rows_per_split = (rows + params.splits - 1u) / params.splits;
    let works = quad < quads;

    var means: array<vec4<f32>, PARTS>;
    var squares: array<vec4<f32>, PARTS>;
    var counts: array<f32, PARTS>;
    for (var part = 0u; part < PARTS; part += 1u) {
        let split = lane * params.parts + part;
        means[part] = vec4<f32>(0.0);
        squares[part] = vec4<f32>(0.0);
        counts[part] = 0.0;
        if (works && part < params.parts && split < params.splits) {
            let at = split * 3u * quads + quad;
            means[part] = partials[at];
            squares[part] = partials[at + quads];
            let end = min((split + 1u) * rows_per_split, rows);
            counts[part] = f32(end - min(split * rows_per_split, rows));
        }
    }
    let sum = (counts[0] * means[0] + counts[1] * means[1])
        + (counts[2] * means[2] + counts[3] * means[3]);
    let mean = sum_of_lanes(local, sum) / f32(rows);
    for (var part = 0u; part < PARTS; part += 1u) {
        let deviation = means[part] - mean;
        squares[part] += counts[part] * deviation * deviation;
    }
    let square = sum_of_lanes(local, (squares[0] + squares[1]) + (squares[2] + squares[3]));
    let variance = square / f32(rows);

    // Threads without a quad go through no row.
    let end = min((chunk + 1u) * params.rows, rows);
    let first = select(end, chunk * params.rows + lane, works);
    let at = min(quad, quads - 1u);
    let scale = parameters[at] * inverseSqrt(variance + params.eps);
    let bias = parameters[params.bias_at + at];
    for (var row = first; row < end; row += AHEAD * lanes) {
        var values: array<vec4<f32>, AHEAD>;
        for (var ahead = 0u; ahead < AHEAD; ahead += 1u) {
            values[ahead] = input[min(row + ahead * lanes, end - 1u) * quads + quad];
        }
        for (var ahead = 0u; ahead < AHEAD; ahead += 1u) {
            let own = row + ahead * lanes;
            if (own < end) {
                let normalized = (values[ahead] - mean) * scale + bias;
                let activated = activate(params.activation, normalized);
                output[own * quads + quad] = without_padding(activated, quad, params.channels);
            }
        }
    }

    if (works && chunk == 0u && lane == 0u) {
        let kept = 1.0 - params.momentum;
        let unbiased = square / f32(max(rows, 2u) - 1u);
        let of_variance = params.bias_at + quad;
        statistics[quad] = mean;
        statistics[of_variance] = variance;
        running[quad] = kept * running[quad] + params.momentum * mean;
        running[of_variance] = kept * running[of_variance] + params.momentum * unbiased;
    }
}
