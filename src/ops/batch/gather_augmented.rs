//! `gather_augmented`: host side, twin, native kernel and cases of `shaders/batch/gather_augmented.wgsl`.

use crate::data::Augmentation;
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::Random;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, Variant, reads_words, twin, writes,
};
use crate::ops::batch::drawn::{Drawn, ONE};
use crate::ops::batch::gather::{ResidentLayout, image_words, images};
use crate::shape::{ImageShape, QUAD};

/// Items of work per thread: what is drawn for an image, each thread computes anew.
const ITEMS: u32 = 8;

/// By taps, then by parts.
const VARIANTS: &[Variant] = &[
    &[("PARTS", 1), ("TAPS", 1), ("ITEMS", ITEMS)],
    &[("PARTS", 2), ("TAPS", 1), ("ITEMS", ITEMS)],
    &[("PARTS", 3), ("TAPS", 1), ("ITEMS", ITEMS)],
    &[("PARTS", 4), ("TAPS", 1), ("ITEMS", ITEMS)],
    &[("PARTS", 1), ("TAPS", 4), ("ITEMS", ITEMS)],
    &[("PARTS", 2), ("TAPS", 4), ("ITEMS", ITEMS)],
    &[("PARTS", 3), ("TAPS", 4), ("ITEMS", ITEMS)],
    &[("PARTS", 4), ("TAPS", 4), ("ITEMS", ITEMS)],
];

pub use crate::ops::batch::drawn::Params;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "gather_augmented",
    source: include_str!("../../../shaders/batch/gather_augmented.wgsl"),
    bindings: &[
        reads_words("images_0"),
        reads_words("images_1"),
        reads_words("images_2"),
        reads_words("images_3"),
        reads_words("order"),
        writes("output"),
    ],
    params: Params::FIELDS,
    variants: VARIANTS,
    twin: TWIN,
    native: Some(native),
    cases,
};

/// A batch of images of `shape` that lie as `layout`, augmented by what is drawn with `key`, which comes from
/// `random::key(seed, Purpose::Augment)`; as vectors of their bytes in order where `is_vector`.
///
/// # Panics
/// If there are more parts than bindings: a bug of the caller, who splits the images.
pub fn call(
    augmentation: &Augmentation,
    key: [u32; 2],
    shape: ImageShape,
    is_vector: bool,
    layout: &ResidentLayout,
) -> Call {
    let fixed = |value: f64| (value * f64::from(ONE)).round() as u32;
    let [least, most] = augmentation.scale.map(fixed);
    let params = Params {
        channels: shape.channels as u32,
        height: shape.height as u32,
        width: shape.width as u32,
        image_words: layout.image_words as u32,
        images_per_part: layout.images_per_part as u32,
        is_vector: u32::from(is_vector),
        key_0: key[0],
        key_1: key[1],
        flip: u32::from(augmentation.flip),
        translate: augmentation.translate as u32,
        cutout: augmentation.cutout as u32,
        rotate: fixed(augmentation.rotate.to_radians() / 2.0),
        smallest: least,
        sizes: most - least + 1,
        brightness: augmentation.brightness as f32,
        contrast: augmentation.contrast as f32,
    };
    let variant = layout.parts() - 1
        + if augmentation.is_between_pixels() {
            4
        } else {
            0
        };
    let items = if is_vector {
        shape.elements().div_ceil(QUAD)
    } else {
        shape.padded_elements() / QUAD
    };
    let grid = Grid::per_sample(items.div_ceil(ITEMS as usize), 64);
    Call::new(&KERNEL, VARIANTS[variant], &params, grid)
}

/// Pixels that one of `variant` is a mean of.
fn taps_of(variant: Variant) -> usize {
    let taps = variant.iter().find(|it| it.0 == "TAPS");
    taps.map_or(1, |it| it.1 as usize)
}

// The twin. Taps without a weight change nothing: it always takes four.

twin!(
    images_0: word, images_1: word, images_2: word, images_3: word,
    order: word, output: real_mut
);

/// images: (images of the part, channels, height, width) u8 in words; order: (count); output: (batch, pixels, padded
/// channels), or (batch, padded elements).
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    images_0: &[u32],
    images_1: &[u32],
    images_2: &[u32],
    images_3: &[u32],
    order: &[u32],
    output: &mut [T],
) {
    let parts = [images_0, images_1, images_2, images_3];
    let pixels = (params.height * params.width) as usize;
    let [by_pixel, by_channel] = params.strides();
    for sample in 0..step.batch as usize {
        let number = order[step.batch_start as usize + sample];
        let image = params.image(parts, number);
        let draw = params.drawn(step.epoch, number);
        let [gain, lift] = params.gain_and_lift::<T>(&draw);
        let output = &mut output[sample * params.sample_len()..][..params.sample_len()];
        output.fill(T::zero());
        for pixel in 0..pixels {
            let at = [pixel as u32 % params.width, pixel as u32 / params.width];
            let at = at.map(u32::cast_signed);
            if params.is_cut_out(&draw, at) {
                continue;
            }
            for channel in 0..params.channels as usize {
                let (mut sum, mut covered) = (0.0, 0.0);
                for (place, weight) in params.taps(&draw, at, 4) {
                    let byte = image[channel * pixels + place];
                    let scaled = T::of(f64::from(byte)) / T::of(255.0);
                    sum += weight * scaled.wide();
                    covered += weight;
                }
                let value = gain * T::of(sum) + lift * T::of(covered);
                output[pixel * by_pixel + channel * by_channel] =
                    value.max(T::zero()).min(T::one());
            }
        }
    }
}

// The native kernel.

fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [images @ .., order, output] = slices else {
        panic!("gather_augmented binds six buffers");
    };
    let params: &Params = call.params();
    let parts = [0, 1, 2, 3].map(|part| images[part].word());
    let numbers = &order.word()[part.step.batch_start as usize..][..part.step.batch as usize];
    let output = output.real_mut().chunks_exact_mut(params.sample_len());
    let bilinear = taps_of(call.variant) == 4;
    for (&number, output) in numbers.iter().zip(output) {
        let image = params.image(parts, number);
        let draw = params.drawn(part.step.epoch, number);
        output.fill(0.0);
        if bilinear {
            between_pixels(params, &draw, image, output);
        } else {
            at_pixels(params, &draw, image, output);
        }
    }
}

/// Pixels of other places, in other colours.
fn at_pixels(params: &Params, draw: &Drawn, image: &[u8], output: &mut [f32]) {
    let [gain, lift] = params.gain_and_lift::<f32>(draw);
    let colours: [f32; 256] = std::array::from_fn(|byte| {
        let scaled = byte as f32 / 255.0;
        (gain * scaled + lift).clamp(0.0, 1.0)
    });
    let (width, height) = (params.width.cast_signed(), params.height.cast_signed());
    let [by_pixel, by_channel] = params.strides();
    let pixels = (width * height) as usize;
    for y in 0..height {
        let row = y - draw.shift[1];
        if !(0..height).contains(&row) {
            continue;
        }
        for x in 0..width {
            let column = params.source_of(draw, [x, y])[0] >> 15;
            if !(0..width).contains(&column) || params.is_cut_out(draw, [x, y]) {
                continue;
            }
            let (to, from) = ((y * width + x) as usize, (row * width + column) as usize);
            for channel in 0..params.channels as usize {
                let byte = image[channel * pixels + from];
                output[to * by_pixel + channel * by_channel] = colours[byte as usize];
            }
        }
    }
}

/// Means of four pixels.
fn between_pixels(params: &Params, draw: &Drawn, image: &[u8], output: &mut [f32]) {
    let [gain, lift] = params.gain_and_lift::<f32>(draw);
    let scaled: [f32; 256] = std::array::from_fn(|byte| byte as f32 / 255.0);
    let (width, height) = (params.width.cast_signed(), params.height.cast_signed());
    let [by_pixel, by_channel] = params.strides();
    let pixels = (width * height) as usize;
    for y in 0..height {
        for x in 0..width {
            if params.is_cut_out(draw, [x, y]) {
                continue;
            }
            // What is past the border has no weight.
            let mut taps = [(0, 0.0); 4];
            let found = params.taps(draw, [x, y], 4);
            let found = taps.iter_mut().zip(found).map(|(tap, found)| {
                *tap = (found.0, found.1 as f32);
                tap.1
            });
            let covered: f32 = found.sum();
            for channel in 0..params.channels as usize {
                let plane = &image[channel * pixels..][..pixels];
                let sum = taps
                    .iter()
                    .map(|(at, weight)| weight * scaled[plane[*at] as usize]);
                let value = gain * sum.sum::<f32>() + lift * covered;
                let to = (y * width + x) as usize;
                output[to * by_pixel + channel * by_channel] = value.clamp(0.0, 1.0);
            }
        }
    }
}

// The cases.

/// A random order of `images` images of random bytes, `per_part` to a part.
pub fn launch(
    augmentation: &Augmentation,
    shape: ImageShape,
    is_vector: bool,
    (images, per_part): (usize, usize),
    step: Step,
) -> Launch {
    let mut random = Random::new(29);
    let layout = ResidentLayout {
        count: images,
        image_words: image_words(shape.elements()),
        images_per_part: per_part,
    };
    let mut arguments = self::images(&mut random, &layout, shape.elements());
    let order = (0..step.batch_start + step.batch).map(|_| random.bits() % images as u32);
    let call = call(augmentation, [3, 1 << 30], shape, is_vector, &layout);
    let len = step.batch as usize * call.params::<Params>().sample_len();
    arguments.extend([Argument::Words(order.collect()), Argument::Poisoned(len)]);
    Launch {
        call,
        step,
        arguments,
    }
}

/// Whole pixels, which are exact, and others; images and vectors of odd sizes in one part to four, and batches of
/// all sizes.
fn cases() -> Vec<Case> {
    let moved = Augmentation {
        flip: true,
        translate: 2,
        cutout: 3,
        ..Augmentation::default()
    };
    let turned = Augmentation {
        rotate: 180.0,
        scale: [0.25, 4.0],
        brightness: 0.5,
        contrast: 1.0,
        ..moved
    };
    let coloured = Augmentation {
        brightness: 1.0,
        contrast: 0.5,
        ..moved
    };
    let mut cases = Vec::new();
    for (augmentation, tolerance) in [
        (moved, Tolerance::Exact),
        (coloured, Tolerance::Elementwise),
        (turned, Tolerance::Elementwise),
    ] {
        for (channels, height, width) in [(1, 1, 1), (3, 5, 7), (1, 1, 33), (4, 16, 3), (7, 9, 8)] {
            let shape = ImageShape::new(channels, height, width);
            for (images, is_vector) in [(3, false), (6, true), (7, false), (11, true), (11, false)]
            {
                let step = Step {
                    batch_start: 5,
                    epoch: 1 << 20,
                    ..batch(9)
                };
                let launch = launch(&augmentation, shape, is_vector, (images, 3), step);
                cases.push(launch.within(tolerance));
            }
        }
        for samples in [1, 33, 257] {
            let shape = ImageShape::new(3, 4, 3);
            let launch = launch(&augmentation, shape, samples == 33, (20, 7), batch(samples));
            cases.push(launch.within(tolerance));
        }
    }
    cases
}
