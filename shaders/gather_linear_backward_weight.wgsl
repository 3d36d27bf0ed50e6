// partials = the gradients by weight and bias of the linear layer of gather_linear_forward, in `splits`
// parts, each the sum over a range of samples.
//
// images_0..3  packed u8, as gather has them, each image a vector of 4 in_quads elements
// order        [count] u32        image number by position of the epoch
// grad_output  [batch, out_quads] vec4
// partials     [splits] of the weight [4 in_quads, out_quads], zeros, the bias [out_quads] vec4
//
// Tiled as linear_backward_weight is.
//#include step

struct Params {
    in_quads: u32,
    image_words: u32,      // from one image to the next
    images_per_part: u32,
    out_quads: u32,
    splits: u32,
    samples_per_split: u32,
    bias_at: u32,          // quads from a split's weight to its bias
}

@group(0) @binding(0) var<storage, read> images_0: array<u32>;
@group(0) @binding(1) var<storage, read> images_1: array<u32>;
@group(0) @binding(2) var<storage, read> images_2: array<u32>;
@group(0) @binding(3) var<storage, read> images_3: array<u32>;
@group(0) @binding(4) var<storage, read> order: array<u32>;
@group(0) @binding(5) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> partials: array<vec4<f32>>;
@group(0) @binding(7) var<uniform> params: Params;

//#include images
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
    let end = min(first_sample + params.samples_per_split, step.batch);
    let out_quads = params.out_quads;
//#include own_grads_tn
    let grad_at = 0u;
    for (var sample = first_sample; sample < end; sample += 4u) {
//#for s in 0..4
        let live_${s} = sample + ${s}u < end;
        let image_${s} = order[step.batch_start + min(sample + ${s}u, end - 1u)];
        let part_${s} = part_of(image_${s});
        let input_${s} = first_word_of(image_${s}, part_${s});
//#end
//#for j in 0..(4*COLUMNS+7)/8
        let own_grad_${j} = min(sample + own_step_${j}, end - 1u) * out_quads + own_column_${j};
//#end
//#include product_tn
    }
    let rows_left = select(max(params.in_quads, first_row) - first_row, 0u, is_bias);
    let first_tile_row = 4u * first_row;
    let weight_quads = 4u * params.in_quads * out_quads;
//#include store_weight_and_bias
}
