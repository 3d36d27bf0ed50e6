//! Where a convolution's windows lie in memory.

use crate::shape::QUAD;

/// Sizes of a convolution of channels-last images; channels as they lie in memory, padded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Geometry {
    pub(super) in_height: usize,
    pub(super) in_width: usize,
    pub(super) in_channels: usize,
    pub(super) out_height: usize,
    pub(super) out_width: usize,
    pub(super) out_channels: usize,
    pub(super) kernel_height: usize,
    pub(super) kernel_width: usize,
    pub(super) stride: usize,
}

/// The geometry that the fields of some kernel's Params say, channels in quads.
macro_rules! geometry {
    ($params:expr, $out_height:expr, $out_width:expr, $out_quads:expr) => {
        $crate::native::geometry::Geometry {
            in_height: $params.in_height as usize,
            in_width: $params.in_width as usize,
            in_channels: $params.in_quads as usize * $crate::shape::QUAD,
            out_height: $out_height as usize,
            out_width: $out_width as usize,
            out_channels: $out_quads as usize * $crate::shape::QUAD,
            kernel_height: $params.kernel_height as usize,
            kernel_width: $params.kernel_width as usize,
            stride: $params.stride as usize,
        }
    };
}
pub(super) use geometry;

impl Geometry {
    /// Floats of an input image.
    pub(super) const fn input_len(&self) -> usize {
        self.in_height * self.in_width * self.in_channels
    }

    /// Output pixels of an image.
    pub(super) const fn pixels(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Floats of an output image.
    pub(super) const fn output_len(&self) -> usize {
        self.pixels() * self.out_channels
    }

    /// Floats of a line of the window: they lie side by side.
    pub(super) const fn run(&self) -> usize {
        self.kernel_width * self.in_channels
    }

    /// Floats of a window.
    pub(super) const fn window(&self) -> usize {
        self.kernel_height * self.run()
    }

    /// Floats from a line of the image to the next.
    pub(super) const fn line(&self) -> usize {
        self.in_width * self.in_channels
    }

    /// Whether every input pixel is a window of its own: the image is its matrix of windows.
    pub(super) const fn is_pointwise(&self) -> bool {
        self.kernel_height == 1 && self.kernel_width == 1 && self.stride == 1
    }

    /// Where the window of output pixel `pixel` begins in an image.
    pub(super) const fn start(&self, pixel: usize) -> usize {
        let (y, x) = (pixel / self.out_width, pixel % self.out_width);
        (y * self.in_width + x) * self.stride * self.in_channels
    }

    /// Images whose windows are one matrix: enough rows for a product, and no more than the caches
    /// hold. Depends on nothing but the sizes, so that no image's results depend on the others.
    pub(super) const fn images_per_product(&self) -> usize {
        let images = ROWS / self.pixels();
        if images == 0 { 1 } else { images }
    }

    /// Writes the windows of `images`, one row each, to `rows`.
    pub(super) fn lower(&self, images: &[f32], rows: &mut [f32]) {
        let mut runs = rows.chunks_exact_mut(self.run());
        for image in images.chunks_exact(self.input_len()) {
            for pixel in 0..self.pixels() {
                let window = &image[self.start(pixel)..];
                for (line, run) in (0..self.kernel_height).zip(&mut runs) {
                    copy(&window[line * self.line()..][..self.run()], run);
                }
            }
        }
    }

    /// Adds `rows`, one per window of `image`, to the pixels they cover.
    pub(super) fn raise(&self, rows: &[f32], image: &mut [f32]) {
        let mut runs = rows.chunks_exact(self.run());
        for pixel in 0..self.pixels() {
            let window = &mut image[self.start(pixel)..];
            for (line, run) in (0..self.kernel_height).zip(&mut runs) {
                let covered = &mut window[line * self.line()..][..self.run()];
                for (sum, value) in covered.iter_mut().zip(run) {
                    *sum += value;
                }
            }
        }
    }
}

/// Rows of a matrix of windows that a product should have at least.
const ROWS: usize = 64;

/// Copies quads: short runs are not worth a call of `memcpy`.
#[inline]
fn copy(from: &[f32], to: &mut [f32]) {
    let (from, _) = from.as_chunks::<QUAD>();
    let (to, _) = to.as_chunks_mut::<QUAD>();
    for (from, to) in from.iter().zip(to) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_lowered_and_raised() {
        let geometry = Geometry {
            in_height: 3,
            in_width: 5,
            in_channels: 4,
            out_height: 2,
            out_width: 2,
            out_channels: 4,
            kernel_height: 2,
            kernel_width: 2,
            stride: 2,
        };
        let geometry = Geometry {
            out_height: 1,
            ..geometry
        };
        let image: Vec<f32> = (0..geometry.input_len()).map(|i| i as f32).collect();
        let mut rows = vec![0.0; 2 * geometry.window()];
        geometry.lower(&image, &mut rows);
        // The second window: pixels (0, 2), (0, 3), (1, 2), (1, 3).
        let firsts: Vec<f32> = rows[16..].iter().copied().step_by(4).collect();
        assert_eq!(firsts, [8.0, 12.0, 28.0, 32.0]);
        let mut sums = vec![0.0; geometry.input_len()];
        geometry.raise(&rows, &mut sums);
        geometry.raise(&rows, &mut sums);
        assert_eq!(sums[28..32], [56.0, 58.0, 60.0, 62.0]);
        assert_eq!(sums[16..20], [0.0; 4], "no window covers the fifth column");
    }
}
