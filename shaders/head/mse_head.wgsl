// The last dense layers of a net that is trained by the mean squared error: their outputs, the gradient of the
// loss, and the gradients by the outputs of all of them and by the first one's input, in one pass.
//
// input    [batch, quads_0] vec4  what the layer before them put out; or where `splits` is more than 0, that many partial
//                                 sums of it, split_stride quads apart, which want their bias and activation
// weights  vec4                   the bias of partial sums, where there are any; weight and bias of each layer, at quads
//                                 weight_1, bias_1, ...
// order    [count] u32            image number by position of the epoch
// targets  [images] f32           of the whole data set
// tape     vec4                   for layers 1 to LAYERS, and for 0, the input, where that came in partial sums, the
//                                 output [capacity, quads_n] at quad output_n; for 0 to LAYERS the gradient by the
//                                 sums before the activation, [capacity, quads_n] at gradient_n
//
// A workgroup takes ROWS samples through all layers and back; what lies between the layers stays in its memory. A
// sum over a layer's inputs is shared among its threads, as many for each quad of outputs as there are, and so is
// the sum over its outputs on the way back. All hidden layers have the same activation; so has the input, where
// slope_0 is 1.
//#include step
//#include activation
//#include two_over

const THREADS: u32 = 256u;
// Quads of ROWS samples in all layers together.
const VALUES: u32 = 512u;

