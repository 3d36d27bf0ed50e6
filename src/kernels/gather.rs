//! Host side of `shaders/gather.wgsl`.

use super::{Call, Grid, Kernel, Params as _, Variant, params, reads_words, writes};
use crate::shape::{ImageShape, QUAD};

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
    source: include_str!("../../shaders/gather.wgsl"),
    loops: None,
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
