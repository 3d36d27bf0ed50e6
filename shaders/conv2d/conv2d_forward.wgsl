// output = activation(conv2d(input, weight) + bias), without padding.
//
// input   [batch, in_height, in_width, in_quads] vec4
// weight  [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// bias    [out_quads] vec4
// output  [batch, out_height, out_width, out_quads] vec4
//
// A product whose rows are pixels of the output, tiled as in linear_forward. The summed dimension runs
// over the window's rows, one run of kernel_width * in_quads quads each; the rows of the product are
// never written to memory.
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

// The quad of `input` at which the window of output pixel `row` of the batch starts.
fn window_start(row: u32) -> u32 {
    let x = row % params.out_width;
    let y = row / params.out_width % params.out_height;
    let sample = row / (params.out_width * params.out_height);
    return ((sample * params.in_height + y * params.stride) * params.in_width
        + x * params.stride) * params.in_quads;
}

// Activates what a thread has stored, by its first row and column of the output and the ends of both.
// Sigmoid and tanh are long: one copy of their code in a second pass over the tile compiles in a tenth
// of the time that one for each sum takes.
fn activate_stored(first: vec2<u32>, end: vec2<u32>, out_quads: u32) {
    for (var row = first.x; row < end.x; row += ${THREAD_ROWS}u) {
        for (var column = first.y; column < end.y; column += ${THREAD_COLUMNS}u) {
            let at = row * out_quads + column;
            let activated = activate(params.activation, output[at]);
            output[at] = without_padding(activated, column, params.out_channels);
        }
    }
}

@compute @workgroup_size(${THREADS})
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let rows = step.batch * params.out_height * params.out_width;
    let out_quads = (params.out_channels + 3u) / 4u;
    let column_tiles = (out_quads + ${TILE_COLUMNS-1}u) / ${TILE_COLUMNS}u;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let tile_row = group / column_tiles * ${TILE_ROWS}u;
    let tile_column = group % column_tiles * ${TILE_COLUMNS}u;

    // This thread's part of the tile: rows THREAD_ROWS apart and columns THREAD_COLUMNS apart.
    // Neighbouring threads have the same rows and neighbouring columns.
    let slice = local / ${PLANE}u;
    let thread_row = local / ${THREAD_COLUMNS}u % ${THREAD_ROWS}u;
    let thread_column = local % ${THREAD_COLUMNS}u;

    // This thread's part of the loads: one quad of some pixels' windows, and one column of some rows of
    // the weight. Pixels and columns past the end repeat the last one and are not stored.
    let own_k = local % ${CHUNK}u;
//#for l in 0..A_LOADS
    let own_row_${l} = tile_row + ${l*THREADS/CHUNK}u + local / ${CHUNK}u;
    let own_start_${l} = window_start(min(own_row_${l}, rows - 1u));
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
    let depth = select(0u, params.kernel_height * run, tile_row < rows);
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
    // Padding channels have zero weights and bias, so their sums are zero and so is relu's output.
    let first_row = tile_row + thread_row;
    let first_column = tile_column + thread_column;
    let rectify = vec4<bool>(params.activation == RELU);
//#for c in 0..COLUMNS
    let column_${c} = min(first_column + ${c*THREAD_COLUMNS}u, out_quads - 1u);
    let bias_${c} = bias[column_${c}];
//#end
//#for r in 0..ROWS
    if (first_row + ${r*THREAD_ROWS}u < rows) {
        let at = (first_row + ${r*THREAD_ROWS}u) * out_quads;
//#for c in 0..COLUMNS
        if (first_column + ${c*THREAD_COLUMNS}u < out_quads) {
            let x = sum_${r}_${c} + bias_${c};
            output[at + column_${c}] = select(x, max(x, vec4<f32>(0.0)), rectify);
        }
//#end
    }
//#end
    if (params.activation == SIGMOID || params.activation == TANH) {
        let end_row = min(first_row + ${TILE_ROWS}u, rows);
        let end_column = min(first_column + ${TILE_COLUMNS}u, out_quads);
        activate_stored(vec2<u32>(first_row, first_column), vec2<u32>(end_row, end_column), out_quads);
    }
}
