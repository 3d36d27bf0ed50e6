// grad_input = the gradient of the sums before an activation and a 2x2 max-pooling that made the input of a conv2d:
// what conv2d_backward_input computes and max_pool2d_backward spreads over the windows.
//
// grad_output  [batch, out_height, out_width, out_quads] vec4
// weight       [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// input        [batch, in_height, in_width, in_quads] vec4; not read where activation is LINEAR
// argmax       [batch, in_height, in_width, in_quads] vec4   the pixels that the pooling picked
// grad_input   [batch, unpooled_height, unpooled_width, in_quads] vec4
//
// The sums are those of `input_gradient`. Whoever has that of a pixel writes its window; the last ones of a line and of
// a column write the pixel beyond, if the pooling left one.
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
    activation: u32,       // before the pooling, or LINEAR
    unpooled_height: u32,  // of what the pooling read
    unpooled_width: u32,
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> argmax: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> params: Params;

const WINDOW: u32 = 2;

// Writes `gradient` to the pixel of the window of `pixel` that the pooling picked, and zeros to its others.
fn spread(gradient: vec4<f32>, picked: vec4<u32>, sample: u32, pixel: u32, column: u32) {
    let x = pixel % params.in_width;
    let y = pixel / params.in_width;
    let right = select(WINDOW * (x + 1u), params.unpooled_width, x + 1u == params.in_width);
    let bottom = select(WINDOW * (y + 1u), params.unpooled_height, y + 1u == params.in_height);
    let plane = sample * params.unpooled_height * params.unpooled_width;
    for (var to_y = WINDOW * y; to_y < bottom; to_y++) {
        for (var to_x = WINDOW * x; to_x < right; to_x++) {
            let to = to_y * params.unpooled_width + to_x;
            let value = select(vec4<f32>(0.0), gradient, picked == vec4<u32>(to));
            grad_input[(plane + to) * params.in_quads + column] = value;
        }
    }
}

fn store(sums: ptr<function, Sums>, tile: Tile, thread: Thread) {
    let pixels = params.in_height * params.in_width;
    for (var r = 0u; r < ROWS; r++) {
        let sample = tile.sample + thread.row + r * THREAD_ROWS;
        for (var c = 0u; c < COLUMNS; c++) {
            let column = tile.column + thread.column + c * THREAD_COLUMNS;
            if (sample < step.batch && column < params.in_quads) {
                let at = (sample * pixels + tile.pixel) * params.in_quads + column;
                var gradient = (*sums)[r * COLUMNS + c];
                if (params.activation != LINEAR) {
                    gradient *= activation_slope(params.activation, input[at]);
                }
                spread(gradient, argmax[at], sample, tile.pixel, column);
            }
        }
    }
}

// With the entry point, which comes last.
//#include input_gradient
