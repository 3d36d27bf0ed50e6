// partials = the gradients of conv2d + activation (relu or none) + 2x2 max-pool by the convolution's
// weight and bias, in `splits` parts, each the sum over a range of samples; straight from the pooled
// gradient and from where the maxima were. Three quarters of the gradient between convolution and
// pooling are zero, and it is never made.
//
// input        [batch, in_height, in_width, in_quads] vec4
// grad_output  [batch, out_height, out_width, 2 out_quads] vec2
// output       [batch, out_height, out_width, 2 out_quads] vec2
// argmax       [batch, out_height, out_width, 2 out_quads] vec2   as the forward kernel wrote it
// partials     [splits] of the weight [KERNEL, KERNEL, 4 in_quads, 2 out_quads] vec2, zeros, the
//              bias [2 out_quads] vec2
//
// Eight threads per split, quad of input channels and 16 output channels: a lane has two of these,
// and sums their taps. A square of pixels that is pooled sees the same patch of KERNEL + 1 rows and
// columns of the input in every channel, whichever pixel was picked: each lane loads a part and
// passes it on. Then it selects for each of its channels the columns and the rows that the picked
// pixel saw. From square to square the patch moves by two columns: these are loaded, and what the
// lanes loaded KERNEL / 2 steps before is held. (Held in lanes, and passed on anew at every step:
// software adapters would copy a patch in registers through memory.)
// Sums run in blocks of one sample.
//#include step
//#include thread
//#include activation
//#let ROWS = KERNEL+1
//#let HELD = KERNEL/2
//#let LOADS = (2*ROWS+7)/8

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
    // What this lane loads of the two columns that a step adds to the patch, and of those that lie
    // one step and more to the left, where a row of squares starts. Of an even KERNEL's leftmost
    // two, the first is outside of the patch.
//#for j in 0..LOADS
    let own_${j} = min(${8*j}u + lane, ${2*ROWS-1}u);
    let own_row_${j} = own_${j} % ${ROWS}u * line + quad;
    let own_column_${j} = own_${j} / ${ROWS}u + ${KERNEL-1}u;
    let own_at_${j} = own_row_${j} + own_column_${j} * params.in_quads;
//#for h in 0..HELD
    let start_column_${h}_${j} = max(own_column_${j}, ${2*h+2}u) - ${2*h+2}u;
    let start_at_${h}_${j} = own_row_${j} + start_column_${h}_${j} * params.in_quads;
//#end
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
//#for c in 0..2
//#for y in 0..KERNEL
//#for x in 0..KERNEL
        var part_${c}_${y}_${x} = vec4<f32>(0.0);
//#end
//#end
//#end
        var bias_part = vec2<f32>(0.0);
        for (var y = 0u; y < params.out_height; y++) {
            var input_at = (sample * params.in_height + 2u * y) * line;
            var at = (sample * params.out_height + y) * params.out_width * pairs + pair;
            let line_end = at + params.out_width * pairs;
            var pixel = 2u * y * params.conv_width;
//#for j in 0..LOADS
//#for h in 0..HELD
            var held_${h}_${j} = input[input_at + start_at_${h}_${j}];
//#end
//#end
            for (; at < line_end; at += pairs) {
//#for j in 0..LOADS
                let new_${j} = input[input_at + own_at_${j}];
//#end
//#for r in 0..ROWS
//#for x in 0..2
                let patch_${r}_${x+KERNEL-1} = subgroupBroadcast(new_${(x*ROWS+r)/8}, ${(x*ROWS+r)%8}u);
//#end
//#for x in 0..KERNEL-1
                let patch_${r}_${x} = subgroupBroadcast(
                    held_${(KERNEL-x)/2-1}_${((KERNEL-x+1)%2*ROWS+r)/8},
                    ${((KERNEL-x+1)%2*ROWS+r)%8}u,
                );
//#end
//#end
                let alive = vec2<bool>(linear) | (output[at] > vec2<f32>(0.0));
                let grad = select(vec2<f32>(0.0), grad_output[at], alive);
                bias_part += grad;
                // 0, 1, conv_width or conv_width + 1.
                let picked = argmax[at] - pixel;
                let down = picked >= vec2<u32>(params.conv_width);
                let right = picked != select(vec2<u32>(0u), vec2<u32>(params.conv_width), down);
//#for c in 0..2
//#for x in 0..KERNEL
//#for y in 0..ROWS
                let seen_${c}_${y}_${x} = select(patch_${y}_${x}, patch_${y}_${x+1}, right[${c}]);
//#end
//#for y in 0..KERNEL
                part_${c}_${y}_${x} +=
                    select(seen_${c}_${y}_${x}, seen_${c}_${y+1}_${x}, down[${c}]) * grad[${c}];
//#end
//#end
//#end
//#for j in 0..LOADS
//#for h in 1..HELD
                held_${HELD-h}_${j} = held_${HELD-h-1}_${j};
//#end
//#for h in 0..min(HELD, 1)
                held_0_${j} = new_${j};
//#end
//#end
                input_at += 2u * params.in_quads;
                pixel += 2u;
            }
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
