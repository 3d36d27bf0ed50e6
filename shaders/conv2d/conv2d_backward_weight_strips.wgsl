// partials = the gradients of a conv2d of stride 1 by its weight and bias, in `splits`
// parts, each the sum over a range of walks.
//
// input        [batch, in_height, in_width, in_quads] vec4
// grad_output  [batch, out_height, out_width, out_quads] vec4
// partials     [splits] of the weight [kernel_height, kernel_width, 4 in_quads, out_quads], zeros,
//              the bias [out_quads] vec4
//
// A thread sums a block, TAP_LINES by TAP_COLUMNS taps of one quad of input channels by one quad of output
// channels, and walks down strips of columns of the output. Of the input, a step reads one line of its taps,
// TAP_COLUMNS quads: the other lines stay in registers. Kernels are whole multiples of TAP_LINES by
// TAP_COLUMNS. LANES is 3 where an input has so few channels, else 4. A workgroup has BLOCKS blocks (output
// channels fastest: neighbours read neighbouring gradients), each by WALKERS threads, a multiple of four,
// whose sums are added in workgroup memory. As in `product`, all arrays are small and the ends of their
// loops constant.
//#include step
//#include image_padding

const THREADS: u32 = BLOCKS * WALKERS;
const TAPS: u32 = TAP_LINES * TAP_COLUMNS;
const SUMS: u32 = TAPS * LANES;
// Threads that add up the walkers of one quad.
const ADDERS: u32 = WALKERS / 4u;

