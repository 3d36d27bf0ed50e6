// partials = the gradients of conv2d + activation (relu or none) + 2x2 max-pool by the convolution's
// weight and bias, in `splits` parts, each the sum over a range of samples; straight from the pooled
// gradient and from where the maxima were. Three quarters of the convolution's own gradient are
// zero, and it is never made.
//
// input        [batch, in_height, in_width, in_quads] vec4
// grad_output  [batch, out_height, out_width, 4 out_quads]
// output       [batch, out_height, out_width, 4 out_quads]
// argmax       [batch, out_height, out_width, 4 out_quads]   as the forward kernel wrote it
// partials     [splits] of the weight [KERNEL, KERNEL, 4 in_quads, 4 out_quads], zeros, the bias
//              [4 out_quads]
//
// Eight threads per split, quad of input channels and eight output channels: a lane has one output
// channel, and sums its KERNEL * KERNEL taps. A square of pixels that is pooled sees KERNEL + 1 rows
// and columns of the input, whichever of its pixels was picked: all lanes need the same patch, so
// each loads a part and passes it on. Then every lane selects the rows and the columns that the
// pixel picked in its own channel saw. POSITIONS squares are taken at a time, from left to right;
// KERNEL - 1 columns of their patch are still there from the squares before.
// Sums run in blocks of one row of squares.
//#include step
//#include thread
//#include activation
//#let ROWS = KERNEL+1
//#let KEPT = KERNEL-1

struct Params {
    in_height: u32,
    in_width: u32,
    in_quads: u32,
    conv_width: u32,       // of the convolution's output
    out_height: u32,
    out_width: u32,
    out_quads: u32,
    kernel: u32,           // KERNEL
    splits: u32,
    samples_per_split: u32,
    bias_at: u32,          // quads from a split's weight to its bias
    activation: u32,       // LINEAR or RELU
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grad_output: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> output: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> argmax: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec2<f32>>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let lane = index % 8u;
    let pairs = 2u * params.out_quads;
    let pair_groups = (pairs + 7u) / 8u;
    let pair_group = index / 8u % pair_groups;
    let quad = index / 8u / pair_groups % params.in_quads;
    let split = index / 8u / pair_groups / params.in_quads;
    if (split >= params.splits) {
        return;
    }
    // Lanes past the last pair repeat it and store nothing.
    let pair = min(8u * pair_group + lane, pairs - 1u);
    let line = params.in_width * params.in_quads;
    let linear = params.activation == LINEAR;
    // What this lane loads of the first columns of a row of squares, and of the next ones.
//#for j in 0..(ROWS*KEPT+7)/8
    let first_${j} = min(${8*j}u + lane, ${ROWS*KEPT-1}u);
    let first_at_${j} = first_${j} % ${ROWS}u * line + first_${j} / ${ROWS}u * params.in_quads + quad;
//#end
//#for j in 0..(ROWS*2+7)/8
    let next_${j} = min(${8*j}u + lane, ${ROWS*2-1}u);
    let next_at_${j} = next_${j} % ${ROWS}u * line
        + (next_${j} / ${ROWS}u + ${KEPT}u) * params.in_quads + quad;
//#end
//#for c in 0..2
//#for y in 0..KERNEL
//#for x in 0..KERNEL
    var sum_${c}_${y}_${x} = vec4<f32>(0.0);
//#end
//#end
//#end
    var bias_sum = vec2<f32>(0.0);
    let end = min((split + 1u) * params.samples_per_split, step.batch);
    for (var sample = split * params.samples_per_split; sample < end; sample++) {
        for (var y = 0u; y < params.out_height; y++) {
//#for c in 0..2
//#for y in 0..KERNEL
//#for x in 0..KERNEL
            var part_${c}_${y}_${x} = vec4<f32>(0.0);
//#end
//#end
//#end
            var bias_part = vec2<f32>(0.0);
            var input_at = (sample * params.in_height + 2u * y) * line;
            var at = (sample * params.out_height + y) * params.out_width * pairs + pair;
            let line_end = at + params.out_width * pairs;
            var pixel = 2u * y * params.conv_width;
//#for j in 0..(ROWS*KEPT+7)/8
            let first_load_${j} = input[input_at + first_at_${j}];
//#end
//#for x in 0..KEPT
//#for r in 0..ROWS
            var kept_${r}_${x} = subgroupBroadcast(first_load_${(x*ROWS+r)/8}, ${(x*ROWS+r)%8}u);
//#end
//#end
            for (; at < line_end; at += pairs) {
//#for j in 0..(ROWS*2+7)/8
                let load_${j} = input[input_at + next_at_${j}];
//#end
//#for x in 0..KEPT
//#for r in 0..ROWS
                let patch_${r}_${x} = kept_${r}_${x};
//#end
//#end
//#for x in 0..2
//#for r in 0..ROWS
                let patch_${r}_${x+KEPT} = subgroupBroadcast(load_${(x*ROWS+r)/8}, ${(x*ROWS+r)%8}u);
//#end
//#end
                let slope = vec2<bool>(linear) | (output[at] > vec2<f32>(0.0));
                let grad = select(vec2<f32>(0.0), grad_output[at], slope);
                bias_part += grad;
                let picked = argmax[at] - pixel;
                let down = picked >= vec2<u32>(params.conv_width);
                let right = picked != select(vec2<u32>(0u), vec2<u32>(params.conv_width), down);
//#for c in 0..2
//#for y in 0..KERNEL
//#for x in 0..ROWS
                let seen_${c}_${y}_${x} = select(patch_${y}_${x}, patch_${y+1}_${x}, down[${c}]);
//#end
//#for x in 0..KERNEL
                part_${c}_${y}_${x} += select(seen_${c}_${y}_${x}, seen_${c}_${y}_${x+1}, right[${c}]) * grad[${c}];
//#end
//#end
//#end
//#for x in 0..KEPT
//#for r in 0..ROWS
                kept_${r}_${x} = patch_${r}_${x+2};
//#end
//#end
                input_at += 2u * params.in_quads;
                pixel += 2u;
            }
            bias_sum += bias_part;
//#for c in 0..2
//#for y in 0..KERNEL
//#for x in 0..KERNEL
            sum_${c}_${y}_${x} += part_${c}_${y}_${x};
//#end
//#end
//#end
        }
    }
    let first = split * (2u * params.bias_at + pairs);
    if (8u * pair_group + lane < pairs) {
        let tap_pairs = 4u * params.in_quads * pairs;
        var at = first + 4u * quad * pairs + pair;
//#for y in 0..KERNEL
//#for x in 0..KERNEL
//#for i in 0..4
        partials[at + ${i}u * pairs] = vec2<f32>(sum_0_${y}_${x}[${i}], sum_1_${y}_${x}[${i}]);
//#end
        at += tap_pairs;
//#end
//#end
        if (quad == 0u) {
            partials[first + 2u * params.bias_at + pair] = bias_sum;
        }
    }
    if (quad == 0u && pair_group == 0u) {
        let weight_pairs = params.kernel * params.kernel * 4u * params.in_quads * pairs;
        for (var at = weight_pairs + lane; at < 2u * params.bias_at; at += 8u) {
            partials[first + at] = vec2<f32>(0.0);
        }
    }
}
