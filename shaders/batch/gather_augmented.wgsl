// output = images[order[batch_start + n]] / 255 as training sees them: moved, turned, resized, mirrored, in other
// colours, with a hole, by what is drawn for the image and the epoch.
//
// images_0..3    packed u8, four to a word, low byte first; part p holds the images from
//                p * images_per_part on, each [channels, height, width] u8 in image_words words
// order          [count] u32        image number by position of the epoch
// output         [batch, pixels, quads] vec4   channels-last; or [batch, quads] vec4 of vectors, whose elements
//                lie as the bytes do
//
// Where a pixel comes from is computed in whole numbers, 2^15 to a pixel, so that every device sees the same
// pictures: its colour is the mean of the TAPS pixels around that place (4: bilinear; 1: it is a pixel), and black
// past the border.
//
// An item of work is a quad. One thread per ITEMS items, as many apart as a sample has threads.
//#include step
//#include thread
//#include random

struct Params {
    channels: u32,         // unpadded
    height: u32,
    width: u32,
    image_words: u32,      // from one image to the next
    images_per_part: u32,
    is_vector: u32,
    key_0: u32,
    key_1: u32,
    flip: u32,             // 1: every second image is mirrored
    translate: u32,        // most pixels along each axis
    cutout: u32,           // side of the hole
    rotate: u32,           // largest half-angle, 2^14 to a radian
    smallest: u32,         // size, 2^14 to the image's own
    sizes: u32,            // how many from there on
    brightness: f32,
    contrast: f32,
}

@group(0) @binding(0) var<storage, read> images_0: array<u32>;
@group(0) @binding(1) var<storage, read> images_1: array<u32>;
@group(0) @binding(2) var<storage, read> images_2: array<u32>;
@group(0) @binding(3) var<storage, read> images_3: array<u32>;
@group(0) @binding(4) var<storage, read> order: array<u32>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(6) var<uniform> params: Params;

//#include resident_images

const ONE: i32 = 16384;  // 2^14

// What is drawn for an image.
struct Drawn {
    shift: vec2<i32>,   // columns and rows
    turn: vec2<i32>,    // cosine and sine of the angle, over the size
    mirrored: bool,
    gain: f32,
    lift: f32,
    hole: vec2<i32>,    // its first column and row
}

// A whole number below `count`, at most 2^16.
fn below(word: u32, count: u32) -> i32 {
    return i32(((word >> 16u) * count) >> 16u);
}

// From -1 up to 1.
fn signed(word: u32) -> f32 {
    return f32(word >> 8u) * 0x1p-23f - 1.0;
}

// Cosine and sine of twice the angle `t`, at most a quarter of a turn: Taylor's, in whole numbers.
fn cosine_and_sine(t: i32) -> vec2<i32> {
    let u = (t * t) >> 14u;
    var s = ONE - u / 72;
    s = ONE - ((u * s) >> 14u) / 42;
    s = ONE - ((u * s) >> 14u) / 20;
    s = ONE - ((u * s) >> 14u) / 6;
    s = (t * s) >> 14u;
    var c = ONE - u / 56;
    c = ONE - ((u * c) >> 14u) / 30;
    c = ONE - ((u * c) >> 14u) / 12;
    c = ONE - ((u * c) >> 14u) / 2;
    return vec2<i32>(ONE - ((2 * s * s) >> 14u), (2 * s * c) >> 14u);
}

fn drawn(image: u32) -> Drawn {
    let first = counted(vec4<u32>(image ^ params.key_0, step.epoch, 0u, params.key_1));
    let second = counted(vec4<u32>(image ^ params.key_0, step.epoch, 1u, params.key_1));
    let third = counted(vec4<u32>(image ^ params.key_0, step.epoch, 2u, params.key_1));
    let most = i32(params.translate);
    let shifts = 2u * params.translate + 1u;
    let half_angle = below(first.w, 2u * params.rotate + 1u) - i32(params.rotate);
    let size = i32(params.smallest) + below(second.x, params.sizes);
    let bright = 1.0 + params.brightness * signed(second.y);
    let steep = 1.0 + params.contrast * signed(second.z);
    let centre = vec2<i32>(below(third.x, params.width), below(third.y, params.height));
    return Drawn(
        vec2<i32>(below(first.y, shifts), below(first.z, shifts)) - most,
        cosine_and_sine(half_angle) * ONE / size,
        params.flip == 1u && first.x >= 0x80000000u,
        bright * steep,
        bright * (0.5 - 0.5 * steep),
        centre - i32(params.cutout / 2u),
    );
}