struct Params {
    in_height: u32,
    in_width: u32,
    in_quads: u32,
    out_height: u32,
    out_width: u32,
    out_quads: u32,
    kernel_height: u32,
    kernel_width: u32,
    padding: u32,          // pixels of zeros on every side of the input, which are not in memory
    strip: u32,            // pixels of a walk, at most
    splits: u32,
    walks_per_split: u32,
    bias_at: u32,          // quads from a split's weight to its bias
    bias: f32,             // 1, or 0 where there is none: its gradient is zero
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

// LANES quads of every thread.
var<workgroup> memory: array<vec4<f32>, LANES * THREADS>;

// What a thread sums: for every tap LANES input channels by a quad of output channels.
alias Sums = array<vec4<f32>, SUMS>;

// Where a thread's block lies in the weight.
struct Block {
    tap_y: u32,
    tap_x: u32,
    channel: u32,  // quad of input channels
    column: u32,   // quad of output channels
}

fn block_of(block: u32) -> Block {
    let column = block % params.out_quads;
    let channel = block / params.out_quads % params.in_quads;
    let part = block / (params.out_quads * params.in_quads);
    let parts_x = params.kernel_width / TAP_COLUMNS;
    return Block(part / parts_x * TAP_LINES, part % parts_x * TAP_COLUMNS, channel, column);
}

// Walks of a column of the output.
fn strips() -> u32 {
    return (params.out_height + params.strip - 1u) / params.strip;
}

// A quad of each of a thread's columns, side by side.
alias Line = array<vec4<f32>, TAP_COLUMNS>;

// Loads a line from quad `at` of `input` on, which is at `place` of the padded image.
fn load_line(line: ptr<function, Line>, at: u32, place: u32) {
    if (params.padding == 0u) {
        for (var c = 0u; c < TAP_COLUMNS; c++) {
            (*line)[c] = input[at + c * params.in_quads];
        }
        return;
    }
    for (var c = 0u; c < TAP_COLUMNS; c++) {
        (*line)[c] = vec4<f32>(0.0);
        if (!is_zero(place + c)) {
            (*line)[c] = input[at + c * params.in_quads];
        }
    }
}

// Adds what a walk sums.
fn add_walk(sums: ptr<function, Sums>, bias: ptr<function, vec4<f32>>, block: Block, walk: u32) {
    let x = walk % params.out_width;
    let strip = walk / params.out_width;
    let sample = strip / strips();
    let first = strip % strips() * params.strip;
    let rows = min(params.strip, params.out_height - first);
    let in_line = params.in_width * params.in_quads;
    let out_line = params.out_width * params.out_quads;
    let in_y = sample * params.in_height + first + block.tap_y - params.padding;
    let out_y = sample * params.out_height + first;
    let in_x = x + block.tap_x - params.padding;
    // Before the first quad of `input` this wraps around.
    var input_at = (in_y * params.in_width + in_x) * params.in_quads + block.channel;
    var place = place_of(first + block.tap_y, x + block.tap_x);
    var gradient_at = (out_y * params.out_width + x) * params.out_quads + block.column;
    // The lines of a step's window move up by one with every step.
    var window: array<vec4<f32>, TAPS>;
    var next: Line;
    for (var t = 1u; t < TAP_LINES; t++) {
        load_line(&next, input_at, place);
        for (var c = 0u; c < TAP_COLUMNS; c++) {
            window[t * TAP_COLUMNS + c] = next[c];
        }
        input_at += in_line;
        place += place_of(1u, 0u);
    }
    // What the next step adds is on its way while this one is summed.
    load_line(&next, input_at, place);
    var next_gradient = grad_output[gradient_at];
    for (var y = 0u; y < rows; y += TAP_LINES) {
        // After TAP_LINES steps, a window's lines are where they were: unrolled, none of them moves.
        for (var u = 0u; u < TAP_LINES; u++) {
            if (y + u < rows) {
                let gradient = next_gradient;
                for (var i = 0u; i < TAPS - TAP_COLUMNS; i++) {
                    window[i] = window[i + TAP_COLUMNS];
                }
                for (var c = 0u; c < TAP_COLUMNS; c++) {
                    window[TAPS - TAP_COLUMNS + c] = next[c];
                }
                let more = y + u + 1u < rows;
                input_at += select(0u, in_line, more);
                place += select(0u, place_of(1u, 0u), more);
                gradient_at += select(0u, out_line, more);
                load_line(&next, input_at, place);
                next_gradient = grad_output[gradient_at];
                *bias += gradient;
                for (var t = 0u; t < TAPS; t++) {
                    let quad = window[t];
                    (*sums)[t * LANES] += quad.x * gradient;
                    (*sums)[t * LANES + 1u] += quad.y * gradient;
                    (*sums)[t * LANES + 2u] += quad.z * gradient;
                    if (LANES > 3u) {
                        (*sums)[t * LANES + LANES - 1u] += quad.w * gradient;
                    }
                }
            }
        }
    }
}

// Adds what all walkers have put into memory, always in the same order: thread `local` has lane
// local / BLOCKS of block local % BLOCKS, if there are as many threads and `lanes`.
fn add_walkers(local: u32, lanes: u32) -> vec4<f32> {
    let lane = local / BLOCKS % 4u;
    let adder = local / (4u * BLOCKS);
    var total = vec4<f32>(0.0);
    workgroupBarrier();
    if (lane < lanes) {
        for (var walker = adder; walker < WALKERS; walker += ADDERS) {
            total += memory[lane * THREADS + walker * BLOCKS + local % BLOCKS];
        }
    }
    if (ADDERS > 1u) {
        workgroupBarrier();
        memory[local] = total;
        workgroupBarrier();
        if (adder == 0u) {
            for (var other = 1u; other < ADDERS; other++) {
                total += memory[other * 4u * BLOCKS + local];
            }
        }
    }
    workgroupBarrier();
    return total;
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let taps = params.kernel_height * params.kernel_width;
    let blocks = taps / TAPS * params.in_quads * params.out_quads;
    let block_tiles = (blocks + BLOCKS - 1u) / BLOCKS;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let split = group / block_tiles;
    let own_block = group % block_tiles * BLOCKS + local % BLOCKS;
    // Blocks past the end repeat the last one and are not stored.
    let block = block_of(min(own_block, blocks - 1u));

    // A workgroup past the last split, like a split past the batch, sums nothing.
    let walks = step.batch * strips() * params.out_width;
    let first = min(split * params.walks_per_split, walks);
    let end = min(first + params.walks_per_split, walks);
    var sums: Sums;
    var bias: vec4<f32>;
    for (var walk = first + local / BLOCKS; walk < end; walk += WALKERS) {
        add_walk(&sums, &bias, block, walk);
    }

    let start = split * (params.bias_at + params.out_quads);
    let lane = local / BLOCKS;
    let stores = lane < 4u && own_block < blocks && split < params.splits;
    for (var t = 0u; t < TAPS; t++) {
        for (var j = 0u; j < LANES; j++) {
            memory[j * THREADS + local] = sums[j];
        }
        let total = add_walkers(local, LANES);
        if (stores) {
            let tap_y = block.tap_y + t / TAP_COLUMNS;
            let tap = tap_y * params.kernel_width + block.tap_x + t % TAP_COLUMNS;
            let row = 4u * (tap * params.in_quads + block.channel) + lane;
            partials[start + row * params.out_quads + block.column] = total;
        }
        // The next tap's sums come first.
        for (var i = 0u; i < SUMS - LANES; i++) {
            sums[i] = sums[i + LANES];
        }
    }
    memory[local] = bias;
    let total = add_walkers(local, 1u);
    // One block of every column has the bias, and the zeros before it.
    if (stores && lane == 0u && own_block < params.out_quads) {
        partials[start + params.bias_at + block.column] = params.bias * total;
        let zeros = 4u * taps * params.in_quads * params.out_quads;
        for (var at = zeros + block.column; at < params.bias_at; at += params.out_quads) {
            partials[start + at] = vec4<f32>(0.0);
        }
    }
}
