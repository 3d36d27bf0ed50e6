// output = the maximum of every 2x2 square of max(conv2d(input, weight) + bias, 0) (or without the
// rectifier); argmax = where it was. The convolution's own output is never stored.
//
// input   [batch, in_height, in_width, in_quads] vec4
// weight  [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// bias    [out_quads] vec4
// output  [batch, out_height, out_width, out_quads] vec4
// argmax  [batch, out_height, out_width, out_quads] vec4   y * conv_width + x within the sample
//
// One thread per WINDOWS consecutive squares by COLUMNS quads of channels: row 4w + p of its tile
// is pixel p of square w. Sums run as in conv2d_forward, to the same bits.
// GPUs get tiles in workgroup memory, of other sizes than conv2d_forward's: shaders/workgroup/.
//#include step
//#include activation
//#let ROWS = 4*WINDOWS

struct Params {
    in_height: u32,
    in_width: u32,
    in_quads: u32,
    conv_width: u32,       // of the convolution's output
    out_height: u32,
    out_width: u32,
    out_channels: u32,     // unpadded
    kernel_height: u32,
    kernel_width: u32,
    stride: u32,
    block_height: u32,
    activation: u32,       // LINEAR or RELU
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> argmax: array<vec4<u32>>;
@group(0) @binding(5) var<uniform> params: Params;

// By its bits: compilers may assume that there is no NaN, and fold `x != x`.
fn is_nan(x: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(x) & vec4<u32>(0x7FFFFFFFu)) > vec4<u32>(0x7F800000u);
}

//#ifdef SLICES
//#include workgroup_conv2d_max_pool2d_forward
//#else
//#include thread

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let windows = step.batch * params.out_height * params.out_width;
    let out_quads = (params.out_channels + 3u) / 4u;
    let column_tiles = (out_quads + ${COLUMNS-1}u) / ${COLUMNS}u;
//#include tile_place
    let first_column = column_tile * ${COLUMNS}u;
    let first_window = row_tile * ${WINDOWS}u;
    let line = params.in_width * params.in_quads;
    let right = params.stride * params.in_quads;
    let down = params.stride * line;
    // Pixels of a square, from its first one.
    let offset_1 = 1u;
    let offset_2 = params.conv_width;
    let offset_3 = params.conv_width + 1u;
    // Divisions are dear: only the first square's place is divided out, the others follow.
    let start = min(first_window, windows - 1u);
    var x = start % params.out_width;
    var y = start / params.out_width % params.out_height;
    var sample = start / (params.out_width * params.out_height);
//#for w in 0..WINDOWS
    let row_${4*w} = sample * params.in_height * line + 2u * (y * down + x * right);
    let row_${4*w+1} = row_${4*w} + right;
    let row_${4*w+2} = row_${4*w} + down;
    let row_${4*w+3} = row_${4*w} + down + right;
    let pixel_${w} = 2u * (y * params.conv_width + x);
    // Squares past the end repeat the last one and are not stored.
    if (first_window + ${w+1}u < windows) {
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
//#include store_pooled
}
//#end
