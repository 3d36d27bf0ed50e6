// Partial statistics of every channel: mean, sum of squared deviations from it, and count of the rows of
// each of `splits` parts of the batch. A row is a pixel of a sample.
//
// input     [batch * pixels, quads] vec4
// partials  [splits, 3, quads] vec4       mean, squares, count; all 0 where a split has no rows
//
// One workgroup per split and block of `columns` quads: its threads stand in lanes of `columns`, each
// thread sums every lanes-th row of its column, and the lanes' sums meet in a tree. The mean comes first and
// then the squares of the deviations from it, so that nothing cancels where the mean is large.
//#include step
//#include thread

struct Params {
    pixels: u32,   // of one sample
    quads: u32,    // of one pixel
    splits: u32,
    columns: u32,  // quads of one workgroup, at most WORKGROUP_SIZE
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> partials: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<vec4<f32>, WORKGROUP_SIZE>;

// The sum of `value` over the lanes of the thread's column.
fn sum_of_lanes(local: u32, value: vec4<f32>) -> vec4<f32> {
    let lane = local / params.columns;
    workgroupBarrier();
    sums[local] = value;
    workgroupBarrier();
    var lanes = WORKGROUP_SIZE / params.columns;
    while (lanes > 1u) {
        let half = (lanes + 1u) / 2u;
        if (lane + half < lanes) {
            sums[local] += sums[local + half * params.columns];
        }
        workgroupBarrier();
        lanes = half;
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
    let blocks = (params.quads + params.columns - 1u) / params.columns;
    let split = group / blocks;
    let quad = group % blocks * params.columns + local % params.columns;
    let lane = local / params.columns;
    let lanes = WORKGROUP_SIZE / params.columns;
    let rows = step.batch * params.pixels;
    let rows_per_split = (rows + params.splits - 1u) / params.splits;
    let start = min(split * rows_per_split, rows);
    let end = min(start + rows_per_split, rows);
    let works = split < params.splits && quad < params.quads && lane < lanes;
    // Threads without work go through no row, but meet every barrier.
    let first = select(end, start + lane, works);

    var sum = vec4<f32>(0.0);
    for (var row = first; row < end; row += lanes) {
        sum += input[row * params.quads + quad];
    }
    let mean = sum_of_lanes(local, sum) / f32(max(end - start, 1u));

    var squares = vec4<f32>(0.0);
    for (var row = first; row < end; row += lanes) {
        let deviation = input[row * params.quads + quad] - mean;
        squares += deviation * deviation;
    }
    squares = sum_of_lanes(local, squares);

    if (works && lane == 0u) {
        let at = split * 3u * params.quads + quad;
        partials[at] = mean;
        partials[at + params.quads] = squares;
        partials[at + 2u * params.quads] = vec4<f32>(f32(end - start));
    }
}