// Where the pixel `at` comes from, 2^15 to a pixel.
fn source_of(draw: Drawn, at: vec2<i32>) -> vec2<i32> {
    let last = vec2<i32>(i32(params.width), i32(params.height)) - 1;
    // From the centre, in halves of a pixel.
    let away = 2 * (at - draw.shift) - last;
    var source = last * ONE;
    source.x += draw.turn.x * away.x + draw.turn.y * away.y;
    source.y += draw.turn.x * away.y - draw.turn.y * away.x;
    if (draw.mirrored) {
        source.x = 2 * ONE * last.x - source.x;
    }
    return source;
}

// One channel of the pixel `at` of what training sees.
fn value_of(draw: Drawn, part: u32, first_word: u32, channel: u32, at: vec2<i32>) -> f32 {
    let size = vec2<i32>(i32(params.width), i32(params.height));
    let source = source_of(draw, at);
    let corner = source >> vec2<u32>(15u);
    let share = vec2<f32>(source & vec2<i32>(0x7FFF)) * 0x1p-15f;
    var sum = 0.0;
    var covered = 0.0;
    for (var tap = 0u; tap < TAPS; tap++) {
        let step_to = vec2<u32>(tap & 1u, tap >> 1u);
        let place = corner + vec2<i32>(step_to);
        if (all(place >= vec2<i32>(0)) && all(place < size)) {
            let weights = select(1.0 - share, share, step_to == vec2<u32>(1u));
            let weight = weights.x * weights.y;
            let byte = (channel * params.height + u32(place.y)) * params.width + u32(place.x);
            let word = image_word(part, first_word + byte / 4u);
            let x = (word >> (8u * (byte % 4u))) & 0xFFu;
            sum += weight * scaled(vec4<u32>(x)).x;
            covered += weight;
        }
    }
    let within = at - draw.hole;
    if (all(within >= vec2<i32>(0)) && all(within < vec2<i32>(i32(params.cutout)))) {
        return 0.0;
    }
    return clamp(draw.gain * sum + draw.lift * covered, 0.0, 1.0);
}

// One float of the quad `item`: a vector has one channel after the other, images all channels of one pixel after the
// other.
fn lane_of(draw: Drawn, part: u32, first_word: u32, item: u32, lane: u32) -> f32 {
    let pixels = params.height * params.width;
    let quads = (params.channels + 3u) / 4u;
    let element = 4u * item + lane;
    let is_vector = params.is_vector == 1u;
    let channel = select(4u * (item % quads) + lane, element / pixels, is_vector);
    let pixel = select(item / quads, element % pixels, is_vector);
    if (channel >= params.channels) {
        return 0.0;
    }
    let at = vec2<i32>(i32(pixel % params.width), i32(pixel / params.width));
    return value_of(draw, part, first_word, channel, at);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let pixels = params.height * params.width;
    let elements = params.channels * pixels;
    let of_pixels = pixels * ((params.channels + 3u) / 4u);
    let items = select(of_pixels, (elements + 3u) / 4u, params.is_vector == 1u);
    let threads = (items + ITEMS - 1u) / ITEMS;
    let index = thread_index(workgroup, workgroups, local);
    let sample = index / threads;
    if (sample >= step.batch) {
        return;
    }
    let image = order[step.batch_start + sample];
    let part = part_of(image);
    let first_word = first_word_of(image, part);
    let draw = drawn(image);
    for (var item = index % threads; item < items; item += threads) {
        output[sample * items + item] = vec4<f32>(
            lane_of(draw, part, first_word, item, 0u),
            lane_of(draw, part, first_word, item, 1u),
            lane_of(draw, part, first_word, item, 2u),
            lane_of(draw, part, first_word, item, 3u),
        );
    }
}
