// The maximum of a window, and where it was. For shaders that bind `input` and have
// `params.in_height`, `params.in_width` and `params.quads`.
struct Maximum {
    value: vec4<f32>,
    pixel: vec4<u32>,  // y * width + x of the first maximum in row-major order
}

// By its bits: compilers may assume that there is no NaN, and fold `x != x`.
fn is_nan(x: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(x) & vec4<u32>(0x7FFFFFFFu)) > vec4<u32>(0x7F800000u);
}

// Over rows and columns start..end. As in PyTorch, `value > maximum || is_nan(value)` takes the
// value: a NaN stays, and the last one counts.
fn window_maximum(sample: u32, quad: u32, rows: vec2<u32>, columns: vec2<u32>) -> Maximum {
    let width = params.in_width;
    let plane = sample * params.in_height * width;
    var maximum: Maximum;
    maximum.pixel = vec4<u32>(rows.x * width + columns.x);
    maximum.value = input[(plane + maximum.pixel.x) * params.quads + quad];
    var stays = is_nan(maximum.value);
    for (var y = rows.x; y < rows.y; y++) {
        for (var x = columns.x; x < columns.y; x++) {
            let pixel = y * width + x;
            let value = input[(plane + pixel) * params.quads + quad];
            let nan = is_nan(value);
            let greater = select(value > maximum.value, vec4<bool>(false), stays);
            let takes = select(greater, vec4<bool>(true), nan);
            maximum.value = select(maximum.value, value, takes);
            maximum.pixel = select(maximum.pixel, vec4<u32>(pixel), takes);
            stays = select(stays, vec4<bool>(true), nan);
        }
    }
    return maximum;
}
