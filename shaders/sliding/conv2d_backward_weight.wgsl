// conv2d_backward_weight at stride 1: one thread per split, input quad of TAPS neighbouring taps, and
// COLUMNS quads of output channels. It takes PIXELS neighbouring pixels at a time, whose taps share
// most of their input. TAPS divides kernel_width. Every thread sums its columns' bias; the first of
// them stores it. Pixels past the end of a line have gradient 0: an input that is not finite may so
// reach neighbouring taps.
@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let in_quads = params.in_quads;
    let out_quads = params.out_quads;
    let column_tiles = (out_quads + ${COLUMNS-1}u) / ${COLUMNS}u;
//#include tile_place
    // Whole groups of lanes, so that all lanes of a group are in one split. Those past the end
    // repeat the last tile and store nothing.
    let line_tiles = params.kernel_width / ${TAPS}u * in_quads;
    let tiles = params.kernel_height * line_tiles;
    let group_tiles = (tiles + ${LANES-1}u) / ${LANES}u * ${LANES}u;
    let split = row_tile / group_tiles;
    if (split >= params.splits) {
        return;
    }
    let tile = min(row_tile % group_tiles, tiles - 1u);
    let tap_y = tile / line_tiles;
    let tap_x = tile % line_tiles / in_quads * ${TAPS}u;
    let quad = tile % in_quads;
    let first_column = column_tile * ${COLUMNS}u;
//#for j in 0..(PIXELS*COLUMNS+7)/8
    let own_flat_${j} = min(${8*j}u + lane, ${PIXELS*COLUMNS-1}u);
    let own_pixel_${j} = own_flat_${j} / ${COLUMNS}u;
    let own_column_${j} = min(first_column + own_flat_${j} % ${COLUMNS}u, out_quads - 1u);
//#end
//#for c in 0..COLUMNS
    var bias_${c} = vec4<f32>(0.0);
//#for r in 0..4*TAPS
    var sum_${r}_${c} = vec4<f32>(0.0);
//#end
//#end
    let in_line = params.in_width * in_quads;
    let last_x = params.in_width - 1u - tap_x;
    let first_sample = split * params.samples_per_split;
    let end = min(first_sample + params.samples_per_split, step.batch);
    // One loop over all samples, lines and pixels: see docs/performance.md on nested ones.
    var x = 0u;
    var y = 0u;
    var line_at = (first_sample * params.in_height + tap_y) * in_line + tap_x * in_quads + quad;
    var grad_at = first_sample * params.out_height * params.out_width;
    let grad_end = max(end, first_sample) * params.out_height * params.out_width;
    while (grad_at < grad_end) {
//#for j in 0..PIXELS+TAPS-1
        let a_${j} = input[line_at + min(x + ${j}u, last_x) * in_quads];
//#end
//#for j in 0..(PIXELS*COLUMNS+7)/8
        // Pixels past the end of the line count nothing.
        let own_live_${j} = x + own_pixel_${j} < params.out_width;
        let own_b_${j} = select(
            vec4<f32>(0.0),
            grad_output[(grad_at + select(0u, own_pixel_${j}, own_live_${j})) * out_quads
                + own_column_${j}],
            own_live_${j},
        );
//#end
//#for c in 0..COLUMNS
//#for p in 0..PIXELS
        let b_${p}_${c} = subgroupBroadcast(own_b_${(p*COLUMNS+c)/8}, ${(p*COLUMNS+c)%8}u);
        bias_${c} += b_${p}_${c};
//#end
//#for t in 0..TAPS
//#for p in 0..PIXELS
        sum_${4*t}_${c} += a_${p+t}.x * b_${p}_${c};
//#end
//#for p in 0..PIXELS
        sum_${4*t+1}_${c} += a_${p+t}.y * b_${p}_${c};
//#end
//#for p in 0..PIXELS
        sum_${4*t+2}_${c} += a_${p+t}.z * b_${p}_${c};
//#end
//#for p in 0..PIXELS
        sum_${4*t+3}_${c} += a_${p+t}.w * b_${p}_${c};
//#end
//#end
//#end
        x += ${PIXELS}u;
        grad_at += ${PIXELS}u;
        if (x >= params.out_width) {
            grad_at -= x - params.out_width;
            x = 0u;
            y++;
            line_at += in_line;
        }
        if (y == params.out_height) {
            y = 0u;
            line_at += (params.in_height - params.out_height) * in_line;
        }
    }
    let first = split * (params.bias_at + out_quads);
    if (row_tile % group_tiles < tiles) {
        let row = 4u * ((tap_y * params.kernel_width + tap_x) * in_quads + quad);
//#for c in 0..COLUMNS
        if (first_column + ${c}u < out_quads) {
//#for t in 0..TAPS
//#for i in 0..4
            partials[first + (row + ${t}u * 4u * in_quads + ${i}u) * out_quads + first_column + ${c}u] = sum_${4*t+i}_${c};
//#end
//#end
        }
//#end
    }
    if (row_tile % group_tiles == 0u) {
//#for c in 0..COLUMNS
        if (first_column + ${c}u < out_quads) {
            partials[first + params.bias_at + first_column + ${c}u] = bias_${c};
        }
//#end
        if (column_tile == 0u) {
            let weight_quads = params.kernel_height * params.kernel_width * 4u * in_quads * out_quads;
            for (var at = first + weight_quads; at < first + params.bias_at; at++) {
                partials[at] = vec4<f32>(0.0);
            }
        }
    }
}
