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
//#let NEW = 2*POSITIONS
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
@group(0) @binding(1) var<storage, read> grad_output: array<f32>;
@group(0) @binding(2) var<storage, read> output: array<f32>;
@group(0) @binding(3) var<storage, read> argmax: array<u32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let lane = index % 8u;
    let channels = 4u * params.out_quads;
    let channel_groups = (channels + 7u) / 8u;
    let channel_group = index / 8u % channel_groups;
    let quad = index / 8u / channel_groups % params.in_quads;
    let split = index / 8u / channel_groups / params.in_quads;
    if (split >= params.splits) {
        return;
    }
    // Lanes past the last channel repeat it and store nothing.
    let channel = min(8u * channel_group + lane, channels - 1u);
    let line = params.in_width * params.in_quads;
    let linear = params.activation == LINEAR;
    // What this lane loads of the first columns of a row of squares, and of the next ones.
//#for j in 0..(ROWS*KEPT+7)/8
    let first_${j} = min(${8*j}u + lane, ${ROWS*KEPT-1}u);
    let first_at_${j} = first_${j} % ${ROWS}u * line + first_${j} / ${ROWS}u * params.in_quads + quad;
//#end
//#for j in 0..(ROWS*NEW+7)/8
    let own_${j} = min(${8*j}u + lane, ${ROWS*NEW-1}u);
    let own_row_${j} = own_${j} % ${ROWS}u * line + quad;
    let own_column_${j} = own_${j} / ${ROWS}u + ${KEPT}u;
//#end
//#for y in 0..KERNEL
//#for x in 0..KERNEL
    var sum_${y}_${x} = vec4<f32>(0.0);
//#end
//#end
    var bias_sum = 0.0;
    let end = min((split + 1u) * params.samples_per_split, step.batch);
    for (var sample = split * params.samples_per_split; sample < end; sample++) {
        for (var y = 0u; y < params.out_height; y++) {
//#for y in 0..KERNEL
//#for x in 0..KERNEL
            var part_${y}_${x} = vec4<f32>(0.0);
//#end
//#end
            var bias_part = 0.0;
            let row_at = (sample * params.in_height + 2u * y) * line;
            let window_at = (sample * params.out_height + y) * params.out_width;
            let first_pixel = 2u * y * params.conv_width;
//#for j in 0..(ROWS*KEPT+7)/8
            let first_load_${j} = input[row_at + first_at_${j}];
//#end
//#for x in 0..KEPT
//#for r in 0..ROWS
            var kept_${r}_${x} = subgroupBroadcast(first_load_${(x*ROWS+r)/8}, ${(x*ROWS+r)%8}u);
//#end
//#end
            for (var x = 0u; x < params.out_width; x += ${POSITIONS}u) {
//#for j in 0..(ROWS*NEW+7)/8
                let load_${j} = input[row_at + own_row_${j}
                    + min(2u * x + own_column_${j}, params.in_width - 1u) * params.in_quads];
//#end
//#for x in 0..KEPT
//#for r in 0..ROWS
                let patch_${r}_${x} = kept_${r}_${x};
//#end
//#end
//#for x in 0..NEW
//#for r in 0..ROWS
                let patch_${r}_${x+KEPT} = subgroupBroadcast(load_${(x*ROWS+r)/8}, ${(x*ROWS+r)%8}u);
//#end
//#end
//#for p in 0..POSITIONS
                // Squares past the end repeat the last one, and count nothing.
                let x_${p} = min(x + ${p}u, params.out_width - 1u);
                let at_${p} = (window_at + x_${p}) * channels + channel;
                let alive_${p} = (linear || output[at_${p}] > 0.0) && x_${p} == x + ${p}u;
                let grad_${p} = select(0.0, grad_output[at_${p}], alive_${p});
                let pixel_${p} = argmax[at_${p}] - (first_pixel + 2u * x_${p});
                let down_${p} = pixel_${p} >= params.conv_width;
                let right_${p} = pixel_${p} != select(0u, params.conv_width, down_${p});
                bias_part += grad_${p};
//#for y in 0..KERNEL
//#for x in 0..ROWS
                let seen_${p}_${y}_${x} = select(patch_${y}_${2*p+x}, patch_${y+1}_${2*p+x}, down_${p});
//#end
//#for x in 0..KERNEL
                part_${y}_${x} += select(seen_${p}_${y}_${x}, seen_${p}_${y}_${x+1}, right_${p}) * grad_${p};
//#end
//#end
//#end
//#for x in 0..KEPT
//#for r in 0..ROWS
                kept_${r}_${x} = patch_${r}_${x+NEW};
//#end
//#end
            }
            bias_sum += bias_part;
//#for y in 0..KERNEL
//#for x in 0..KERNEL
            sum_${y}_${x} += part_${y}_${x};
//#end
//#end
        }
    }
    let first = split * (4u * params.bias_at + channels);
    if (8u * channel_group + lane < channels) {
        let tap_len = 4u * params.in_quads * channels;
        var at = first + 4u * quad * channels + channel;
//#for y in 0..KERNEL
//#for x in 0..KERNEL
        partials[at] = sum_${y}_${x}.x;
        partials[at + channels] = sum_${y}_${x}.y;
        partials[at + 2u * channels] = sum_${y}_${x}.z;
        partials[at + 3u * channels] = sum_${y}_${x}.w;
        at += tap_len;
//#end
//#end
        if (quad == 0u) {
            partials[first + 4u * params.bias_at + channel] = bias_sum;
        }
    }
    if (quad == 0u && channel_group == 0u) {
        let weight_len = params.kernel * params.kernel * 4u * params.in_quads * channels;
        for (var at = weight_len + lane; at < 4u * params.bias_at; at += 8u) {
            partials[first + at] = 0.0;
        }
    }
}
