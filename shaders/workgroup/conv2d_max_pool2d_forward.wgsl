// conv2d_max_pool2d_forward by tiles in workgroup memory: TILE_ROWS / 4 squares by TILE_COLUMNS
// quads of channels per workgroup. A thread has all four pixels of its squares: its row 4w + p is
// pixel p of its square w, and row r of thread_row t is row r * THREAD_ROWS + t of the tile.
//#include workgroup_memory_nn
//#let WINDOW = 1

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
//#include workgroup_place
    let tile_window = row_tile * ${TILE_ROWS/4}u;
    // Squares and columns past the end repeat the last one and are not stored.
//#for l in 0..A_LOADS
    let own_row_${l} = ${l*THREADS/CHUNK}u + local / ${CHUNK}u;
    let own_part_${l} = own_row_${l} / ${THREAD_ROWS}u;
    let own_window_${l} = tile_window + own_part_${l} / 4u * ${THREAD_ROWS}u + own_row_${l} % ${THREAD_ROWS}u;
    let own_start_${l} = window_start(square(min(own_window_${l}, windows - 1u)), own_part_${l} % 4u);
//#end
    let own_column = min(tile_column + local % ${TILE_COLUMNS}u, out_quads - 1u);
    let line = params.in_width * params.in_quads;
    let run = params.kernel_width * params.in_quads;
    // A workgroup past the last tile sums nothing, rather than miss a barrier.
    let depth = select(0u, params.kernel_height * run, tile_window < windows);
//#include workgroup_sums_nn
    let first_window = tile_window + thread_row;
    let first_column = tile_column + thread_column;
//#for c in 0..COLUMNS
    let column_${c} = min(first_column + ${c*COLUMN_STEP}u, out_quads - 1u);
//#end
    // Pixels of a square, from its first one.
    let offset_1 = 1u;
    let offset_2 = params.conv_width;
    let offset_3 = params.conv_width + 1u;
//#for w in 0..WINDOWS
    let square_${w} = square(first_window + ${w*ROW_STEP}u);
    let pixel_${w} = 2u * (square_${w}.y * params.conv_width + square_${w}.x);
//#end
    if (slice == 0u) {
    let live_start = first_window;
    let live_end = windows;
//#include store_pooled
    }
}
