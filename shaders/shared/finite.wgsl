// What is no normal float. For optimizers, which read and write what lasts.

// By their bits: compilers may assume that there is no NaN, and `max(x, 0)` may have hidden one
// from the loss.
fn faults_of(gradient: vec4<f32>) -> u32 {
    let exponent = bitcast<vec4<u32>>(gradient) & vec4<u32>(0x7F800000u);
    let bad = select(vec4<u32>(0u), vec4<u32>(1u), exponent == vec4<u32>(0x7F800000u));
    return bad.x + bad.y + bad.z + bad.w;
}

// Zero for what is too small to be a normal float. The moments of a parameter without a gradient decay
// to such numbers and stay there, and processors take a hundred times longer to compute with them.
// By its exponent: compilers may assume that there is no NaN.
fn normal(x: vec4<f32>) -> vec4<f32> {
    let exponent = bitcast<vec4<u32>>(x) & vec4<u32>(0x7F800000u);
    return select(x, vec4<f32>(0.0), exponent == vec4<u32>(0u));
}
