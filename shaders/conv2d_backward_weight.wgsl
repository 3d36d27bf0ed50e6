// partials = the gradients of a conv2d without padding by its weight and bias, in `splits` parts,
// each the sum over a range of samples.
//
// input        [batch, in_height, in_width, in_quads] vec4
// grad_output  [batch, out_height, out_width, out_quads] vec4
// partials     [splits] of the weight [kernel_height, kernel_width, 4 in_quads, out_quads], zeros,
//              the bias [out_quads] vec4
//
// One thread per split, row of the window, ROW_QUADS quads of the run of kernel_width * in_quads
// quads along it, and COLUMNS quads of output channels; one more tile, whose input is always 1, sums
// the bias. Neighbouring taps share their loads at stride 1: shaders/sliding/. GPUs get tiles in
// workgroup memory: shaders/workgroup/.
//#include step

struct Params {
    in_height: u32,
    in_width: u32,
    in_quads: u32,
    out_height: u32,
    out_width: u32,
    out_quads: u32,
    kernel_height: u32,
    kernel_width: u32,
    stride: u32,
    splits: u32,
    samples_per_split: u32,
    bias_at: u32,          // quads from a split's weight to its bias
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

//#ifdef SLICES
//#include workgroup_conv2d_backward_weight
//#else
//#include thread

//#ifdef TAPS
//#include sliding_conv2d_backward_weight
//#else
@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let run = params.kernel_width * params.in_quads;
    let row_tiles = (run + ${ROW_QUADS-1}u) / ${ROW_QUADS}u;
    let column_tiles = (params.out_quads + ${COLUMNS-1}u) / ${COLUMNS}u;
//#include tile_place
    // Whole groups of lanes, so that all lanes of a group are in one split.
    let tiles = row_tiles * params.kernel_height;
    let group_tiles = (tiles + ${LANES}u) / ${LANES}u * ${LANES}u;
    let first_column = column_tile * ${COLUMNS}u;
    let tile = row_tile % group_tiles;
    let is_bias = tile == tiles;
    let first_row = tile % row_tiles * ${ROW_QUADS}u;
    let tap_y = min(tile / row_tiles, params.kernel_height - 1u);
    let split = row_tile / group_tiles;
    if (split >= params.splits) {
        return;
    }
    // Rows and columns past the end repeat the last one and are not stored.
//#for r in 0..ROW_QUADS
    let row_${r} = min(first_row + ${r}u, run - 1u);
//#end
//#for c in 0..COLUMNS
    let column_${c} = min(first_column + ${c}u, params.out_quads - 1u);
//#end
//#for r in 0..4*ROW_QUADS
//#for c in 0..COLUMNS
    var sum_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
    let in_line = params.in_width * params.in_quads;
    let out_line = params.out_width * params.out_quads;
    let in_step = params.stride * params.in_quads;
    let out_quads = params.out_quads;
//#include own_grads_tn
    let first_sample = split * params.samples_per_split;
    let end = min(first_sample + params.samples_per_split, step.batch);
    // One loop over all samples and pixels: see docs/performance.md on nested ones.
    var sample = first_sample;
    var x = 0u;
    var input_at = 0u;
    var grad_at = 0u;
    while (sample < end) {
//#for s in 0..4
        let live_${s} = sample + ${s}u < end;
        let input_${s} = (min(sample + ${s}u, end - 1u) * params.in_height + tap_y) * in_line;
        let grad_${s} = min(sample + ${s}u, end - 1u) * params.out_height * out_line;
//#end
//#if LANES > 1
//#for j in 0..(4*COLUMNS+7)/8
        let own_grad_${j} = min(sample + own_step_${j}, end - 1u) * params.out_height * out_line
            + own_column_${j};
//#end
//#end
//#include product_tn
        x++;
        grad_at += out_quads;
        input_at += in_step;
        if (x == params.out_width) {
            x = 0u;
            input_at += params.stride * in_line - params.out_width * in_step;
        }
        if (grad_at == params.out_height * out_line) {
            grad_at = 0u;
            input_at = 0u;
            sample += 4u;
        }
    }
    // Lanes past the last tile have nothing to store.
    let rows_left = select(0u, max(run, first_row) - first_row, tile < tiles);
    let first_tile_row = 4u * (tap_y * run + first_row);
    let weight_quads = 4u * params.kernel_height * run * out_quads;
//#include store_weight_and_bias
}
//#end
//#end
