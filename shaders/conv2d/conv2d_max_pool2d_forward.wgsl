// output = the maximum of every 2x2 square of max(conv2d(input, weight) + bias, 0) (or without the
// rectifier); argmax = where it was. The convolution's own output is never stored.
//
// input   [batch, in_height, in_width, in_quads] vec4
// weight  [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// bias    [out_quads] vec4
// output  [batch, out_height, out_width, out_quads] vec4
// argmax  [batch, out_height, out_width, out_quads] vec4   y * conv_width + x within the sample
//
// A product whose rows are pixels of the convolution's output, tiled as in conv2d_forward, in tiles of
// TILE_ROWS / 4 squares: row 4w + p of a thread is pixel p of its square w.
//#include step
//#include activation

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

//#let ROWS = 4*WINDOWS
//#let PLANE = THREAD_ROWS*THREAD_COLUMNS
//#let THREADS = PLANE*SLICES
//#let TILE_ROWS = ROWS*THREAD_ROWS
//#let TILE_COLUMNS = COLUMNS*THREAD_COLUMNS
//#let A_STRIDE = CHUNK+1
//#let A_QUADS = TILE_ROWS*A_STRIDE
//#let A_LOADS = TILE_ROWS*CHUNK/THREADS
//#let B_QUADS = 4*CHUNK*TILE_COLUMNS
//#let B_LOADS = (B_QUADS+THREADS-1)/THREADS
// A chunk of both operands: CHUNK quads of each row of the tile, then 4 CHUNK rows of its columns. The
// stride of the rows is odd, so that threads that read the same quad of different rows meet different
// banks. In the end the same memory carries the sums of slices.
const MEMORY_QUADS: u32 = max(${A_QUADS+B_QUADS}u, ${SLICES/2*PLANE*ROWS*COLUMNS}u);
var<workgroup> memory: array<vec4<f32>, MEMORY_QUADS>;

// By its bits: compilers may assume that there is no NaN, and fold `x != x`.
fn is_nan(x: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(x) & vec4<u32>(0x7FFFFFFFu)) > vec4<u32>(0x7F800000u);
}

// Where square `window` of the batch lies: x, y and sample.
fn square(window: u32) -> vec3<u32> {
    return vec3<u32>(
        window % params.out_width,
        window / params.out_width % params.out_height,
        window / (params.out_width * params.out_height),
    );
}

// The quad of `input` at which the convolution's window of pixel `p` of `square` starts.
fn window_start(square: vec3<u32>, p: u32) -> u32 {
    let x = (2u * square.x + p % 2u) * params.stride;
    let y = (2u * square.y + p / 2u) * params.stride;
    return ((square.z * params.in_height + y) * params.in_width + x) * params.in_quads;
}

@compute @workgroup_size(${THREADS})
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let windows = step.batch * params.out_height * params.out_width;
    let out_quads = (params.out_channels + 3u) / 4u;
    let column_tiles = (out_quads + ${TILE_COLUMNS-1}u) / ${TILE_COLUMNS}u;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let tile_window = group / column_tiles * ${TILE_ROWS/4}u;
    let tile_column = group % column_tiles * ${TILE_COLUMNS}u;

    // This thread's part of the tile: rows THREAD_ROWS apart and columns THREAD_COLUMNS apart.
    // Neighbouring threads have the same rows and neighbouring columns.
    let slice = local / ${PLANE}u;
    let thread_row = local / ${THREAD_COLUMNS}u % ${THREAD_ROWS}u;
    let thread_column = local % ${THREAD_COLUMNS}u;

    // This thread's part of the loads: one quad of some pixels' windows, and one column of some rows of
    // the weight. Row r of thread_row t is row r * THREAD_ROWS + t of the tile. Squares and columns past
    // the end repeat the last one and are not stored.
    let own_k = local % ${CHUNK}u;
//#for l in 0..A_LOADS
    let own_row_${l} = ${l*THREADS/CHUNK}u + local / ${CHUNK}u;
    let own_part_${l} = own_row_${l} / ${THREAD_ROWS}u;
    let own_window_${l} = tile_window + own_part_${l} / 4u * ${THREAD_ROWS}u + own_row_${l} % ${THREAD_ROWS}u;
    let own_start_${l} = window_start(square(min(own_window_${l}, windows - 1u)), own_part_${l} % 4u);
    var own_a_${l} = vec4<f32>(0.0);
//#end
    let own_column = min(tile_column + local % ${TILE_COLUMNS}u, out_quads - 1u);
//#for l in 0..B_LOADS
    let own_weight_row_${l} = ${l*THREADS/TILE_COLUMNS}u + local / ${TILE_COLUMNS}u;
    var own_b_${l} = vec4<f32>(0.0);
//#end

    // A workgroup past the last tile sums nothing, rather than miss a barrier. What lies past `depth` is
    // not loaded, and not read either.
    let line = params.in_width * params.in_quads;
    let run = params.kernel_width * params.in_quads;
    let depth = select(0u, params.kernel_height * run, tile_window < windows);
    if (own_k < depth) {
        let input_at = own_k / run * line + own_k % run;
//#for l in 0..A_LOADS
        own_a_${l} = input[own_start_${l} + input_at];
//#end
    }
