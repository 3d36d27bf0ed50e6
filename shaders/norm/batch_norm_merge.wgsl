// Mean and variance of the batch from those of its parts; running statistics take a step of `momentum`
// towards them.
//
// partials      [splits, 3, quads] vec4   mean, sum of squared deviations and count of each part
// mean          [quads] vec4              of the whole batch
// variance      [quads] vec4              biased: the squares over their count
// running_mean  [quads] vec4              (1 - momentum) * itself + momentum * mean
// running_var   [quads] vec4              the same of the unbiased variance: the squares over count - 1
//
// One workgroup per quad, one thread per part (or several, where there are more of them). Sums are those of
// neighbours first, ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)) of eight; parts without rows add 0.
//#include step
//#include thread

struct Params {
    pixels: u32,    // of one sample
    quads: u32,     // of one pixel
    splits: u32,
    splits_per_shard: u32,  // that lie one behind the other
    stride: u32,            // quads from a shard to the next
    momentum: f32,
}

@group(0) @binding(0) var<storage, read> partials: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> mean: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> variance: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> running_mean: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> running_var: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> sums: array<vec4<f32>, WORKGROUP_SIZE>;

// Where the statistics of a part begin.
fn place(split: u32, quad: u32) -> u32 {
    let shard = split / params.splits_per_shard;
    return shard * params.stride + split % params.splits_per_shard * 3u * params.quads + quad;
}

// The sum of `value` over all threads, whose number is a power of two.
fn sum_of_threads(local: u32, value: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    sums[local] = value;
    workgroupBarrier();
    for (var stride = 1u; stride < WORKGROUP_SIZE; stride *= 2u) {
        if (local % (2u * stride) == 0u) {
            sums[local] += sums[local + stride];
        }
        workgroupBarrier();
    }
    return sums[0];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let quad = workgroup.y * workgroups.x + workgroup.x;
    let splits = select(0u, params.splits, quad < params.quads);
    let rows = step.batch * params.pixels;

    var sum = vec4<f32>(0.0);
    for (var split = local; split < splits; split += WORKGROUP_SIZE) {
        let at = place(split, quad);
        sum += partials[at + 2u * params.quads] * partials[at];
    }
    let batch_mean = sum_of_threads(local, sum) / f32(rows);

    var squares = vec4<f32>(0.0);
    for (var split = local; split < splits; split += WORKGROUP_SIZE) {
        let at = place(split, quad);
        let deviation = partials[at] - batch_mean;
        let between = partials[at + 2u * params.quads] * deviation * deviation;
        squares += partials[at + params.quads] + between;
    }
    squares = sum_of_threads(local, squares);

    if (local == 0u && quad < params.quads) {
        let kept = 1.0 - params.momentum;
        let unbiased = squares / f32(max(rows, 2u) - 1u);
        mean[quad] = batch_mean;
        variance[quad] = squares / f32(rows);
        running_mean[quad] = kept * running_mean[quad] + params.momentum * batch_mean;
        running_var[quad] = kept * running_var[quad] + params.momentum * unbiased;
    }
}
