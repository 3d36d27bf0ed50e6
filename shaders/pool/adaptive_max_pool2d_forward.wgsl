// output = the maximum of every cell of a grid of cells x cells over the image; argmax = where it
// was. Cells overlap where cells does not divide the side, and repeat where the side is smaller.
//
// input   [batch, in_height, in_width, quads] vec4
// output  [batch, cells, cells, quads] vec4
// argmax  [batch, cells, cells, quads] vec4   y * in_width + x within the sample
//
// One thread per output quad.
//#include step
//#include thread
//#include max_window

struct Params {
    in_height: u32,
    in_width: u32,
    cells: u32,      // along each axis
    quads: u32,      // of one pixel
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> argmax: array<vec4<u32>>;
@group(0) @binding(3) var<uniform> params: Params;

// What cell `cell` covers of an axis of `length`: shape::adaptive_window.
fn adaptive_window(cell: u32, length: u32) -> vec2<u32> {
    let end = ((cell + 1u) * length + params.cells - 1u) / params.cells;
    return vec2<u32>(cell * length / params.cells, end);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let column = index / params.quads % params.cells;
    let row = index / params.quads / params.cells % params.cells;
    let sample = index / params.quads / params.cells / params.cells;
    if (sample >= step.batch) {
        return;
    }
    let rows = adaptive_window(row, params.in_height);
    let columns = adaptive_window(column, params.in_width);
    let maximum = window_maximum(sample, index % params.quads, rows, columns);
    output[index] = maximum.value;
    argmax[index] = maximum.pixel;
}
