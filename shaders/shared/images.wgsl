// Resident images: packed u8, four to a word, low byte first, in up to PARTS parts of
// `params.images_per_part` images of `params.image_words` words each. For shaders that bind
// images_0..3, because an adapter may bind no more than 128 MiB at once; unused ones are not read.

// The part that holds `image`, without a division.
fn part_of(image: u32) -> u32 {
    var part = 0u;
//#for part in 1..PARTS
    part += select(0u, 1u, image >= ${part}u * params.images_per_part);
//#end
    return part;
}

// The first word of `image` within its part.
fn first_word_of(image: u32, part: u32) -> u32 {
    return (image - part * params.images_per_part) * params.image_words;
}

fn image_word(part: u32, index: u32) -> u32 {
    switch part {
//#for part in 1..PARTS
        case ${part}u: { return images_${part}[index]; }
//#end
        default: { return images_0[index]; }
    }
}

fn bytes_of(word: u32) -> vec4<u32> {
    return (vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(0xFFu);
}

// x / 255, correctly rounded, which drivers' divisions are not. In base 256 the quotient is 0.xxxxx…:
// its first two digits and the next three are exact as floats, and their sum is rounded once. (The
// first two as an integer: compilers may take x out of a sum of two products with it.)
fn scaled(x: vec4<u32>) -> vec4<f32> {
    let two = vec4<f32>(vec4<i32>(x | (x << vec4<u32>(8u))));
    return two * 0x1p-16f + vec4<f32>(vec4<i32>(x)) * (65793.0 * 0x1p-40f);
}
