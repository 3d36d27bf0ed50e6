// output = images[order[batch_start + n]] / 255: one batch.
//
// images_0..3    packed u8, four to a word, low byte first; part p holds the images from
//                p * images_per_part on, each [channels, pixels] u8 in image_words words
// order          [count] u32        image number by position of the epoch
// output         [batch, pixels, quads] vec4   channels-last
//
// An item of work is one channel quad of four pixels, so that every word is loaded once
// (twice where planes are not aligned to words), or one quad of a vector (an image of one pixel),
// which is a word. One thread per ITEMS items, as many apart as a sample has threads.
//
// Software adapters run both sides of an `if` and every case of a `switch`, and only leave loops:
// hence one variant for each number of parts, and loops of no turns instead of an `if`.
//#include step
//#include thread

struct Params {
    channels: u32,         // unpadded
    pixels: u32,           // of one image
    image_words: u32,      // from one image to the next
    images_per_part: u32,
}

@group(0) @binding(0) var<storage, read> images_0: array<u32>;
@group(0) @binding(1) var<storage, read> images_1: array<u32>;
@group(0) @binding(2) var<storage, read> images_2: array<u32>;
@group(0) @binding(3) var<storage, read> images_3: array<u32>;
@group(0) @binding(4) var<storage, read> order: array<u32>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(6) var<uniform> params: Params;

//#include resident_images

// The four bytes from `byte` of an image on. What lies past the image's last word is not used, so
// that word serves in its place.
fn four_bytes(part: u32, first_word: u32, byte: u32) -> vec4<u32> {
    let index = byte / 4u;
    let shift = 8u * (byte % 4u);
    var word = image_word(part, first_word + index);
    if (shift != 0u) {
        let next = image_word(part, first_word + min(index + 1u, params.image_words - 1u));
        word = (word >> shift) | (next << (32u - shift));
    }
    return bytes_of(word);
}

// One channel quad of a vector, an image of one pixel: one word.
fn copy_vector(part: u32, first_word: u32, sample: u32, quad: u32, quads: u32) {
    let channel = vec4<u32>(4u * quad) + vec4<u32>(0u, 1u, 2u, 3u);
    let bytes = bytes_of(image_word(part, first_word + quad));
    let inside = channel < vec4<u32>(params.channels);
    output[sample * quads + quad] = scaled(select(vec4<u32>(0u), bytes, inside));
}

// One channel quad of four pixels, from `pixel` on.
fn copy_pixels(part: u32, first_word: u32, sample: u32, pixel: u32, quad: u32, quads: u32) {
    var planes: array<vec4<u32>, 4>;
    for (var c = 0u; c < 4u; c++) {
        if (4u * quad + c < params.channels) {
            let byte = (4u * quad + c) * params.pixels + pixel;
            planes[c] = four_bytes(part, first_word, byte);
        }
    }
    let at = (sample * params.pixels + pixel) * quads + quad;
    let left = params.pixels - pixel;
    for (var p = 0u; p < 4u; p++) {
        if (p < left) {
            let bytes = vec4<u32>(planes[0][p], planes[1][p], planes[2][p], planes[3][p]);
            output[at + p * quads] = scaled(bytes);
        }
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let quads = (params.channels + 3u) / 4u;
    let is_vector = params.pixels == 1u;
    let items = select((params.pixels + 3u) / 4u * quads, quads, is_vector);
    let threads = (items + ITEMS - 1u) / ITEMS;
    let index = thread_index(workgroup, workgroups, local);
    let sample = index / threads;
    let thread = index % threads;
    if (sample >= step.batch) {
        return;
    }
    let image = order[step.batch_start + sample];
    let part = part_of(image);
    let first_word = first_word_of(image, part);
    for (var quad = thread; quad < select(0u, items, is_vector); quad += threads) {
        copy_vector(part, first_word, sample, quad, quads);
    }
    for (var item = thread; item < select(items, 0u, is_vector); item += threads) {
        copy_pixels(part, first_word, sample, item / quads * 4u, item % quads, quads);
    }
}
