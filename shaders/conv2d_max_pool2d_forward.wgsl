// output = the maximum of every 2x2 square of max(conv2d(input, weight) + bias, 0) (or without the
// rectifier); argmax = where it was. The convolution's own output is never stored.
//
// input   [batch, in_height, in_width, in_quads] vec4
// weight  [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// bias    [out_quads] vec4
// output  [batch, out_height, out_width, out_quads] vec4
// argmax  [batch, out_height, out_width, out_quads] vec4   y * conv_width + x within the sample
//
// Row 4w + p of a tile is pixel p of its square w.
// Software adapters get tiles that slide along lines of pixels, GPUs tiles in workgroup memory, of
// other sizes than conv2d_forward's: shaders/sliding/ and shaders/workgroup/.
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
//#include sliding_conv2d_max_pool2d_forward
//#end
