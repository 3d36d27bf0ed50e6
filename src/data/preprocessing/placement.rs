//! Which part of a picture comes where.

use super::{Fit, ImageSize};

/// Which part of a picture is resized to which size, and where it lies then.
#[derive(Debug, PartialEq)]
pub(super) struct Placement {
    /// Left, top, width and height of the part, in pixels of the picture.
    pub(super) of: [f64; 4],
    /// What the part becomes.
    pub(super) size: ImageSize,
    /// Columns and rows of black before it.
    before: [usize; 2],
}

impl Placement {
    /// That of a picture of size `own` which becomes one of `size`.
    ///
    /// Cropped as torchvision's `Resize` and `CenterCrop` do it: the short side is resized to that of the
    /// size, the other one keeps the proportions, rounded down. Only what is left of it is made: a
    /// picture may be a thousand times wider than high. Padded as Pillow's `ImageOps.pad` does it.
    pub(super) fn new(own: ImageSize, size: ImageSize, fit: Fit) -> Self {
        let whole = [0.0, 0.0, own.width as f64, own.height as f64];
        match fit {
            Fit::Stretch => Self {
                of: whole,
                size,
                before: [0, 0],
            },
            Fit::Crop => {
                let filled = filled(own, size);
                let (left, width) = part(own.width, filled.width, size.width);
                let (top, height) = part(own.height, filled.height, size.height);
                Self {
                    of: [left, top, width, height],
                    size,
                    before: [0, 0],
                }
            }
            Fit::Pad => {
                let inner = contained(own, size);
                let before = |all: usize, inner: usize| half(all - inner);
                Self {
                    of: whole,
                    size: inner,
                    before: [
                        before(size.width, inner.width),
                        before(size.height, inner.height),
                    ],
                }
            }
        }
    }

    /// `pixels` of the resized part, with black around them to make them `size`.
    pub(super) fn padded(&self, pixels: Vec<u8>, channels: usize, size: ImageSize) -> Vec<u8> {
        if self.size == size {
            return pixels;
        }
        let mut all = vec![0; size.height * size.width * channels];
        let [left, top] = self.before;
        let rows = all.chunks_exact_mut(size.width * channels).skip(top);
        for (all, row) in rows.zip(pixels.chunks_exact(self.size.width * channels)) {
            all[left * channels..][..row.len()].copy_from_slice(row);
        }
        all
    }
}

/// The size of `own` proportions that fills `size`, whole numbers rounded down.
fn filled(own: ImageSize, size: ImageSize) -> ImageSize {
    if own.width * size.height > own.height * size.width {
        ImageSize {
            height: size.height,
            width: size.height * own.width / own.height,
        }
    } else {
        ImageSize {
            height: size.width * own.height / own.width,
            width: size.width,
        }
    }
}

/// The size of `own` proportions within `size`, at least one pixel each way.
fn contained(own: ImageSize, size: ImageSize) -> ImageSize {
    let rounded = |product: usize, divisor: usize| {
        let exact = product as f64 / divisor as f64;
        exact.round_ties_even().max(1.0) as usize
    };
    if own.width * size.height > own.height * size.width {
        ImageSize {
            height: rounded(own.height * size.width, own.width),
            width: size.width,
        }
    } else {
        ImageSize {
            height: size.height,
            width: rounded(own.width * size.height, own.height),
        }
    }
}

/// Where the middle `kept` of `all` lies that `own` pixels were resized to: the first pixel of `own`, and
/// how many.
fn part(own: usize, all: usize, kept: usize) -> (f64, f64) {
    if kept == all {
        return (0.0, own as f64);
    }
    let scale = own as f64 / all as f64;
    // At least one pixel of `all` is left behind it: rounding does not lead out of the picture.
    (half(all - kept) as f64 * scale, kept as f64 * scale)
}

/// Half of `pixels`, halves rounded to even.
fn half(pixels: usize) -> usize {
    (pixels as f64 / 2.0).round_ties_even() as usize
}
