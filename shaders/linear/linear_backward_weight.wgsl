// partials = the gradients by weight, input^T * grad_output, and by bias, 1^T * grad_output, in
// `splits` parts, each the sum over a range of samples.
//
// input        [batch * rows_per_sample, in_quads] vec4
// grad_output  [batch * rows_per_sample, out_quads] vec4
// partials     [splits] of the weight [4 in_quads, out_quads], zeros, the bias [out_quads] vec4
//
// A workgroup computes, for one split, TILE_ROWS quads of inputs, of which the bias's is one more than
// the layer has, by TILE_COLUMNS quads of outputs, and a thread ROW_QUADS by COLUMNS of those. CHUNK rows
// of the batch are in workgroup memory at a time; each of SLICES groups of threads sums a part of every
// chunk.
//#include step

struct Params {
    rows_per_sample: u32,
    in_quads: u32,
    out_quads: u32,
    splits: u32,
    samples_per_split: u32,
    bias_at: u32,          // quads from a split's weight to its bias
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

//#let ROWS = 4*ROW_QUADS
//#let PLANE = THREAD_ROWS*THREAD_COLUMNS
//#let THREADS = PLANE*SLICES
//#let TILE_ROWS = ROW_QUADS*THREAD_ROWS
//#let TILE_COLUMNS = COLUMNS*THREAD_COLUMNS
//#let A_QUADS = CHUNK*TILE_ROWS
//#let A_LOADS = A_QUADS/THREADS
//#let B_QUADS = CHUNK*TILE_COLUMNS
//#let B_LOADS = (B_QUADS+THREADS-1)/THREADS
// A chunk of both operands: TILE_ROWS quads of inputs for each of CHUNK rows of the batch, then
// TILE_COLUMNS quads of gradients for each. In the end the same memory carries the sums of slices.
const MEMORY_QUADS: u32 = max(${A_QUADS+B_QUADS}u, ${SLICES/2*PLANE*ROWS*COLUMNS}u);
var<workgroup> memory: array<vec4<f32>, MEMORY_QUADS>;

// Quad `at` of row `row` of the input, of the bias's 1, 0, 0, 0, or zeros from `end` on.
fn input_quad(row: u32, end: u32, at: u32, is_bias: bool) -> vec4<f32> {
    var quad = vec4<f32>(0.0);
    if (row < end) {
        quad = vec4<f32>(1.0, 0.0, 0.0, 0.0);
        if (!is_bias) {
            quad = input[at + row * params.in_quads];
        }
    }
    return quad;
}

// Quad `column` of the gradients of row `row` of the batch, or zeros from `end` on.
fn gradient_quad(row: u32, end: u32, column: u32) -> vec4<f32> {
    var quad = vec4<f32>(0.0);
    if (row < end) {
        quad = grad_output[row * params.out_quads + column];
    }
    return quad;
}

@compute @workgroup_size(${THREADS})
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let out_quads = params.out_quads;
    let weight_rows = params.in_quads;
    let row_tiles = (weight_rows + ${TILE_ROWS}u) / ${TILE_ROWS}u;
    let column_tiles = (out_quads + ${TILE_COLUMNS-1}u) / ${TILE_COLUMNS}u;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let row_tile = group / column_tiles;
    let split = row_tile / row_tiles;
    let tile_row = row_tile % row_tiles * ${TILE_ROWS}u;
    let tile_column = group % column_tiles * ${TILE_COLUMNS}u;

    // This thread's part of the tile: quads of rows THREAD_ROWS apart and columns THREAD_COLUMNS apart.
    // Neighbouring threads have the same rows and neighbouring columns.
    let slice = local / ${PLANE}u;
    let thread_row = local / ${THREAD_COLUMNS}u % ${THREAD_ROWS}u;
    let thread_column = local % ${THREAD_COLUMNS}u;

    // A workgroup past the last split, like a split past the batch, sums nothing.
    let first_sample = min(split * params.samples_per_split, step.batch);
    let end_sample = min(first_sample + params.samples_per_split, step.batch);
    let first = first_sample * params.rows_per_sample;
    let end = end_sample * params.rows_per_sample;

