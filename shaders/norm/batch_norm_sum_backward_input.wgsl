// sum_partials and batch_norm_backward_input in one: the gradients of weight and bias from partial sums, then
// grad_input = weight / sqrt(variance + eps)
//            * (grad_output - grad_bias / n - x_hat * grad_weight / n)
// by channels, where x_hat = (input - mean) / sqrt(variance + eps), and n = the batch's rows. A row is a pixel of a
// sample.
//
// grad_output      [batch * pixels, quads] vec4
// input            [batch * pixels, quads] vec4
// statistics       [bias_at + quads] vec4          mean of the batch and, from bias_at on, its variance
// weight           [quads] vec4
// partials         [splits, bias_at + quads] vec4  gradients of weight, zeros and, from bias_at on, of bias
// grad_parameters  [bias_at + quads] vec4          their sums
// grad_input       [batch * pixels, quads] vec4
//
// One workgroup per `rows` rows of `columns` quads, a power of two. Its threads stand in lanes of `columns`. Each
// workgroup sums all partial results of its columns in the order of sum_partials: `walkers` lanes take every
// walkers-th, and their sums are added by halves. Then each thread takes every lanes-th row of its column. The
// workgroups of the first rows write the sums, which no other reads.
//#include step
//#include thread

// Rows that a thread loads before it stores one.
const AHEAD: u32 = 4u;

struct Params {
    pixels: u32,   // of one sample
    quads: u32,    // of one pixel
    splits: u32,   // partial results
    columns: u32,  // quads of one workgroup
    walkers: u32,  // lanes that sum partial results, a power of two
    rows: u32,     // that a workgroup takes
    bias_at: u32,  // quads from weight to bias, and from mean to variance
    eps: f32,
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> statistics: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> partials: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> grad_parameters: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(7) var<uniform> params: Params;

var<workgroup> weight_sums: array<vec4<f32>, WORKGROUP_SIZE>;
var<workgroup> bias_sums: array<vec4<f32>, WORKGROUP_SIZE>;

// The sum of every walkers-th partial result from `first` on, at `place` within each. Four loads are on their way at
// a time.
fn walk(first: u32, place: u32) -> vec4<f32> {
    let size = params.bias_at + params.quads;
    let stride = params.walkers * size;
    var sum = vec4<f32>(0.0);
    var split = first;
    for (; split + 3u * params.walkers < params.splits; split += 4u * params.walkers) {
        let at = split * size + place;
        let pair = partials[at] + partials[at + stride];
        sum += pair + (partials[at + 2u * stride] + partials[at + 3u * stride]);
    }
    for (; split < params.splits; split += params.walkers) {
        sum += partials[split * size + place];
    }
    return sum;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.y * workgroups.x + workgroup.x;
    let blocks = (params.quads + params.columns - 1u) / params.columns;
    let chunk = group / blocks;
    let column = local % params.columns;
    let quad = group % blocks * params.columns + column;
    let lane = local / params.columns;
    let lanes = WORKGROUP_SIZE / params.columns;
    let rows = step.batch * params.pixels;
    let works = quad < params.quads;

    // Threads without partial results sum none.
    let walker = select(params.splits, lane, works && lane < params.walkers);
    weight_sums[local] = walk(walker, quad);
    bias_sums[local] = walk(walker, params.bias_at + quad);
    workgroupBarrier();
    for (var apart = params.walkers / 2u; apart > 0u; apart /= 2u) {
        if (lane < apart) {
            weight_sums[local] += weight_sums[local + apart * params.columns];
            bias_sums[local] += bias_sums[local + apart * params.columns];
        }
        workgroupBarrier();
    }
    let grad_weight = weight_sums[column];
    let grad_bias = bias_sums[column];

    // Threads without a quad go through no row.
    let end = min((chunk + 1u) * params.rows, rows);
    let first = select(end, chunk * params.rows + lane, works);
    let at = min(quad, params.quads - 1u);
    let mean = statistics[at];
    let inv_std = inverseSqrt(statistics[params.bias_at + at] + params.eps);
    let scale = weight[at] * inv_std;
    let mean_gradient = grad_bias / f32(rows);
    let slope = grad_weight / f32(rows);
    for (var row = first; row < end; row += AHEAD * lanes) {
        var values: array<vec4<f32>, AHEAD>;
        var gradients: array<vec4<f32>, AHEAD>;
        for (var ahead = 0u; ahead < AHEAD; ahead += 1u) {
            let index = min(row + ahead * lanes, end - 1u) * params.quads + quad;
            values[ahead] = input[index];
            gradients[ahead] = grad_output[index];
        }
        for (var ahead = 0u; ahead < AHEAD; ahead += 1u) {
            let own = row + ahead * lanes;
            if (own < end) {
                let x_hat = (values[ahead] - mean) * inv_std;
                let gradient = gradients[ahead] - mean_gradient - x_hat * slope;
                grad_input[own * params.quads + quad] = scale * gradient;
            }
        }
    }

    if (works && chunk == 0u && lane == 0u) {
        grad_parameters[quad] = grad_weight;
        grad_parameters[params.bias_at + quad] = grad_bias;
    }
    if (group == 0u) {
        for (var zero = params.quads + local; zero < params.bias_at; zero += WORKGROUP_SIZE) {
            grad_parameters[zero] = vec4<f32>(0.0);
        }
    }
}
