// partials = sums of grad_output over rows, in `splits` parts, each over a range of samples.
//
// grad_output  [batch * rows_per_sample, out_quads] vec4
// partials     [splits, out_quads] vec4
//
// One thread per split and quad. Sums run in blocks of 64 rows on four accumulators, so that long
// ones lose little precision.
//#include step
//#include thread

struct Params {
    rows_per_sample: u32,
    out_quads: u32,
    splits: u32,
    samples_per_split: u32,
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> partials: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

const BLOCK_ROWS: u32 = 64u;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let quads = params.out_quads;
    let split = index / quads;
    if (split >= params.splits) {
        return;
    }
    let column = index % quads;
    let first_sample = split * params.samples_per_split;
    let end_sample = min(first_sample + params.samples_per_split, step.batch);
    let end = end_sample * params.rows_per_sample;
    var sum = vec4<f32>(0.0);
    for (var block = first_sample * params.rows_per_sample; block < end; block += BLOCK_ROWS) {
        let block_end = min(block + BLOCK_ROWS, end);
//#for i in 0..4
        var part_${i} = vec4<f32>(0.0);
//#end
        var row = block;
        for (; row + 3u < block_end; row += 4u) {
            let at = row * quads + column;
//#for i in 0..4
            part_${i} += grad_output[at + ${i}u * quads];
//#end
        }
        for (; row < block_end; row++) {
            part_0 += grad_output[row * quads + column];
        }
        sum += (part_0 + part_1) + (part_2 + part_3);
    }
    partials[index] = sum;
}
