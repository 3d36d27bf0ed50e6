// output = the maximum of every 2x2 square of max(conv2d(input, weight) + bias, 0) (or without the
// rectifier); argmax = where it was. The convolution's own output is never stored.
//
// input   [batch, in_height, in_width, in_quads] vec4
// weight  [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// bias    [out_quads] vec4
// output  [batch, out_height, out_width, out_quads] vec4
// argmax  [batch, out_height, out_width, out_quads] vec4   y * conv_width + x within the sample
//
// One thread per WINDOWS neighbouring squares of a line by COLUMNS quads of channels, tiled as
// sliding/conv2d_forward is; sums run as there, to the same bits.
//#let HEIGHT = 2
//#let WIDTH = 2*WINDOWS
//#include step
//#include thread
//#include activation

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

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let out_quads = (params.out_channels + 3u) / 4u;
    let column_tiles = (out_quads + ${COLUMNS-1}u) / ${COLUMNS}u;
//#include tile_place
    let first_column = column_tile * ${COLUMNS}u;
//#for c in 0..COLUMNS
    let column_${c} = min(first_column + ${c}u, out_quads - 1u);
//#end
    let line_tiles = (params.out_width + ${WINDOWS-1}u) / ${WINDOWS}u;
    let lines = step.batch * params.out_height;
    // Lanes past the last line repeat it and store nothing.
    let line = min(row_tile / line_tiles, lines - 1u);
    let start = row_tile % line_tiles * ${WINDOWS}u;
    let x = min(start, params.out_width - ${WINDOWS}u);
    let y = line % params.out_height;
    let sample = line / params.out_height;
    let in_line = params.in_width * params.in_quads;
    var input_at = (sample * params.in_height + 2u * y * params.stride) * in_line
        + 2u * x * params.stride * params.in_quads;
//#include slide
    // Pixels of a square, from its first one.
    let offset_1 = 1u;
    let offset_2 = params.conv_width;
    let offset_3 = params.conv_width + 1u;
//#for w in 0..WINDOWS
    let pixel_${w} = 2u * (y * params.conv_width + x + ${w}u);
//#end
    let first_window = line * params.out_width + x;
    let live_start = line * params.out_width + start;
    let live_end = select(live_start, first_window + ${WINDOWS}u, row_tile < lines * line_tiles);
//#include store_pooled
}
