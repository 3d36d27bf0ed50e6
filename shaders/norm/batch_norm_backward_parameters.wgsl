// Partial sums of the gradients of weight and bias: of grad_output * x_hat and of grad_output over the rows
// of each of `splits` parts of the batch, where x_hat = (input - mean) / sqrt(variance + eps). A row is a
// pixel of a sample.
//
// grad_output  [batch * pixels, quads] vec4
// input        [batch * pixels, quads] vec4
// mean         [quads] vec4                    of the batch
// variance     [quads] vec4                    alike
// partials     [splits, bias_at + quads] vec4  weight, zeros and bias, as parameters lie
//
// One workgroup per split and block of `columns` quads: its threads stand in lanes of `columns`, each
// thread sums every lanes-th row of its column, and the lanes' sums meet in a tree.
//#include step
//#include thread

struct Params {
    pixels: u32,   // of one sample
    quads: u32,    // of one pixel
    splits: u32,
    columns: u32,  // quads of one workgroup, at most WORKGROUP_SIZE
    bias_at: u32,  // quads from a split's weight to its bias
    eps: f32,
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> weight_sums: array<vec4<f32>, WORKGROUP_SIZE>;
var<workgroup> bias_sums: array<vec4<f32>, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.y * workgroups.x + workgroup.x;
    let blocks = (params.quads + params.columns - 1u) / params.columns;
    let split = group / blocks;
    let block = group % blocks;
    let quad = block * params.columns + local % params.columns;
    let lane = local / params.columns;
    var lanes = WORKGROUP_SIZE / params.columns;
    let rows = step.batch * params.pixels;
    let rows_per_split = (rows + params.splits - 1u) / params.splits;
    let start = min(split * rows_per_split, rows);
    let end = min(start + rows_per_split, rows);
    let works = split < params.splits && quad < params.quads && lane < lanes;

    var weight_sum = vec4<f32>(0.0);
    var bias_sum = vec4<f32>(0.0);
    if (works) {
        let channel_mean = mean[quad];
        for (var row = start + lane; row < end; row += lanes) {
            let gradient = grad_output[row * params.quads + quad];
            weight_sum += gradient * (input[row * params.quads + quad] - channel_mean);
            bias_sum += gradient;
        }
        weight_sum *= inverseSqrt(variance[quad] + params.eps);
    }
    weight_sums[local] = weight_sum;
    bias_sums[local] = bias_sum;
    workgroupBarrier();
    while (lanes > 1u) {
        let half = (lanes + 1u) / 2u;
        if (lane + half < lanes) {
            weight_sums[local] += weight_sums[local + half * params.columns];
            bias_sums[local] += bias_sums[local + half * params.columns];
        }
        workgroupBarrier();
        lanes = half;
    }

    let first = split * (params.bias_at + params.quads);
    if (works && lane == 0u) {
        partials[first + quad] = weight_sums[local];
        partials[first + params.bias_at + quad] = bias_sums[local];
    }
    if (split < params.splits && block == 0u) {
        for (var at = params.quads + local; at < params.bias_at; at += WORKGROUP_SIZE) {
            partials[first + at] = vec4<f32>(0.0);
        }
    }
}
