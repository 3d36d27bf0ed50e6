// All steps of a convolution's sums, in one loop: see product_sliding for what a step expects, and
// docs/performance.md on nested loops. Expects params of a convolution, `in_line` (quads of a line
// of input pixels) and `input_at` at the first pixel of the tile's window; gives the sums.
//#for r in 0..HEIGHT*WIDTH
//#for c in 0..COLUMNS
var sum_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
let weight_stride = out_quads;
//#include own_quads_nn
let right = params.stride * params.in_quads;
let down = params.stride * in_line;
let tap_stride = 4u * params.in_quads * out_quads;
let weight_end = params.kernel_height * params.kernel_width * tap_stride;
var weight_at = 0u;
var quad = 0u;
var tap = 0u;
while (weight_at < weight_end) {
//#include product_sliding
    quad++;
    input_at++;
    weight_at += 4u * out_quads;
    if (quad == params.in_quads) {
        // On to the next TAPS taps of the window's row, past the last one to the next row.
        quad = 0u;
        tap += ${TAPS}u;
        weight_at += ${TAPS-1}u * tap_stride;
        input_at += ${TAPS-1}u * params.in_quads;
        if (tap == params.kernel_width) {
            tap = 0u;
            input_at += in_line - params.kernel_width * params.in_quads;
        }
    }
}
