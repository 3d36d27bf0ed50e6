// grad_input = the gradient of a conv2d without padding by its input, times the slope of the
// activation that made the input: with one, the gradient of the sums before it.
//
// grad_output  [batch, out_height, out_width, out_quads] vec4
// weight       [kernel_height, kernel_width, 4 in_quads, out_quads] vec4
// input        [batch, in_height, in_width, in_quads] vec4; not read where activation is LINEAR
// grad_input   [batch, in_height, in_width, in_quads] vec4
//
// A product whose rows are samples, tiled as in linear_forward. All of a tile is at the same pixel: the
// windows that cover it are then the same for the whole tile, and sums run over just those, and over the
// output channels of each.
//#include step
//#include activation

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
    activation: u32,       // whose output the input is
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

//#let PLANE = THREAD_ROWS*THREAD_COLUMNS
//#let THREADS = PLANE*SLICES
//#let TILE_ROWS = ROWS*THREAD_ROWS
//#let TILE_COLUMNS = COLUMNS*THREAD_COLUMNS
//#let A_STRIDE = CHUNK+1
//#let A_QUADS = TILE_ROWS*A_STRIDE
//#let A_LOADS = TILE_ROWS*CHUNK/THREADS
//#let B_QUADS = 4*CHUNK*TILE_COLUMNS
// A chunk of both operands: CHUNK quads of each row of the tile, then 4 CHUNK rows of its columns. The
// stride of the rows is odd, so that threads that read the same quad of different rows meet different
// banks. In the end the same memory carries the sums of slices.
const MEMORY_QUADS: u32 = max(${A_QUADS+B_QUADS}u, ${SLICES/2*PLANE*ROWS*COLUMNS}u);
var<workgroup> memory: array<vec4<f32>, MEMORY_QUADS>;

// The windows start, start + 1, .. end - 1 of `count` cover position `at` along one axis.
fn covering(at: u32, kernel: u32, count: u32) -> vec2<u32> {
    let end = min(at / params.stride + 1u, count);
    if (at < kernel) {
        return vec2<u32>(0u, end);
    }
    return vec2<u32>((at - kernel) / params.stride + 1u, end);
}

// The gradient before the activation that made quad `at` of the input, given the one behind it.
fn before_activation(at: u32, gradient: vec4<f32>) -> vec4<f32> {
    if (params.activation == LINEAR) {
        return gradient;
    }
    return gradient * activation_slope(params.activation, input[at]);
}

// The windows that cover a pixel of the input: those from `first` on, `across` of them side by side.
struct Windows {
    pixel: vec2<u32>,
    first: vec2<u32>,
    across: u32,
}

// Column and row of the output where window k / out_quads of `windows` is.
fn window_at(k: u32, windows: Windows) -> vec2<u32> {
    let window = k / params.out_quads;
    return windows.first + vec2<u32>(window % windows.across, window / windows.across);
}

// Quad `k` of the summed dimension, from the start of a sample's gradient.
fn grad_offset(k: u32, windows: Windows) -> u32 {
    let at = window_at(k, windows);
    return (at.y * params.out_width + at.x) * params.out_quads + k % params.out_quads;
}

// The first of four rows of the weight of input channels `column`, at quad `k` of the summed dimension.
fn weight_offset(k: u32, windows: Windows, column: u32) -> u32 {
    let tap = windows.pixel - window_at(k, windows) * params.stride;
    let row = 4u * ((tap.y * params.kernel_width + tap.x) * params.in_quads + column);
    return row * params.out_quads + k % params.out_quads;
}

@compute @workgroup_size(${THREADS})
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let in_quads = params.in_quads;
    let out_quads = params.out_quads;
    let column_tiles = (in_quads + ${TILE_COLUMNS-1}u) / ${TILE_COLUMNS}u;
    let sample_tiles = (step.batch + ${TILE_ROWS-1}u) / ${TILE_ROWS}u;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let row_tile = group / column_tiles;
    let tile_sample = row_tile % sample_tiles * ${TILE_ROWS}u;
    let pixel = row_tile / sample_tiles;
    let pixels = params.in_height * params.in_width;
    let tile_column = group % column_tiles * ${TILE_COLUMNS}u;

    // This thread's part of the tile: rows THREAD_ROWS apart and columns THREAD_COLUMNS apart.
    // Neighbouring threads have the same rows and neighbouring columns.
    let slice = local / ${PLANE}u;
    let thread_row = local / ${THREAD_COLUMNS}u % ${THREAD_ROWS}u;
    let thread_column = local % ${THREAD_COLUMNS}u;

    // This thread's part of the loads: one quad of some samples' gradients, and four rows of the weight
    // by one quad of its columns, which it transposes. Samples and columns past the end repeat the last
    // one and are not stored.
    let own_k = local % ${CHUNK}u;
