//! Where a convolution's windows lie in memory.

use pulp::{Arch, Simd};

use crate::kernel::native::product::{LONG, MOST_ROWS, Matrix};
use crate::shape::QUAD;

/// Sizes of a convolution of channels-last images; channels as they lie in memory, padded, unless it is
/// [`Geometry::without_padding`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Geometry {
    pub(super) in_height: usize,
    pub(super) in_width: usize,
    pub(super) in_channels: usize,
    /// Floats behind the channels of an input pixel that its products leave out.
    pub(super) padding: usize,
    pub(super) out_height: usize,
    pub(super) out_width: usize,
    pub(super) out_channels: usize,
    pub(super) kernel_height: usize,
    pub(super) kernel_width: usize,
    pub(super) stride: usize,
}

/// The geometry that the fields of some kernel's Params say, channels in quads; those of the output by
/// themselves where its Params have them under other names.
macro_rules! geometry {
    ($p:expr) => {
        geometry!($p, $p.out_height, $p.out_width, $p.out_quads)
    };
    ($params:expr, $out_height:expr, $out_width:expr, $out_quads:expr) => {
        $crate::ops::conv2d::geometry::Geometry {
            in_height: $params.in_height as usize,
            in_width: $params.in_width as usize,
            in_channels: $params.in_quads as usize * $crate::shape::QUAD,
            padding: 0,
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
    /// The same, but its windows without what pads the `in_channels` of an input pixel, if that is much
    /// (a quarter of an image in colours).
    pub(super) fn without_padding(self, in_channels: usize) -> Self {
        if in_channels == 0 || in_channels * 8 > self.in_channels * 7 {
            return self;
        }
        Self {
            in_channels,
            padding: self.in_channels - in_channels,
            ..self
        }
    }

    /// Floats of an input image.
    pub(super) const fn input_len(&self) -> usize {
        self.in_height * self.in_width * (self.in_channels + self.padding)
    }

    /// Floats that [`Geometry::lower`] writes for so many images.
    pub(super) const fn lowered_len(&self, images: usize) -> usize {
        let lines = images * self.out_width * self.in_height * self.run() + SLACK;
        if self.padding == 0 {
            lines
        } else {
            lines + self.packed_len() + SLACK
        }
    }

    /// Floats of an input image without padding.
    const fn packed_len(&self) -> usize {
        self.in_height * self.line()
    }

    /// Rows of the products' weight, each with its row of the weight in memory.
    pub(super) fn weight_rows(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (channels, padding) = (self.in_channels, self.padding);
        (0..self.window()).map(move |row| (row, row + row / channels * padding))
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

    /// Images that are lowered together: enough rows for a product, and no more than the caches hold.
    pub(super) fn images_together(&self) -> usize {
        let lines = self.out_width * self.in_height * self.run();
        // No image's sums may depend on how many are with it.
        let rows = if self.window() > LONG {
            MOST_ROWS
        } else {
            ROWS
        };
        let images = (rows / self.out_width).min(FLOATS / lines);
        1 << images.clamp(1, SHARD).ilog2()
    }

    /// Writes, for every image and every column of windows, the lines that those cover, one below the
    /// other, to `lowered`, of [`Geometry::lowered_len`]: windows below each other share lines.
    ///
    /// Cho and Brand, "MEC: Memory-efficient Convolution for Deep Neural Network", 2017.
    pub(super) fn lower(&self, images: &[f32], lowered: &mut [f32]) {
        let column = self.in_height * self.run();
        let (columns, packed) =
            lowered.split_at_mut(images.len() / self.input_len() * self.out_width * column + SLACK);
        for (at, image) in images.chunks_exact(self.input_len()).enumerate() {
            let columns = &mut columns[at * self.out_width * column..];
            if self.padding == 0 {
                lower(self, image, columns);
            } else {
                self.pack(image, packed);
                lower(self, packed, columns);
            }
        }
    }

    /// Where the lines begin that the windows of row `y` of output pixels cover in what is lowered, and
    /// how far they are from one column of windows to the next.
    pub(super) const fn lines_of(&self, y: usize) -> (usize, usize) {
        let run = self.run();
        (y * self.stride * run, self.in_height * run)
    }

    /// The windows of row `y` of the output pixels of `images` images, one per row of the matrix.
    pub(super) fn windows<'a>(&self, lowered: &'a [f32], images: usize, y: usize) -> Matrix<'a> {
        let (at, column) = self.lines_of(y);
        let windows = Matrix::new(&lowered[at..], images * self.out_width, self.window());
        windows.with_row_stride(column)
    }

    /// Copies the pixels of output `images` to `rows` that hold a row of output pixels of all images
    /// after the other, `columns` floats per pixel.
    pub(super) fn take_rows(&self, images: &[f32], columns: usize, rows: &mut [f32]) {
        let channels = self.out_channels;
        for (at, line) in images.chunks_exact(self.out_width * channels).enumerate() {
            let line_at = self.line_of_row(images.len(), at) * columns;
            let rows = &mut rows[line_at..][..self.out_width * columns];
            if channels == columns {
                rows.copy_from_slice(line);
                continue;
            }
            let pixels = line.chunks_exact(channels);
            for (row, pixel) in rows.chunks_exact_mut(columns).zip(pixels) {
                row[..channels].copy_from_slice(pixel);
            }
        }
    }

    /// The opposite of [`Geometry::take_rows`].
    pub(super) fn take_images(&self, rows: &[f32], columns: usize, images: &mut [f32]) {
        let (channels, len) = (self.out_channels, images.len());
        let lines = images.chunks_exact_mut(self.out_width * channels);
        for (at, line) in lines.enumerate() {
            let line_at = self.line_of_row(len, at) * columns;
            let rows = &rows[line_at..][..self.out_width * columns];
            if channels == columns {
                line.copy_from_slice(rows);
                continue;
            }
            let pixels = line.chunks_exact_mut(channels);
            for (pixel, row) in pixels.zip(rows.chunks_exact(columns)) {
                pixel.copy_from_slice(&row[..channels]);
            }
        }
    }

    /// Where, in pixels, line `at` of images of `len` floats in all begins among rows of all images.
    const fn line_of_row(&self, len: usize, at: usize) -> usize {
        let images = len / self.output_len();
        let (image, y) = (at / self.out_height, at % self.out_height);
        (y * images + image) * self.out_width
    }

    /// Writes the pixels of an image without their padding, and something behind them.
    fn pack(&self, pixels: &[f32], packed: &mut [f32]) {
        let channels = self.in_channels;
        for (at, pixel) in pixels.chunks_exact(channels + self.padding).enumerate() {
            // A quad is copied at once; the next overwrites what is too much.
            match (
                pixel.as_array::<QUAD>(),
                packed[at * channels..].first_chunk_mut(),
            ) {
                (Some(pixel), Some(packed)) => *packed = *pixel,
                _ => packed[at * channels..][..channels].copy_from_slice(&pixel[..channels]),
            }
        }
    }

    /// Adds `rows`, one per window of `image`, to the pixels they cover.
    pub(super) fn raise(&self, rows: &[f32], image: &mut [f32]) {
        debug_assert_eq!(self.padding, 0, "pixels are whole quads");
        raise(self, rows, image);
    }
}

#[pulp::with_simd(lower = Arch::new())]
#[inline(always)]
fn lower_simd<'a, S: Simd>(
    _simd: S,
    geometry: &'a Geometry,
    image: &'a [f32],
    columns: &'a mut [f32],
) {
    let (run, line) = (geometry.run(), geometry.line());
    let column = geometry.in_height * run;
    for x in 0..geometry.out_width {
        let start = x * geometry.stride * geometry.in_channels;
        for y in 0..geometry.in_height {
            copy(
                &image[y * line + start..],
                &mut columns[x * column + y * run..],
                run,
            );
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
    let (run, line) = (geometry.run(), geometry.line());
    for (start, row) in geometry.starts().zip(rows.chunks_exact(geometry.window())) {
        for (y, values) in row.chunks_exact(run).enumerate() {
            add(values, &mut image[start + y * line..][..run]);
        }
    }
}

/// Adds a line; both are whole quads.
#[inline(always)]
fn add(values: &[f32], sums: &mut [f32]) {
    let (values, _) = values.as_chunks::<QUAD>();
    let (sums, _) = sums.as_chunks_mut::<QUAD>();
    for (sums, values) in sums.iter_mut().zip(values) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += value;
        }
    }
}

