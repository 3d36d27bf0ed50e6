//! Shape arithmetic: sizes of images, windows and their padded layout in memory.

use std::fmt;

/// Floats in a `vec4<f32>`, the unit in which kernels load and store.
pub const QUAD: usize = 4;

/// `count` rounded up to a multiple of [`QUAD`].
pub const fn padded(count: usize) -> usize {
    count.next_multiple_of(QUAD)
}

/// Shape of one sample: channels, height, width (the order in which people write it).
///
/// In memory, on the GPU and in the CPU executor, a batch of samples lies channels-last: index
/// `((n * height + y) * width + x) * padded_channels + c`, with channels padded to a multiple of
/// four. Padding channels of every value are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct ImageShape {
    /// Channels, unpadded.
    pub channels: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
}

impl ImageShape {
    /// An image of `channels` planes of `height` rows of `width` pixels.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self {
            channels,
            height,
            width,
        }
    }

    /// A vector of `features`: one pixel with that many channels.
    pub const fn vector(features: usize) -> Self {
        Self::new(features, 1, 1)
    }

    /// Pixels of one plane.
    pub const fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Elements of one sample, without padding.
    pub const fn elements(self) -> usize {
        self.channels * self.pixels()
    }

    /// Channels in memory: padded to a multiple of four.
    pub const fn padded_channels(self) -> usize {
        padded(self.channels)
    }

    /// Floats that one sample takes in memory, padding included.
    pub const fn padded_elements(self) -> usize {
        self.padded_channels() * self.pixels()
    }
}

impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pixels() == 1 {
            write!(f, "{}", self.channels)
        } else {
            write!(f, "{}x{}x{}", self.channels, self.height, self.width)
        }
    }
}

/// Number of places where a window of `kernel` fits into `input` at steps of `stride`, without
/// padding; `None` where it does not fit at all.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html> ("Shape").
pub const fn window_count(input: usize, kernel: usize, stride: usize) -> Option<usize> {
    if kernel == 0 || stride == 0 || kernel > input {
        None
    } else {
        Some((input - kernel) / stride + 1)
    }
}

/// Input range `start..end` that cell `cell` of an adaptive pooling to `cells` cells covers.
///
/// Windows overlap where `cells` does not divide `input`, and repeat where `input < cells`.
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html>.
pub const fn adaptive_window(cell: usize, cells: usize, input: usize) -> (usize, usize) {
    (cell * input / cells, ((cell + 1) * input).div_ceil(cells))
}

/// Shapes of a 2-d convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// One input sample.
    pub input: ImageShape,
    /// Channels of the output.
    pub out_channels: usize,
    /// Rows of the window.
    pub kernel_height: usize,
    /// Columns of the window.
    pub kernel_width: usize,
    /// Step of the window, the same along both axes.
    pub stride: usize,
    /// Pixels of zeros on every side of the input, which are not in memory.
    pub padding: usize,
}

impl ConvShape {
    /// The same convolution, with so many pixels of zeros on every side of the input.
    #[must_use]
    pub const fn padded_by(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    /// One output sample; `None` where the window does not fit into the padded input.
    pub fn output(&self) -> Option<ImageShape> {
        let padded = |side: usize| side + 2 * self.padding;
        let height = window_count(padded(self.input.height), self.kernel_height, self.stride)?;
        let width = window_count(padded(self.input.width), self.kernel_width, self.stride)?;
        Some(ImageShape::new(self.out_channels, height, width))
    }

    /// All its sizes: channels, height and width of the input, channels of the output, height and
    /// width of the window, stride; and the padding where there is one.
    pub fn sizes(&self) -> Vec<usize> {
        let sizes = [
            self.input.channels,
            self.input.height,
            self.input.width,
            self.out_channels,
            self.kernel_height,
            self.kernel_width,
            self.stride,
        ];
        let padding = (self.padding > 0).then_some(self.padding);
        sizes.into_iter().chain(padding).collect()
    }

    /// Floating-point operations for one sample: a product and a sum per weight and output pixel.
    pub fn flops(&self) -> usize {
        let window = self.kernel_height * self.kernel_width * self.input.channels;
        2 * self.output().map_or(0, ImageShape::elements) * window
    }

    /// Weights per output channel, input channels padded: rows of the weight matrix in memory.
    pub fn padded_fan_in(&self) -> usize {
        self.kernel_height * self.kernel_width * self.input.padded_channels()
    }

    /// Floats of the weight in memory: `[kernel_height, kernel_width, in_channels, out_channels]`,
    /// both channel counts padded.
    pub fn weight_len(&self) -> usize {
        self.padded_fan_in() * padded(self.out_channels)
    }
}

/// Shapes of a 2-d max-pooling without padding, whose windows lie side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolShape {
    /// One input sample.
    pub input: ImageShape,
    /// Side of the window, and its step along both axes.
    pub window: usize,
}

impl PoolShape {
    /// One output sample; `None` where the window does not fit into the input. Rows and columns
    /// that fill no window are left out.
    pub fn output(&self) -> Option<ImageShape> {
        let height = window_count(self.input.height, self.window, self.window)?;
        let width = window_count(self.input.width, self.window, self.window)?;
        Some(ImageShape::new(self.input.channels, height, width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_pytorchs() {
        assert_eq!(window_count(32, 3, 1), Some(30));
        assert_eq!(window_count(15, 2, 2), Some(7));
        assert_eq!(window_count(3, 5, 1), None);
        assert_eq!(window_count(3, 3, 7), Some(1));
        let cells = |input| [0, 1, 2, 3].map(|cell| adaptive_window(cell, 4, input));
        assert_eq!(cells(4), [(0, 1), (1, 2), (2, 3), (3, 4)]);
        assert_eq!(cells(5), [(0, 2), (1, 3), (2, 4), (3, 5)]);
        assert_eq!(cells(1), [(0, 1); 4]);
        assert_eq!(cells(7), [(0, 2), (1, 4), (3, 6), (5, 7)]);
    }

    #[test]
    fn zeros_around_an_image_give_windows_more_places() {
        let shape = ConvShape {
            input: ImageShape::new(3, 32, 5),
            out_channels: 16,
            kernel_height: 3,
            kernel_width: 3,
            stride: 2,
            padding: 0,
        };
        assert_eq!(shape.output(), Some(ImageShape::new(16, 15, 2)));
        assert_eq!(shape.sizes(), [3, 32, 5, 16, 3, 3, 2]);
        let padded = shape.padded_by(1);
        assert_eq!(padded.output(), Some(ImageShape::new(16, 16, 3)));
        assert_eq!(padded.sizes(), [3, 32, 5, 16, 3, 3, 2, 1]);
    }

    #[test]
    fn vectors_print_as_one_number() {
        assert_eq!(ImageShape::vector(128).to_string(), "128");
        assert_eq!(ImageShape::new(3, 32, 32).to_string(), "3x32x32");
        assert_eq!(ImageShape::new(45, 4, 4).padded_elements(), 768);
    }
}
