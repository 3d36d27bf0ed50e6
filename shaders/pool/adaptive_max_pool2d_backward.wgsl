// grad_input = the gradients of the cells whose maximum each element was, summed; times the slope of the activation that
// made the input.
//
// grad_output  [batch, cells, cells, quads] vec4
// argmax       [batch, cells, cells, quads] vec4   as the forward kernel wrote it
// input        [batch, in_height, in_width, quads] vec4; not read where activation is LINEAR
// grad_input   [batch, in_height, in_width, quads] vec4
//
// One thread per input quad: it looks at the cells that contain it, in row-major order, so the sum
// has a fixed order and nothing is added to by two threads.
//#include step
//#include thread
//#include activation

struct Params {
    in_height: u32,
    in_width: u32,
    cells: u32,       // along each axis
    quads: u32,       // of one pixel
    activation: u32,  // whose output the input is
}

@group(0) @binding(0) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> argmax: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> grad_input: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

// The cells start..end along an axis of `length` that contain position `at`: those with
// floor(cell * length / cells) <= at < ceil((cell + 1) * length / cells).
fn cells_of(at: u32, length: u32) -> vec2<u32> {
    let end = ((at + 1u) * params.cells + length - 1u) / length;
    return vec2<u32>(at * params.cells / length, end);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let pixels = params.in_height * params.in_width;
    let pixel = index / params.quads % pixels;
    let sample = index / params.quads / pixels;
    if (sample >= step.batch) {
        return;
    }
    let rows = cells_of(pixel / params.in_width, params.in_height);
    let columns = cells_of(pixel % params.in_width, params.in_width);
    let plane = sample * params.cells * params.cells;
    var sum = vec4<f32>(0.0);
    for (var y = rows.x; y < rows.y; y++) {
        for (var x = columns.x; x < columns.y; x++) {
            let cell = (plane + y * params.cells + x) * params.quads + index % params.quads;
            let picked = argmax[cell] == vec4<u32>(pixel);
            sum += select(vec4<f32>(0.0), grad_output[cell], picked);
        }
    }
    if (params.activation != LINEAR) {
        sum *= activation_slope(params.activation, input[index]);
    }
    grad_input[index] = sum;
}
