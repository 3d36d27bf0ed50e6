// grad_input = grad_output * weight^T, row by row.
//
// grad_output  [batch * rows_per_sample, out_quads] vec4
// weight       [4 in_quads, out_quads] vec4
// grad_input   [batch * rows_per_sample, in_quads] vec4
//
// One thread per ROWS rows by COLUMNS quads of grad_input; sums run in blocks of 128 products, so
// that long rows lose little precision.
//#include step
//#include thread

struct Params {
    rows_per_sample: u32,
    in_quads: u32,
    out_quads: u32,
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

const BLOCK_QUADS: u32 = 32u;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let rows = step.batch * params.rows_per_sample;
    let in_quads = params.in_quads;
    let out_quads = params.out_quads;
    let column_tiles = (in_quads + ${COLUMNS-1}u) / ${COLUMNS}u;
//#include tile_place
    let first_column = column_tile * ${COLUMNS}u;
    let first_row = row_tile * ${ROWS}u;
    // Rows past the end repeat the last one and are not stored.
//#for r in 0..ROWS
    let row_${r} = min(first_row + ${r}u, rows - 1u) * params.out_quads;
//#end
//#include channels_nt
//#for r in 0..ROWS
//#for c in 0..COLUMNS
    var sum_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
    for (var block = 0u; block < params.out_quads; block += BLOCK_QUADS) {
//#for r in 0..ROWS
//#for c in 0..COLUMNS
        var part_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
        let block_end = min(block + BLOCK_QUADS, params.out_quads);
        for (var grad_at = block; grad_at < block_end; grad_at++) {
            let weight_at = grad_at;
//#include product_nt
        }
//#for r in 0..ROWS
//#for c in 0..COLUMNS
        sum_${r}_${c} += part_${r}_${c};
//#end
//#end
    }
//#for r in 0..ROWS
    if (first_row + ${r}u < rows) {
        let at = (first_row + ${r}u) * params.in_quads;
//#for c in 0..COLUMNS
        if (first_column + ${c}u < params.in_quads) {
            grad_input[at + column_${c}] = sum_${r}_${c};
        }
//#end
    }
//#end
}
