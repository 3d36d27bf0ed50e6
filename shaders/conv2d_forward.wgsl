// output = activation(conv2d(input, weight) + bias), without padding.
//
// input   [batch, in_height, in_width, in_quads] vec4
// weight  [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// bias    [out_quads] vec4
// output  [batch, out_height, out_width, out_quads] vec4
//
// One thread per ROWS consecutive output pixels by COLUMNS quads of channels. One row of the
// window is one run of kernel_width * in_quads quads, in the input as in the weight; sums run in
// blocks of `block_height` such rows, so that large windows lose little precision. GPUs get tiles in
// workgroup memory: shaders/workgroup/.
//#include step
//#include activation

struct Params {
    in_height: u32,
    in_width: u32,
    in_quads: u32,
    out_height: u32,
    out_width: u32,
    out_channels: u32,     // unpadded
    kernel_height: u32,
    kernel_width: u32,
    stride: u32,
    block_height: u32,
    activation: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

//#ifdef SLICES
//#include workgroup_conv2d_forward
//#else
//#include thread

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let rows = step.batch * params.out_height * params.out_width;
    let out_quads = (params.out_channels + 3u) / 4u;
    let column_tiles = (out_quads + ${COLUMNS-1}u) / ${COLUMNS}u;
//#include tile_place
    let first_column = column_tile * ${COLUMNS}u;
    let first_row = row_tile * ${ROWS}u;
    // Divisions are dear: only the first pixel's place is divided out, the others follow.
    let start = min(first_row, rows - 1u);
    var x = start % params.out_width;
    var y = start / params.out_width % params.out_height;
    var sample = start / (params.out_width * params.out_height);
//#for r in 0..ROWS
    let row_${r} = ((sample * params.in_height + y * params.stride) * params.in_width
        + x * params.stride) * params.in_quads;
    // Pixels past the end repeat the last one and are not stored.
    if (first_row + ${r+1}u < rows) {
        x++;
        if (x == params.out_width) {
            x = 0u;
            y++;
        }
        if (y == params.out_height) {
            y = 0u;
            sample++;
        }
    }
//#end
//#for c in 0..COLUMNS
    let column_${c} = min(first_column + ${c}u, out_quads - 1u);
//#end
//#for r in 0..ROWS
//#for c in 0..COLUMNS
    var sum_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
    let weight_stride = out_quads;
//#include own_quads_nn
    let line = params.in_width * params.in_quads;
    let run = params.kernel_width * params.in_quads;
    var weight_at = 0u;
    for (var block = 0u; block < params.kernel_height; block += params.block_height) {
//#for r in 0..ROWS
//#for c in 0..COLUMNS
        var part_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
        let block_end = min(block + params.block_height, params.kernel_height);
        for (var tap_y = block; tap_y < block_end; tap_y++) {
            let run_end = tap_y * line + run;
            for (var input_at = tap_y * line; input_at < run_end; input_at++) {
//#include product_nn
                weight_at += 4u * weight_stride;
            }
        }
//#for r in 0..ROWS
//#for c in 0..COLUMNS
        sum_${r}_${c} += part_${r}_${c};
//#end
//#end
    }
//#include store_activated
}
//#end
