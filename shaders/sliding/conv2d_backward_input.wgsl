// conv2d_backward_input at stride 1, where lines are short: one thread per line of a sample's pixels
// by COLUMNS quads of channels. Every gradient of a line is loaded once for all pixels that it
// reaches. TAPS is kernel_width; LENGTH is at least out_width, and gradients past that are 0 (so
// a weight that is not finite may reach neighbouring pixels). Lanes
// are samples at the same line: the windows that cover a line are then the same for all of them,
// and the loop runs over just those.
@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let in_quads = params.in_quads;
    let out_quads = params.out_quads;
    let column_tiles = (in_quads + ${COLUMNS-1}u) / ${COLUMNS}u;
    // Whole groups of lanes, so that all lanes of a group are at one line.
    let samples = (step.batch + ${LANES-1}u) / ${LANES}u * ${LANES}u;
//#include tile_place
    let first_column = column_tile * ${COLUMNS}u;
    let in_y = row_tile / samples;
    if (in_y >= params.in_height) {
        return;
    }
    // Samples past the end repeat the last one and are not stored.
    let sample = min(row_tile % samples, step.batch - 1u);
//#include channels_nt
//#for w in 0..LENGTH+TAPS-1
//#for c in 0..COLUMNS
    var sum_${w}_${c} = vec4<f32>(0.0);
//#end
//#end
    let tap_quads = 4u * in_quads * out_quads;
    // Lines first_y.. of the output see this one, the first of them with the window's last rows.
    let first_y = max(in_y + 1u, params.kernel_height) - params.kernel_height;
    let end_y = min(in_y + 1u, params.out_height);
    let out_line = params.out_width * out_quads;
    var grad_at = (sample * params.out_height + first_y) * out_line;
    var weight_at = (in_y - first_y) * ${TAPS}u * tap_quads;
    var quad = 0u;
    for (var left = (end_y - first_y) * out_quads; left > 0u; left--) {
//#for x in 0..LENGTH
        let a_${x} = select(
            vec4<f32>(0.0),
            grad_output[grad_at + min(${x}u, params.out_width - 1u) * out_quads],
            ${x}u < params.out_width,
        );
//#end
//#for t in 0..TAPS
//#if LANES > 1
//#for j in 0..(4*COLUMNS+7)/8
        let own_b_${t}_${j} = weight[own_${j} + weight_at + ${t}u * tap_quads];
//#end
//#end
//#if LANES < 2
//#for i in 0..4*COLUMNS
        let b_${t}_${i} = weight[channel_${i} + weight_at + ${t}u * tap_quads];
//#end
//#end
//#end
//#for c in 0..COLUMNS
//#for t in 0..TAPS
//#if LANES > 1
//#for i in 0..4
        let b_${t}_${4*c+i} = subgroupBroadcast(own_b_${t}_${(4*c+i)/8}, ${(4*c+i)%8}u);
//#end
//#end
//#end
//#for w in 0..LENGTH+TAPS-1
//#for t in max(0, w-LENGTH+1)..min(TAPS, w+1)
        sum_${w}_${c} += vec4<f32>(dot(a_${w-t}, b_${t}_${4*c}), dot(a_${w-t}, b_${t}_${4*c+1}), dot(a_${w-t}, b_${t}_${4*c+2}), dot(a_${w-t}, b_${t}_${4*c+3}));
//#end
//#end
//#end
        quad++;
        grad_at++;
        weight_at++;
        if (quad == out_quads) {
            // The next line of the output, and the row of the window above.
            quad = 0u;
            grad_at += out_line - out_quads;
            weight_at -= ${TAPS}u * tap_quads + out_quads;
        }
    }
    if (row_tile % samples < step.batch) {
        let at = (sample * params.in_height + in_y) * params.in_width * in_quads;
//#for w in 0..LENGTH+TAPS-1
        if (${w}u < params.in_width) {
//#for c in 0..COLUMNS
            if (first_column + ${c}u < in_quads) {
                grad_input[at + ${w}u * in_quads + column_${c}] = sum_${w}_${c};
            }
//#end
        }
//#end
        // One copy of the slope's code in a second pass over the tile, rather than one for each sum.
        if (params.activation != LINEAR) {
            let last_column = min(first_column + ${COLUMNS}u, in_quads);
            for (var x = 0u; x < params.in_width; x++) {
                for (var column = first_column; column < last_column; column++) {
                    let own = at + x * in_quads + column;
                    grad_input[own] = before_activation(own, grad_input[own]);
                }
            }
        }
    }
}
