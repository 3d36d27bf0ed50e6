// Zeros around an image, which are not in memory. For shaders that have `params.in_height`, `params.in_width` and
// `params.padding`; padded images have at most 65,535 lines and columns.

// A pixel of the padded image in one word. The word of a window's first pixel plus that of a tap is that of the pixel
// under the tap.
fn place_of(line: u32, column: u32) -> u32 {
    return (line << 16u) + column;
}

// Whether pixel `place` of the padded image is one of the zeros.
fn is_zero(place: u32) -> bool {
    // Above and left of the image these wrap around to what is larger than any image.
    let line = (place >> 16u) - params.padding;
    let column = (place & 0xFFFFu) - params.padding;
    return line >= params.in_height || column >= params.in_width;
}
