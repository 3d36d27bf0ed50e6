// conv2d_backward_weight by tiles in workgroup memory: TILE_ROWS quads of the window, of which the
// bias's is one more, by TILE_COLUMNS quads of output channels per workgroup and split.
//#include workgroup_memory_tn
//#let WINDOW = 1

// Where output pixel `row` of the batch lies: x, y and sample.
fn pixel_of(row: u32) -> vec3<u32> {
    return vec3<u32>(
        row % params.out_width,
        row / params.out_width % params.out_height,
        row / (params.out_width * params.out_height),
    );
}

// The pixel that many pixels further on: a sum with carries, for divisions are dear.
fn advanced(pixel: vec3<u32>, by: vec3<u32>) -> vec3<u32> {
    var sum = pixel + by;
    if (sum.x >= params.out_width) {
        sum.x -= params.out_width;
        sum.y++;
    }
    if (sum.y >= params.out_height) {
        sum.y -= params.out_height;
        sum.z++;
    }
    return sum;
}

// The quad of `input` at which the window of a pixel starts.
fn window_start(pixel: vec3<u32>) -> u32 {
    return ((pixel.z * params.in_height + pixel.y * params.stride) * params.in_width
        + pixel.x * params.stride) * params.in_quads;
}

@compute @workgroup_size(${THREADS})
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let out_quads = params.out_quads;
    let run = params.kernel_width * params.in_quads;
    let weight_rows = params.kernel_height * run;
    let row_tiles = (weight_rows + ${TILE_ROWS}u) / ${TILE_ROWS}u;
    let column_tiles = (out_quads + ${TILE_COLUMNS-1}u) / ${TILE_COLUMNS}u;
//#include workgroup_place
    let split = row_tile / row_tiles;
    let tile_row = row_tile % row_tiles * ${TILE_ROWS}u;
    // Inputs and columns past the end repeat the last one and are not stored.
    let own_row = tile_row + local % ${TILE_ROWS}u;
    let own_is_bias = own_row == weight_rows;
    let own_tap = min(own_row, weight_rows - 1u);
    let own_input = own_tap / run * params.in_width * params.in_quads + own_tap % run;
    let own_column = min(tile_column + local % ${TILE_COLUMNS}u, out_quads - 1u);
    // A workgroup past the last split, like a split past the batch, sums nothing.
    let pixels = params.out_height * params.out_width;
    let first_sample = min(split * params.samples_per_split, step.batch);
    let end_sample = min(first_sample + params.samples_per_split, step.batch);
    let first = first_sample * pixels;
    let end = end_sample * pixels;
//#for l in 0..A_LOADS
    var pixel_${l} = pixel_of(first + ${l*THREADS/TILE_ROWS}u + local / ${TILE_ROWS}u);
//#end
    let chunk_pixels = pixel_of(${CHUNK}u);
//#include workgroup_sums_tn
    let first_row = tile_row + thread_row;
    let first_column = tile_column + thread_column;
//#include workgroup_store_weight
}
