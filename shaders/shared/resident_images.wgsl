// Bytes of images that lie in up to four bindings, images_0 to images_3, and the floats that they stand for. Params
// has channels, image_words and images_per_part; a variant, PARTS.

// The part that holds `image`, without a division.
fn part_of(image: u32) -> u32 {
    var part = 0u;
    for (var next = 1u; next < PARTS; next++) {
        part += select(0u, 1u, image >= next * params.images_per_part);
    }
    return part;
}

// The first word of `image` within its part.
fn first_word_of(image: u32, part: u32) -> u32 {
    return (image - part * params.images_per_part) * params.image_words;
}

fn image_word(part: u32, index: u32) -> u32 {
    if (PARTS > 3u && part == 3u) {
        return images_3[index];
    }
    if (PARTS > 2u && part == 2u) {
        return images_2[index];
    }
    if (PARTS > 1u && part == 1u) {
        return images_1[index];
    }
    return images_0[index];
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
