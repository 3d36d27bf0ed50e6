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
//#include product
//#include weight_gradient

struct Params {
    rows_per_sample: u32,
    in_quads: u32,
    out_quads: u32,
    splits: u32,
    samples_per_split: u32,
    bias_at: u32,          // quads from a split's weight to its bias
    bias: f32,             // 1, or 0 where there is none: its gradient is zero
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

// Loads a thread's part of the inputs of CHUNK rows from `chunk` on: one quad of some rows, or the bias's
// 1, 0, 0, 0; zeros past the split's end. Quads past the bias repeat the last one and are not stored.
fn load_inputs(a: ptr<function, array<vec4<f32>, A_LOADS>>, tile: Tile, local: u32, chunk: u32) {
    let quad = tile.quad + local % TILE_QUADS;
    let is_bias = quad == tile.in_quads;
    for (var l = 0u; l < A_LOADS; l++) {
        let row = chunk + (l * THREADS + local) / TILE_QUADS;
        (*a)[l] = vec4<f32>(0.0);
        if (row < tile.end) {
            (*a)[l] = vec4<f32>(params.bias, 0.0, 0.0, 0.0);
            if (!is_bias) {
                (*a)[l] = input[row * params.in_quads + min(quad, tile.in_quads - 1u)];
            }
        }
    }
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.y * workgroups.x + workgroup.x;
    let tile = tile_of(group, params.in_quads, params.rows_per_sample);
    let thread = thread_of(local);

    var sums: Sums;
    var a: array<vec4<f32>, A_LOADS>;
    var b: array<vec4<f32>, B_LOADS>;
    load_inputs(&a, tile, local, tile.first);
    load_gradients(&b, tile, local, tile.first);
    for (var chunk = tile.first; chunk < tile.end; chunk += CHUNK) {
        share_inputs(&a, local);
        share_columns(&b, local);
        workgroupBarrier();
        // The next chunk is on its way from storage, in registers, while this one is summed.
        load_inputs(&a, tile, local, chunk + CHUNK);
        load_gradients(&b, tile, local, chunk + CHUNK);
        add_inputs(&sums, thread, min(tile.end - chunk, CHUNK));
        // All of the chunk is read before it is replaced.
        workgroupBarrier();
    }
    add_slices(&sums, local);
    if (thread.slice == 0u && tile.split < params.splits) {
        store(&sums, tile, thread);
    }
}