/// Floats of a vector: no processor has longer ones.
pub(super) const VECTOR: usize = 16;
/// Rows of a matrix of windows that a product should have.
pub(super) const ROWS: usize = 128;
/// Floats that should be lowered at most.
pub(super) const FLOATS: usize = 1 << 17;
/// Images that should be lowered together at most: a shard of the usual batch.
const SHARD: usize = 16;

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
            padding: 0,
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
        let mut lowered = vec![0.0; geometry.lowered_len(1)];
        geometry.lower(&image, &mut lowered);
        // The second window: pixels (0, 2), (0, 3), (1, 2), (1, 3).
        let firsts: Vec<f32> = lowered[24..40].iter().copied().step_by(4).collect();
        assert_eq!(firsts, [8.0, 12.0, 28.0, 32.0]);
        let mut sums = vec![0.0; geometry.input_len()];
        let rows = [&lowered[..16], &lowered[24..40]].concat();
        for _ in 0..2 {
            geometry.raise(&rows, &mut sums);
        }
        assert_eq!(sums[28..32], [56.0, 58.0, 60.0, 62.0]);
        assert_eq!(sums[16..20], [0.0; 4], "no window covers the fifth column");
    }

    #[test]
    fn rows_of_all_images_become_images_again() {
        let geometry = Geometry {
            in_height: 3,
            in_width: 2,
            in_channels: 4,
            padding: 0,
            out_height: 3,
            out_width: 2,
            out_channels: 4,
            kernel_height: 1,
            kernel_width: 1,
            stride: 1,
        };
        let images: Vec<f32> = (0..48).map(|i| i as f32).collect();
        for columns in [4, 7] {
            let mut rows = vec![-1.0; 12 * columns];
            geometry.take_rows(&images, columns, &mut rows);
            // The second row of the second image lies behind that of the first.
            assert_eq!(rows[6 * columns..][..4], images[32..36], "{columns}");
            let mut again = vec![0.0; 48];
            geometry.take_images(&rows, columns, &mut again);
            assert_eq!(again, images, "{columns}");
        }
    }
}