struct Params {
    quads_0: u32,
    quads_1: u32,
    quads_2: u32,
    quads_3: u32,
    channels_0: u32,   // unpadded
    channels_1: u32,
    channels_2: u32,
    channels_3: u32,
    weight_1: u32,
    weight_2: u32,
    weight_3: u32,
    bias_1: u32,
    bias_2: u32,
    bias_3: u32,
    output_0: u32,
    output_1: u32,
    output_2: u32,
    output_3: u32,
    gradient_0: u32,
    gradient_1: u32,
    gradient_2: u32,
    gradient_3: u32,
    splits: u32,
    split_stride: u32,
    slope_0: u32,
    activation: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> targets: array<f32>;
@group(0) @binding(4) var<storage, read_write> tape: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> params: Params;

// The layers' outputs, layer by layer, sample by sample; on the way back gradients take their places.
var<workgroup> values: array<vec4<f32>, VALUES>;
var<workgroup> partials: array<vec4<f32>, VALUES>;

struct Layer {
    ins: u32,          // quads of its input
    outs: u32,         // quads of its output
    channels: u32,
    weight: u32,
    bias: u32,
    output: u32,
    gradient: u32,     // by its input
    first: u32,        // of its input among values
    activation: u32,   // of its output
    slope: u32,        // of its input
}

fn layer_of(number: u32) -> Layer {
    let hidden = select(params.activation, LINEAR, number == LAYERS);
    let slope_0 = select(LINEAR, params.activation, params.slope_0 == 1u);
    let to_1 = ROWS * params.quads_0;
    let to_2 = to_1 + ROWS * params.quads_1;
    switch number {
        case 1u: {
            return Layer(params.quads_0, params.quads_1, params.channels_1, params.weight_1, params.bias_1,
                params.output_1, params.gradient_0, 0u, hidden, slope_0);
        }
        case 2u: {
            return Layer(params.quads_1, params.quads_2, params.channels_2, params.weight_2, params.bias_2,
                params.output_2, params.gradient_1, to_1, hidden, params.activation);
        }
        default: {
            return Layer(params.quads_2, params.quads_3, params.channels_3, params.weight_3, params.bias_3,
                params.output_3, params.gradient_2, to_2, hidden, params.activation);
        }
    }
}

// The least power of two that is no less than `n`.
fn power_of_two(n: u32) -> u32 {
    return select(1u << (32u - countLeadingZeros(n - 1u)), 1u, n <= 1u);
}

// Adds up `slices` sums of `width` partial results each, by halves, always in the same order.
fn add_slices(local: u32, slices: u32, width: u32) {
    workgroupBarrier();
    for (var apart = slices / 2u; apart > 0u; apart /= 2u) {
        for (var i = local; i < apart * width; i += THREADS) {
            partials[i] += partials[i + apart * width];
        }
        workgroupBarrier();
    }
}

// The layer's output, from what is in values to there and to the tape.
fn forward(layer: Layer, local: u32, sample: u32) {
    let columns = min(power_of_two(layer.outs), THREADS);
    let slices = min(THREADS / columns, power_of_two(layer.ins));
    let slice = local / columns;
    for (var column = local % columns; column < layer.outs; column += columns) {
        if (slice < slices) {
            var sums: array<vec4<f32>, ROWS>;
            for (var quad = slice; quad < layer.ins; quad += slices) {
                let at = layer.weight + 4u * quad * layer.outs + column;
                let w_0 = weights[at];
                let w_1 = weights[at + layer.outs];
                let w_2 = weights[at + 2u * layer.outs];
                let w_3 = weights[at + 3u * layer.outs];
                for (var r = 0u; r < ROWS; r++) {
                    let x = values[layer.first + r * layer.ins + quad];
                    sums[r] = sums[r] + x.x * w_0 + x.y * w_1 + x.z * w_2 + x.w * w_3;
                }
            }
            for (var r = 0u; r < ROWS; r++) {
                partials[(slice * ROWS + r) * layer.outs + column] = sums[r];
            }
        }
    }
    add_slices(local, slices, ROWS * layer.outs);
    for (var i = local; i < ROWS * layer.outs; i += THREADS) {
        let column = i % layer.outs;
        let sum = partials[i] + weights[layer.bias + column];
        let value = without_padding(activate(layer.activation, sum), column, layer.channels);
        values[layer.first + ROWS * layer.ins + i] = value;
        if (sample + i / layer.outs < step.batch) {
            tape[layer.output + sample * layer.outs + i] = value;
        }
    }
    workgroupBarrier();
}

// The gradient by the layer's input before its activation, from that by its output, in place of both.
fn backward(layer: Layer, local: u32, sample: u32) {
    let width = 4u * layer.ins;
    let columns = min(power_of_two(width), THREADS);
    let slices = min(THREADS / columns, power_of_two(layer.outs));
    let slice = local / columns;
    let first = layer.first + ROWS * layer.ins;
    for (var row = local % columns; row < width; row += columns) {
        if (slice < slices) {
            var sums: vec4<f32>;
            for (var quad = slice; quad < layer.outs; quad += slices) {
                let w = weights[layer.weight + row * layer.outs + quad];
                for (var r = 0u; r < ROWS; r++) {
                    sums[r] += dot(values[first + r * layer.outs + quad], w);
                }
            }
            partials[slice * width + row] = sums;
        }
    }
    add_slices(local, slices, width);
    for (var i = local; i < ROWS * layer.ins; i += THREADS) {
        let r = i / layer.ins;
        let at = 4u * (i % layer.ins);
        let sum = vec4<f32>(partials[at][r], partials[at + 1u][r], partials[at + 2u][r], partials[at + 3u][r]);
        let gradient = sum * activation_slope(layer.slope, values[layer.first + i]);
        values[layer.first + i] = gradient;
        if (sample + r < step.batch) {
            tape[layer.gradient + sample * layer.ins + i] = gradient;
        }
    }
    workgroupBarrier();
}

// One quad of the input of a sample, which is made of its partial sums where there are any.
fn input_at(row: u32, column: u32) -> vec4<f32> {
    let at = row * params.quads_0 + column;
    if (params.splits == 0u) {
        return input[at];
    }
    var sum = weights[column];
    for (var split = 0u; split < params.splits; split++) {
        sum += input[split * params.split_stride + at];
    }
    let activation = select(LINEAR, params.activation, params.slope_0 == 1u);
    return without_padding(activate(activation, sum), column, params.channels_0);
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let sample = (workgroup.y * workgroups.x + workgroup.x) * ROWS;
    // Samples past the end repeat the last one and are not stored.
    let last = step.batch - 1u;
    for (var i = local; i < ROWS * params.quads_0; i += THREADS) {
        let row = sample + i / params.quads_0;
        let column = i % params.quads_0;
        let value = input_at(min(row, last), column);
        values[i] = value;
        if (params.splits > 0u && row < step.batch) {
            tape[params.output_0 + row * params.quads_0 + column] = value;
        }
    }
    workgroupBarrier();
    for (var number = 1u; number <= LAYERS; number++) {
        forward(layer_of(number), local, sample);
    }
    let output = layer_of(LAYERS);
    let end = output.first + ROWS * output.ins;
    let gradients = array<u32, 4>(params.gradient_0, params.gradient_1, params.gradient_2, params.gradient_3)[LAYERS];
    if (local < ROWS) {
        let wanted = targets[order[step.batch_start + min(sample + local, last)]];
        let error = two_over(step.whole_batch) * (values[end + local].x - wanted);
        values[end + local] = vec4<f32>(error, 0.0, 0.0, 0.0);
        if (sample + local < step.batch) {
            tape[gradients + sample + local] = vec4<f32>(error, 0.0, 0.0, 0.0);
        }
    }
    workgroupBarrier();
    for (var number = LAYERS; number > 0u; number--) {
        backward(layer_of(number), local, sample);
    }
}
