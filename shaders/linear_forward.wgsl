// output = activation(input * weight + bias), row by row.
//
// input   [batch * rows_per_sample, in_quads] vec4
// weight  [4 in_quads, out_quads] vec4
// bias    [out_quads] vec4
// output  [batch * rows_per_sample, out_quads] vec4
//
// One thread per ROWS rows by COLUMNS quads of output. GPUs get tiles in workgroup memory:
// shaders/workgroup/.
//#include step
//#include activation

struct Params {
    rows_per_sample: u32,
    in_quads: u32,
    out_channels: u32,     // unpadded
    activation: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

//#ifdef SLICES
//#include workgroup_linear_forward
//#else
//#include thread

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let rows = step.batch * params.rows_per_sample;
    let out_quads = (params.out_channels + 3u) / 4u;
    let column_tiles = (out_quads + ${COLUMNS-1}u) / ${COLUMNS}u;
//#include tile_place
    let first_column = column_tile * ${COLUMNS}u;
    let first_row = row_tile * ${ROWS}u;
    // Rows past the end repeat the last one and are not stored.
//#for r in 0..ROWS
    let row_${r} = min(first_row + ${r}u, rows - 1u) * params.in_quads;
//#end
//#include linear_sums
    let live_start = first_row;
    let live_end = min(first_row + ${ROWS}u, rows);
//#include store_activated
}
//#end