    // This thread's part of the loads: one quad of the inputs and one of the gradients of some rows.
    // Inputs and columns past the end repeat the last one and are not stored.
    let own_row = tile_row + local % ${TILE_ROWS}u;
    let own_is_bias = own_row == weight_rows;
    let own_input = min(own_row, weight_rows - 1u);
    let own_column = min(tile_column + local % ${TILE_COLUMNS}u, out_quads - 1u);
//#for l in 0..A_LOADS
    let own_input_row_${l} = ${l*THREADS/TILE_ROWS}u + local / ${TILE_ROWS}u;
//#end
//#for l in 0..B_LOADS
    let own_grad_row_${l} = ${l*THREADS/TILE_COLUMNS}u + local / ${TILE_COLUMNS}u;
//#end

//#for l in 0..A_LOADS
    var own_a_${l} = input_quad(first + own_input_row_${l}, end, own_input, own_is_bias);
//#end
//#for l in 0..B_LOADS
    var own_b_${l} = gradient_quad(first + own_grad_row_${l}, min(end, first + ${CHUNK}u), own_column);
//#end

//#for r in 0..ROWS
//#for c in 0..COLUMNS
    var sum_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
    for (var chunk = first; chunk < end; chunk += ${CHUNK}u) {
//#for l in 0..A_LOADS
        memory[${l*THREADS}u + local] = own_a_${l};
//#end
//#for l in 0..B_LOADS
        if (${l*THREADS}u + local < ${B_QUADS}u) {
            memory[${A_QUADS+l*THREADS}u + local] = own_b_${l};
        }
//#end
        workgroupBarrier();

        // The next chunk is on its way from storage, in registers, while this one is summed.
        let next = chunk + ${CHUNK}u;
//#for l in 0..A_LOADS
        own_a_${l} = input_quad(next + own_input_row_${l}, end, own_input, own_is_bias);
//#end
//#for l in 0..B_LOADS
        own_b_${l} = gradient_quad(next + own_grad_row_${l}, min(end, next + ${CHUNK}u), own_column);
//#end

        let live = min(end - chunk, ${CHUNK}u);
        for (var k = 4u * slice; k < live; k += ${4*SLICES}u) {
            // Rows past the end are zeros, so four are summed at a time.
            let a_at = k * ${TILE_ROWS}u + thread_row;
            let b_at = ${A_QUADS}u + k * ${TILE_COLUMNS}u + thread_column;
//#for s in 0..4
//#for r in 0..ROW_QUADS
            let a_${s}_${r} = memory[a_at + ${s*TILE_ROWS+r*THREAD_ROWS}u];
//#end
//#for c in 0..COLUMNS
            let b_${s}_${c} = memory[b_at + ${s*TILE_COLUMNS+c*THREAD_COLUMNS}u];
//#end
//#end
//#for c in 0..COLUMNS
//#for r in 0..ROW_QUADS
            sum_${4*r}_${c} = sum_${4*r}_${c} + a_0_${r}.x * b_0_${c} + a_1_${r}.x * b_1_${c} + a_2_${r}.x * b_2_${c} + a_3_${r}.x * b_3_${c};
            sum_${4*r+1}_${c} = sum_${4*r+1}_${c} + a_0_${r}.y * b_0_${c} + a_1_${r}.y * b_1_${c} + a_2_${r}.y * b_2_${c} + a_3_${r}.y * b_3_${c};
            sum_${4*r+2}_${c} = sum_${4*r+2}_${c} + a_0_${r}.z * b_0_${c} + a_1_${r}.z * b_1_${c} + a_2_${r}.z * b_2_${c} + a_3_${r}.z * b_3_${c};
            sum_${4*r+3}_${c} = sum_${4*r+3}_${c} + a_0_${r}.w * b_0_${c} + a_1_${r}.w * b_1_${c} + a_2_${r}.w * b_2_${c} + a_3_${r}.w * b_3_${c};
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

    if (slice > 0u || split >= params.splits) {
        return;
    }
    // A split holds the weight, zeros up to params.bias_at, and the bias.
    let first_row = tile_row + thread_row;
    let first_column = tile_column + thread_column;
    let start = split * (params.bias_at + out_quads);
//#for r in 0..ROW_QUADS
//#for c in 0..COLUMNS
    if (first_column + ${c*THREAD_COLUMNS}u < out_quads) {
        let row = first_row + ${r*THREAD_ROWS}u;
        let column = first_column + ${c*THREAD_COLUMNS}u;
        if (row < weight_rows) {
//#for i in 0..4
            partials[start + (4u * row + ${i}u) * out_quads + column] = sum_${4*r+i}_${c};
//#end
        } else if (row == weight_rows) {
            partials[start + params.bias_at + column] = sum_${4*r}_${c};
        }
    }
//#end
    if (first_row + ${r*THREAD_ROWS}u == weight_rows && first_column == 0u) {
        let zeros_end = start + params.bias_at;
        for (var at = start + 4u * weight_rows * out_quads; at < zeros_end; at++) {
            partials[at] = vec4<f32>(0.0);
        }
    }
//#end
}