//#for l in 0..B_LOADS
    if (own_weight_row_${l} < 4u * min(depth, ${CHUNK}u)) {
        own_b_${l} = weight[own_weight_row_${l} * out_quads + own_column];
    }
//#end

//#for r in 0..ROWS
//#for c in 0..COLUMNS
    var sum_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
    for (var chunk = 0u; chunk < depth; chunk += ${CHUNK}u) {
//#for l in 0..A_LOADS
        memory[(${l*THREADS/CHUNK}u + local / ${CHUNK}u) * ${A_STRIDE}u + own_k] = own_a_${l};
//#end
//#for l in 0..B_LOADS
        if (${l*THREADS}u + local < ${B_QUADS}u) {
            memory[${A_QUADS+l*THREADS}u + local] = own_b_${l};
        }
//#end
        workgroupBarrier();

        // The next chunk is on its way from storage, in registers, while this one is summed: with few
        // workgroups per multiprocessor nothing else hides the latency.
        let next = chunk + ${CHUNK}u;
        let next_k = next + own_k;
        if (next_k < depth) {
            let input_at = next_k / run * line + next_k % run;
//#for l in 0..A_LOADS
            own_a_${l} = input[own_start_${l} + input_at];
//#end
        }
//#for l in 0..B_LOADS
        if (4u * next + own_weight_row_${l} < 4u * min(depth, next + ${CHUNK}u)) {
            own_b_${l} = weight[(4u * next + own_weight_row_${l}) * out_quads + own_column];
        }
//#end

        let live = min(depth - chunk, ${CHUNK}u);
        for (var k = slice; k < live; k += ${SLICES}u) {
//#for r in 0..ROWS
            let a_${r} = memory[(${r*THREAD_ROWS}u + thread_row) * ${A_STRIDE}u + k];
//#end
//#for c in 0..COLUMNS
//#for j in 0..4
            let b_${j}_${c} = memory[${A_QUADS+j*TILE_COLUMNS+c*THREAD_COLUMNS}u + 4u * k * ${TILE_COLUMNS}u + thread_column];
//#end
            // From left to right, so that each product and its sum can be one fused multiply-add.
//#for r in 0..ROWS
            sum_${r}_${c} = sum_${r}_${c} + a_${r}.x * b_0_${c} + a_${r}.y * b_1_${c} + a_${r}.z * b_2_${c} + a_${r}.w * b_3_${c};
//#end
//#end
        }
        // All of the chunk is read before it is replaced.
        workgroupBarrier();
    }
//#if SLICES > 1

    // The slices' sums are added to those of slice 0, by halves, always in the same order.
    let place = local % ${PLANE}u;
    for (var apart = ${SLICES/2}u; apart > 0u; apart /= 2u) {
        if (slice >= apart && slice < 2u * apart) {
            let at = (slice - apart) * ${PLANE}u + place;
//#for r in 0..ROWS
//#for c in 0..COLUMNS
            memory[at + ${(r*COLUMNS+c)*(SLICES/2)*PLANE}u] = sum_${r}_${c};
//#end
//#end
        }
        workgroupBarrier();
        if (slice < apart) {
            let at = slice * ${PLANE}u + place;
//#for r in 0..ROWS
//#for c in 0..COLUMNS
            sum_${r}_${c} += memory[at + ${(r*COLUMNS+c)*(SLICES/2)*PLANE}u];
//#end
//#end
        }
        workgroupBarrier();
    }
//#end

    if (slice > 0u) {
        return;
    }
    let first_window = tile_window + thread_row;
    let first_column = tile_column + thread_column;
    let rectify = vec4<bool>(params.activation == RELU);
//#for c in 0..COLUMNS
    let column_${c} = min(first_column + ${c*THREAD_COLUMNS}u, out_quads - 1u);
    let bias_${c} = bias[column_${c}];
//#end
    // Pixels of a square, from its first one.
    let offset_1 = 1u;
    let offset_2 = params.conv_width;
    let offset_3 = params.conv_width + 1u;
//#for w in 0..WINDOWS
    if (first_window + ${w*THREAD_ROWS}u < windows) {
        let corner = square(first_window + ${w*THREAD_ROWS}u);
        let pixel = 2u * (corner.y * params.conv_width + corner.x);
        let at = (first_window + ${w*THREAD_ROWS}u) * out_quads;
//#for c in 0..COLUMNS
        if (first_column + ${c*THREAD_COLUMNS}u < out_quads) {
            // As in PyTorch, `value > maximum || is_nan(value)` takes the value: a NaN stays.
            var value = sum_${4*w}_${c} + bias_${c};
            var place = vec4<u32>(pixel);
//#for p in 1..4
            let value_${p} = sum_${4*w+p}_${c} + bias_${c};
            let nan_${p} = is_nan(value_${p});
            let greater_${p} = select(value_${p} > value, vec4<bool>(false), is_nan(value));
            let takes_${p} = select(greater_${p}, vec4<bool>(true), nan_${p});
            value = select(value, value_${p}, takes_${p});
            place = select(place, vec4<u32>(pixel + offset_${p}), takes_${p});
//#end
            output[at + column_${c}] = select(value, max(value, vec4<f32>(0.0)), rectify);
            argmax[at + column_${c}] = place;
        }
//#end
    }
//#end
}
