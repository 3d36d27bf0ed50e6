//! `gather`: host side, twin, native kernel and cases of `shaders/batch/gather.wgsl`.

use pulp::{Arch, Simd};

use crate::kernel::case::{Argument, Case, Launch, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::Random;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, Variant, params, reads_words, twin, writes,
};
use crate::shape::{ImageShape, QUAD, padded};

/// Bindings that resident images may be split over.
pub const PARTS: usize = 4;

/// Items of work per thread: the fewer threads the less is computed twice, the more the more there
/// is to do at once.
const ITEMS: u32 = 8;

const VARIANTS: &[Variant] = &[
    &[("PARTS", 1), ("ITEMS", ITEMS)],
    &[("PARTS", 2), ("ITEMS", ITEMS)],
    &[("PARTS", 3), ("ITEMS", ITEMS)],
    &[("PARTS", 4), ("ITEMS", ITEMS)],
];

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "gather",
    source: include_str!("../../../shaders/batch/gather.wgsl"),
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

params! {
    /// Params of the shader.
    pub struct Params {
        /// Channels, unpadded.
        pub channels: u32,
        /// Pixels of one image.
        pub pixels: u32,
        /// Words from one image to the next.
        pub image_words: u32,
        /// Images that a full part holds.
        pub images_per_part: u32,
    }
}

/// Words that an image of `elements` bytes takes on the GPU: a multiple of 16 bytes.
pub const fn image_words(elements: usize) -> usize {
    elements.div_ceil(16) * 4
}

/// A batch out of `images` images of `shape`, scaled to 0..=1.
///
/// Every part but the last holds `images_per_part` of the images. `shape` may also be
/// `ImageShape::vector(elements)`: the same bytes in their order, as a flat vector. Parts that are
/// not in use are bound to part 0's buffer.
///
/// # Panics
/// If there are more than [`PARTS`] parts: a bug of the caller, who splits the images.
pub fn call(shape: ImageShape, images: usize, images_per_part: usize) -> Call {
    let quads = shape.padded_channels() / QUAD;
    let params = Params {
        channels: shape.channels as u32,
        pixels: shape.pixels() as u32,
        image_words: image_words(shape.elements()) as u32,
        images_per_part: images_per_part as u32,
    };
    let pixels_per_item = if shape.pixels() == 1 { 1 } else { 4 };
    let items = shape.pixels().div_ceil(pixels_per_item) * quads;
    let variant = VARIANTS[images.div_ceil(images_per_part) - 1];
    let grid = Grid::per_sample(items.div_ceil(ITEMS as usize), 64);
    Call::new(&KERNEL, variant, &params, grid)
}

/// How a data set's images lie on the GPU: packed bytes, each image padded to a multiple of 16,
/// split over up to [`PARTS`] bindings of equal length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResidentLayout {
    /// Images.
    pub count: usize,
    /// Words from one image to the next.
    pub image_words: usize,
    /// Images that a full part holds.
    pub images_per_part: usize,
}

impl ResidentLayout {
    /// The layout of `count` images of `elements` bytes where one binding may span
    /// `binding_bytes`; `None` where they do not fit into [`PARTS`] of them.
    pub fn new(count: usize, elements: usize, binding_bytes: u64) -> Option<Self> {
        let image_words = image_words(elements);
        let fit = binding_bytes / (image_words as u64 * 4);
        let images_per_part = count.min(usize::try_from(fit).unwrap_or(usize::MAX));
        let layout = Self {
            count,
            image_words,
            images_per_part,
        };
        (images_per_part > 0 && layout.parts() <= PARTS).then_some(layout)
    }

    /// Parts in use.
    pub fn parts(&self) -> usize {
        self.count.div_ceil(self.images_per_part)
    }

    /// Words of part `part`.
    pub fn part_words(&self, part: usize) -> usize {
        let images = self.count - part * self.images_per_part;
        images.min(self.images_per_part) * self.image_words
    }
}

// The twin.

twin!(
    images_0: word, images_1: word, images_2: word, images_3: word,
    order: word, output: real_mut
);

/// images: (images of the part, channels, pixels) u8 in words; order: (count);
/// output: (batch, pixels, padded channels).
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
    let channels = params.channels as usize;
    let pixels = params.pixels as usize;
    let words = params.image_words as usize;
    let stride = padded(channels);
    for sample in 0..step.batch as usize {
        let number = order[step.batch_start as usize + sample];
        let part = parts[(number / params.images_per_part) as usize];
        let first = (number % params.images_per_part) as usize * words;
        let image = &part[first..first + words];
        for pixel in 0..pixels {
            for c in 0..stride {
                output[(sample * pixels + pixel) * stride + c] = if c < channels {
                    let at = c * pixels + pixel;
                    T::of(f64::from(image[at / 4].to_le_bytes()[at % 4])) / T::of(255.0)
                } else {
                    T::zero()
                };
            }
        }
    }
}

// The native kernel.

