// Adds the bias to the sums of WINDOWS squares of four rows each by COLUMNS quads, and stores the
// maximum of each square, and where it was, if the square is this thread's.
// Expects the sums, `first_window` and `first_column` of `out_quads` (those of this thread lie
// ROW_STEP and COLUMN_STEP apart; squares live_start..live_end are its own), column_0.., pixel_0..
// (of each square's first pixel) and offset_1.. (of the others, from there).
//#for c in 0..COLUMNS
let bias_${c} = bias[column_${c}];
//#end
//#for w in 0..WINDOWS
if (first_window + ${w*ROW_STEP}u >= live_start && first_window + ${w*ROW_STEP}u < live_end) {
    let at = (first_window + ${w*ROW_STEP}u) * out_quads;
//#for c in 0..COLUMNS
    if (first_column + ${c*COLUMN_STEP}u < out_quads) {
        // As in PyTorch, `value > maximum || is_nan(value)` takes the value: a NaN stays.
        var value = sum_${4*w}_${c} + bias_${c};
        var place = vec4<u32>(pixel_${w});
//#for p in 1..4
        let value_${p} = sum_${4*w+p}_${c} + bias_${c};
        let nan_${p} = is_nan(value_${p});
        let greater_${p} = select(value_${p} > value, vec4<bool>(false), is_nan(value));
        let takes_${p} = select(greater_${p}, vec4<bool>(true), nan_${p});
        value = select(value, value_${p}, takes_${p});
        place = select(place, vec4<u32>(pixel_${w} + offset_${p}), takes_${p});
//#end
        let rectify = vec4<bool>(params.activation == RELU);
        output[at + column_${c}] = select(value, max(value, vec4<f32>(0.0)), rectify);
        argmax[at + column_${c}] = place;
    }
//#end
}
//#end
