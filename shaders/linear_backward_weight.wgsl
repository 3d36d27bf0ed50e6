// partials = the gradients by weight, input^T * grad_output, and by bias, 1^T * grad_output, in
// `splits` parts, each the sum over a range of samples.
//
// input        [batch * rows_per_sample, in_quads] vec4
// grad_output  [batch * rows_per_sample, out_quads] vec4
// partials     [splits] of the weight [4 in_quads, out_quads], zeros, the bias [out_quads] vec4
//
// One thread per split, ROW_QUADS quads of inputs and COLUMNS quads of outputs; one more row of
// tiles, whose input is always 1, sums the bias. GPUs get tiles in workgroup memory: shaders/workgroup/.
//#include step

struct Params {
    rows_per_sample: u32,
    in_quads: u32,
    out_quads: u32,
    splits: u32,
    samples_per_split: u32,
    bias_at: u32,          // quads from a split's weight to its bias
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

//#ifdef SLICES
//#include workgroup_linear_backward_weight
//#else
//#include thread

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
//#include linear_weight_tile
    let first_sample = split * params.samples_per_split;
    let end_sample = min(first_sample + params.samples_per_split, step.batch);
    let end = end_sample * params.rows_per_sample;
    let out_quads = params.out_quads;
//#include own_grads_tn
    let input_at = 0u;
    let grad_at = 0u;
    for (var row = first_sample * params.rows_per_sample; row < end; row += 4u) {
//#for s in 0..4
        let live_${s} = row + ${s}u < end;
        let input_${s} = min(row + ${s}u, end - 1u) * params.in_quads;
        let grad_${s} = min(row + ${s}u, end - 1u) * params.out_quads;
//#end
//#if LANES > 1
//#for j in 0..(4*COLUMNS+7)/8
        let own_grad_${j} = min(row + own_step_${j}, end - 1u) * out_quads + own_column_${j};
//#end
//#end
//#include product_tn
    }
    let rows_left = select(max(params.in_quads, first_row) - first_row, 0u, is_bias);
    let first_tile_row = 4u * first_row;
    let weight_quads = 4u * params.in_quads * out_quads;
//#include store_weight_and_bias
}
//#end
