// grad_input = the gradient of a conv2d by its input, times the slope of the
// activation that made the input: with one, the gradient of the sums before it.
//
// grad_output  [batch, out_height, out_width, out_quads] vec4
// weight       [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// input        [batch, in_height, in_width, in_quads] vec4; not read where activation is LINEAR
// grad_input   [batch, in_height, in_width, in_quads] vec4
//
// The sums are those of `input_gradient`.
//#include step
//#include activation
//#include product

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
    padding: u32,          // pixels of zeros on every side of the input, which are not in memory
    activation: u32,       // whose output the input is
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

// The gradient before the activation that made quad `at` of the input, given the one behind it.
fn before_activation(at: u32, gradient: vec4<f32>) -> vec4<f32> {
    if (params.activation == LINEAR) {
        return gradient;
    }
    return gradient * activation_slope(params.activation, input[at]);
}

fn store(sums: ptr<function, Sums>, tile: Tile, thread: Thread) {
    let pixels = params.in_height * params.in_width;
    for (var r = 0u; r < ROWS; r++) {
        let sample = tile.sample + thread.row + r * THREAD_ROWS;
        for (var c = 0u; c < COLUMNS; c++) {
            let column = tile.column + thread.column + c * THREAD_COLUMNS;
            if (sample < step.batch && column < params.in_quads) {
                let at = (sample * pixels + tile.pixel) * params.in_quads + column;
                grad_input[at] = before_activation(at, (*sums)[r * COLUMNS + c]);
            }
        }
    }
}

// With the entry point, which comes last.
//#include input_gradient