/// The batch's images, scaled to 0..=1, channels-last and padded.
fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [images @ .., order, output] = slices else {
        panic!("gather binds six buffers");
    };
    let params: &Params = call.params();
    let (channels, pixels) = (params.channels as usize, params.pixels as usize);
    let words = params.image_words as usize;
    let positions = part.step.batch_start as usize..;
    let numbers = &order.word()[positions][..part.step.batch as usize];
    let output = output
        .real_mut()
        .chunks_exact_mut(pixels * padded(channels));
    for (&number, output) in numbers.iter().zip(output) {
        let images = images[(number / params.images_per_part) as usize].word();
        let first = (number % params.images_per_part) as usize * words;
        let bytes: &[u8] = bytemuck::cast_slice(&images[first..first + words]);
        let bytes = &bytes[..channels * pixels];
        match channels {
            _ if pixels == 1 => scale(bytes, output),
            3 => interleave_three(bytes, output),
            _ => interleave(bytes, channels, output),
        }
        if pixels == 1 {
            output[channels..].fill(0.0);
        }
    }
}

#[inline(always)]
fn scaled(byte: u8) -> f32 {
    f32::from(byte) / 255.0
}

#[pulp::with_simd(scale = Arch::new())]
#[inline(always)]
fn scale_simd<'a, S: Simd>(_simd: S, bytes: &'a [u8], output: &'a mut [f32]) {
    for (float, byte) in output.iter_mut().zip(bytes) {
        *float = scaled(*byte);
    }
}

#[pulp::with_simd(interleave_three = Arch::new())]
#[inline(always)]
fn interleave_three_simd<'a, S: Simd>(_simd: S, bytes: &'a [u8], output: &'a mut [f32]) {
    let (red, rest) = bytes.split_at(bytes.len() / 3);
    let (green, blue) = rest.split_at(red.len());
    let (output, _) = output.as_chunks_mut::<4>();
    for (((pixel, red), green), blue) in output.iter_mut().zip(red).zip(green).zip(blue) {
        *pixel = [scaled(*red), scaled(*green), scaled(*blue), 0.0];
    }
}

/// Any number of planes.
fn interleave(bytes: &[u8], channels: usize, output: &mut [f32]) {
    let pixels = bytes.len() / channels;
    for (at, pixel) in output.chunks_exact_mut(padded(channels)).enumerate() {
        for (channel, float) in pixel.iter_mut().enumerate() {
            let byte = (channel < channels).then(|| bytes[channel * pixels + at]);
            *float = byte.map_or(0.0, scaled);
        }
    }
}

// The cases.

/// Random images as `layout` says, of `elements` bytes each, zeros behind them. A part that is not in
/// use is bound to something: here to one zeroed image.
pub(super) fn images(
    random: &mut Random,
    layout: &ResidentLayout,
    elements: usize,
) -> Vec<Argument> {
    let part = |part: usize| {
        let first = part * layout.images_per_part;
        let count = layout
            .count
            .saturating_sub(first)
            .min(layout.images_per_part);
        let mut bytes = Vec::new();
        for _ in 0..count {
            bytes.extend((0..elements).map(|_| random.bits() as u8));
            bytes.resize(bytes.len().next_multiple_of(16), 0);
        }
        bytes.resize(bytes.len().max(layout.image_words * 4), 0);
        Argument::Words(bytemuck::pod_collect_to_vec(&bytes))
    };
    (0..PARTS).map(part).collect()
}

/// A random order of `images` images of random bytes, `per_part` to a part.
pub fn launch(shape: ImageShape, images: usize, per_part: usize, step: Step) -> Launch {
    let mut random = Random::new(3);
    let layout = ResidentLayout {
        count: images,
        image_words: image_words(shape.elements()),
        images_per_part: per_part,
    };
    let mut arguments = self::images(&mut random, &layout, shape.elements());
    let count = (step.batch_start + step.batch) as usize;
    let order = (0..count).map(|_| random.bits() % images as u32);
    arguments.extend([
        Argument::Words(order.collect()),
        Argument::Poisoned(step.batch as usize * shape.padded_elements()),
    ]);
    Launch {
        call: call(shape, images, per_part),
        step,
        arguments,
    }
}

/// Vectors and images of odd sizes in one part to four, and batches of all sizes.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (channels, height, width) in [
        (1, 1, 1),
        (3, 1, 1),
        (255, 1, 1),
        (257, 1, 1),
        (3072, 1, 1),
        (1, 1, 7),
        (3, 5, 7),
        (4, 3, 3),
        (3, 32, 32),
        (7, 1, 33),
        (33, 2, 2),
    ] {
        let shape = ImageShape::new(channels, height, width);
        let step = Step {
            batch_start: 5,
            ..batch(9)
        };
        for images in [3, 6, 7, 11] {
            cases.push(launch(shape, images, 3, step).exact());
        }
    }
    for samples in [1, 7, 33, 255, 257] {
        let shape = ImageShape::new(3, 2, 3);
        cases.push(launch(shape, 20, 7, batch(samples)).exact());
    }
    cases
}
