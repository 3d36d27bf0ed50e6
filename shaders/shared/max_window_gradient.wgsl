// The gradient of an element that several windows may have picked. For shaders that bind
// `grad_output` and `argmax` and have `params.quads`.

// Sums, in a fixed order, what arrives from the windows in rows and columns start..end of the
// output whose maximum is `pixel`. The sample's output starts at pixel `plane`; its rows have
// `width` pixels.
fn gradient_of_pixel(
    pixel: u32,
    plane: u32,
    width: u32,
    quad: u32,
    rows: vec2<u32>,
    columns: vec2<u32>,
) -> vec4<f32> {
    var sum = vec4<f32>(0.0);
    for (var y = rows.x; y < rows.y; y++) {
        for (var x = columns.x; x < columns.y; x++) {
            let window = (plane + y * width + x) * params.quads + quad;
            let picked = argmax[window] == vec4<u32>(pixel);
            sum += select(vec4<f32>(0.0), grad_output[window], picked);
        }
    }
    return sum;
}
