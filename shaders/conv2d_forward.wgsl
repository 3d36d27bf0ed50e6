// output = activation(conv2d(input, weight) + bias), without padding.
//
// input   [batch, in_height, in_width, in_quads] vec4
// weight  [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// bias    [out_quads] vec4
// output  [batch, out_height, out_width, out_quads] vec4
//
// Software adapters get tiles that slide along lines of pixels, GPUs tiles in workgroup memory:
// shaders/sliding/ and shaders/workgroup/.
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
//#include sliding_conv2d_forward
//#end
