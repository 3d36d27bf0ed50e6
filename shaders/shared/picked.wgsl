// The maximum of the pixels of a window, one after the other, and where it was.
struct Picked {
    value: vec4<f32>,
    pixel: vec4<u32>,
}

// By its bits: compilers may assume that there is no NaN, and fold `x != x`.
fn is_nan(x: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(x) & vec4<u32>(0x7FFFFFFFu)) > vec4<u32>(0x7F800000u);
}

// As in PyTorch, `value > maximum || is_nan(value)` takes the value: a NaN stays, and the last one counts.
fn pick(picked: Picked, value: vec4<f32>, pixel: u32) -> Picked {
    let greater = select(value > picked.value, vec4<bool>(false), is_nan(picked.value));
    let takes = select(greater, vec4<bool>(true), is_nan(value));
    return Picked(
        select(picked.value, value, takes),
        select(picked.pixel, vec4<u32>(pixel), takes),
    );
}
