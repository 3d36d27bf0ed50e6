// A sum and the products of a quad and four rows of a weight, of which the last is zero where LANES, which a
// kernel's variant says, is 3. From left to right, so that each product and its sum can be one fused
// multiply-add.
fn added(sum: vec4<f32>, a: vec4<f32>, b: mat4x4<f32>) -> vec4<f32> {
    let three = sum + a.x * b[0] + a.y * b[1] + a.z * b[2];
    if (LANES > 3u) {
        return three + a.w * b[3];
    }
    return three;
}
