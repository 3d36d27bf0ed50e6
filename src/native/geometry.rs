//! Where a convolution's windows lie in memory.

use pulp::{Arch, Simd};

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

    /// Columns of its products: channels, but in whole vectors where one does not hold them.
    /// Products of other widths would be copied by `gemm` every time, and be slower.
    pub(super) const fn columns(&self) -> usize {
        if self.out_channels <= VECTOR {
            self.out_channels
        } else {
            self.out_channels.next_multiple_of(VECTOR)
        }
    }

    /// Whether every input pixel is a window of its own: the image is its matrix of windows.
    pub(super) const fn is_pointwise(&self) -> bool {
        self.kernel_height == 1 && self.kernel_width == 1 && self.stride == 1
    }

    /// Where the windows of all output pixels begin in an image.
    #[inline(always)]
    pub(super) fn starts(&self) -> impl Iterator<Item = usize> + use<> {
        let column = self.stride * self.in_channels;
        let (line, width) = (self.stride * self.line(), self.out_width);
        (0..self.out_height).flat_map(move |y| (0..width).map(move |x| y * line + x * column))
    }

    /// Images whose windows are one matrix: enough rows for a product, and no more than the caches
    /// hold.
    pub(super) fn images_per_product(&self) -> usize {
        let rows = ROWS.min(FLOATS / self.window()).max(2);
        (rows / self.pixels()).max(1)
    }

    /// Writes the windows of `images`, one row each, to `rows`, which ends in [`SLACK`].
    pub(super) fn lower(&self, images: &[f32], rows: &mut [f32]) {
        lower(self, images, rows);
    }

    /// Writes the window that begins where `image` does to the start of `row`, and up to [`SLACK`]
    /// floats behind it.
    #[inline(always)]
    pub(super) fn lower_window(&self, image: &[f32], row: &mut [f32]) {
        let (run, line) = (self.run(), self.line());
        for at in 0..self.kernel_height {
            copy(&image[at * line..], &mut row[at * run..], run);
        }
    }

    /// Adds `rows`, one per window of `image`, to the pixels they cover.
    pub(super) fn raise(&self, rows: &[f32], image: &mut [f32]) {
        raise(self, rows, image);
    }

    /// Adds the start of `row` to the window that begins where `image` does.
    #[inline(always)]
    pub(super) fn raise_window(&self, row: &[f32], image: &mut [f32]) {
        let (run, line) = (self.run(), self.line());
        for at in 0..self.kernel_height {
            let (values, _) = row[at * run..][..run].as_chunks::<QUAD>();
            let (sums, _) = image[at * line..][..run].as_chunks_mut::<QUAD>();
            for (sums, values) in sums.iter_mut().zip(values) {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += value;
                }
            }
        }
    }
}

#[pulp::with_simd(lower = Arch::new())]
#[inline(always)]
fn lower_simd<'a, S: Simd>(
    _simd: S,
    geometry: &'a Geometry,
    images: &'a [f32],
    rows: &'a mut [f32],
) {
    let (run, line) = (geometry.run(), geometry.line());
    // What whole vectors reach of the image and of the row.
    let vectors = run.div_ceil(SLACK);
    let reach = |line: usize| (geometry.kernel_height - 1) * line + vectors * SLACK;
    let (of_image, of_row) = (reach(line), reach(run));
    let mut at = 0;
    for image in images.chunks_exact(geometry.input_len()) {
        for y in 0..geometry.out_height {
            let mut start = y * geometry.stride * line;
            for _ in 0..geometry.out_width {
                let from = image.get(start..start + of_image);
                if let (Some(from), Some(to)) = (from, rows.get_mut(at..at + of_row)) {
                    let (mut read, mut written) = (0, 0);
                    for _ in 0..geometry.kernel_height {
                        for vector in (0..vectors).map(|vector| vector * SLACK) {
                            let from = from[read + vector..].first_chunk::<SLACK>();
                            let to = to[written + vector..].first_chunk_mut::<SLACK>();
                            *to.expect("within reach") = *from.expect("within reach");
                        }
                        read += line;
                        written += run;
                    }
                } else {
                    geometry.lower_window(&image[start..], &mut rows[at..]);
                }
                at += geometry.window();
                start += geometry.stride * geometry.in_channels;
            }
        }
    }
}

#[pulp::with_simd(raise = Arch::new())]
#[inline(always)]
fn raise_simd<'a, S: Simd>(
    _simd: S,
    geometry: &'a Geometry,
    rows: &'a [f32],
    image: &'a mut [f32],
) {
    for (start, row) in geometry.starts().zip(rows.chunks_exact(geometry.window())) {
        geometry.raise_window(row, &mut image[start..]);
    }
}

/// Floats of a vector: no processor has longer ones.
pub(super) const VECTOR: usize = 16;
/// Rows of a matrix of windows that a product should have at least.
const ROWS: usize = 128;
/// Floats that it should have at most.
const FLOATS: usize = 1 << 17;

/// Floats behind the last of several windows that may be written, too.
pub(super) const SLACK: usize = VECTOR;

/// Copies `len` floats, and some behind them where there is room: a few long copies are faster than
/// the exact ones.
#[inline(always)]
fn copy(from: &[f32], to: &mut [f32], len: usize) {
    // Most lines are short: one vector.
    if len <= SLACK
        && let Some(from) = from.first_chunk::<SLACK>()
        && let Some(to) = to.first_chunk_mut::<SLACK>()
    {
        *to = *from;
        return;
    }
    let padded = len.next_multiple_of(SLACK);
    match (from.get(..padded), to.get_mut(..padded)) {
        (Some(from), Some(to)) => {
            let (from, _) = from.as_chunks::<SLACK>();
            let (to, _) = to.as_chunks_mut::<SLACK>();
            for (from, to) in from.iter().zip(to) {
                *to = *from;
            }
        }
        _ => to[..len].copy_from_slice(&from[..len]),
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
        let mut rows = vec![0.0; 2 * geometry.window() + SLACK];
        geometry.lower(&image, &mut rows);
        // The second window: pixels (0, 2), (0, 3), (1, 2), (1, 3).
        let firsts: Vec<f32> = rows[16..32].iter().copied().step_by(4).collect();
        assert_eq!(firsts, [8.0, 12.0, 28.0, 32.0]);
        let mut sums = vec![0.0; geometry.input_len()];
        for _ in 0..2 {
            geometry.raise(&rows[..32], &mut sums);
        }
        assert_eq!(sums[28..32], [56.0, 58.0, 60.0, 62.0]);
        assert_eq!(sums[16..20], [0.0; 4], "no window covers the fifth column");
    }
}