//#for l in 0..A_LOADS
    let own_row_${l} = tile_sample + ${l*THREADS/CHUNK}u + local / ${CHUNK}u;
    let own_start_${l} = min(own_row_${l}, step.batch - 1u)
        * (params.out_height * params.out_width * out_quads);
    var own_a_${l} = vec4<f32>(0.0);
//#end
    let own_column = min(tile_column + local % ${TILE_COLUMNS}u, in_quads - 1u);
    let own_block_k = local / ${TILE_COLUMNS}u;
//#for j in 0..4
    var own_b_${j} = vec4<f32>(0.0);
//#end

    let in_y = pixel / params.in_width;
    let in_x = pixel % params.in_width;
    let y_range = covering(in_y, params.kernel_height, params.out_height);
    let x_range = covering(in_x, params.kernel_width, params.out_width);
    // Past the last pixel the first window may lie behind the last one.
    let windows_y = max(y_range.y, y_range.x) - y_range.x;
    let windows_x = max(x_range.y, x_range.x) - x_range.x;
    let windows = Windows(vec2<u32>(in_x, in_y), vec2<u32>(x_range.x, y_range.x), windows_x);

    // A workgroup past the last pixel sums nothing, rather than miss a barrier. What lies past `depth`
    // is not loaded, and not read either.
    let depth = select(0u, windows_y * windows_x * out_quads, pixel < pixels);
    if (own_k < depth) {
        let grad_at = grad_offset(own_k, windows);
//#for l in 0..A_LOADS
        own_a_${l} = grad_output[own_start_${l} + grad_at];
//#end
    }
    if (own_block_k < min(depth, ${CHUNK}u)) {
        let weight_at = weight_offset(own_block_k, windows, own_column);
//#for i in 0..4
        let weight_${i} = weight[weight_at + ${i}u * out_quads];
//#end
        own_b_0 = vec4<f32>(weight_0.x, weight_1.x, weight_2.x, weight_3.x);
        own_b_1 = vec4<f32>(weight_0.y, weight_1.y, weight_2.y, weight_3.y);
        own_b_2 = vec4<f32>(weight_0.z, weight_1.z, weight_2.z, weight_3.z);
        own_b_3 = vec4<f32>(weight_0.w, weight_1.w, weight_2.w, weight_3.w);
    }

//#for r in 0..ROWS
//#for c in 0..COLUMNS
    var sum_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
    for (var chunk = 0u; chunk < depth; chunk += ${CHUNK}u) {
//#for l in 0..A_LOADS
        memory[(${l*THREADS/CHUNK}u + local / ${CHUNK}u) * ${A_STRIDE}u + own_k] = own_a_${l};
//#end
        if (local < ${CHUNK*TILE_COLUMNS}u) {
            let at = ${A_QUADS}u + own_block_k * ${4*TILE_COLUMNS}u + local % ${TILE_COLUMNS}u;
//#for j in 0..4
            memory[at + ${j*TILE_COLUMNS}u] = own_b_${j};
//#end
        }
        workgroupBarrier();

        // The next chunk is on its way from storage, in registers, while this one is summed: with few
        // workgroups per multiprocessor nothing else hides the latency.
        let next = chunk + ${CHUNK}u;
        let next_k = next + own_k;
        if (next_k < depth) {
            let grad_at = grad_offset(next_k, windows);
//#for l in 0..A_LOADS
            own_a_${l} = grad_output[own_start_${l} + grad_at];
//#end
        }
        let next_block_k = next + own_block_k;
        if (next_block_k < min(depth, next + ${CHUNK}u)) {
            let weight_at = weight_offset(next_block_k, windows, own_column);
//#for i in 0..4
            let weight_${i} = weight[weight_at + ${i}u * out_quads];
//#end
            own_b_0 = vec4<f32>(weight_0.x, weight_1.x, weight_2.x, weight_3.x);
            own_b_1 = vec4<f32>(weight_0.y, weight_1.y, weight_2.y, weight_3.y);
            own_b_2 = vec4<f32>(weight_0.z, weight_1.z, weight_2.z, weight_3.z);
            own_b_3 = vec4<f32>(weight_0.w, weight_1.w, weight_2.w, weight_3.w);
        }

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

    if (slice > 0u || pixel >= pixels) {
        return;
    }
    let first_sample = tile_sample + thread_row;
    let first_column = tile_column + thread_column;
//#for r in 0..ROWS
    if (first_sample + ${r*THREAD_ROWS}u < step.batch) {
        let at = ((first_sample + ${r*THREAD_ROWS}u) * pixels + pixel) * in_quads;
//#for c in 0..COLUMNS
        if (first_column + ${c*THREAD_COLUMNS}u < in_quads) {
            let at_${c} = at + first_column + ${c*THREAD_COLUMNS}u;
            grad_input[at_${c}] = before_activation(at_${c}, sum_${r}_${c});
        }
//#end
    }
//#end
}
