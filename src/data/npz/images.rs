//! Which axis of an array is which, and its images in the order NCHW.

use super::npy::ArrayHeader;
use crate::data::limits::image_shape;
use crate::data::stream::Stream;
use crate::error::Result;
use crate::shape::ImageShape;

pub(super) const HINT: &str = "images are uint8 from 0 to 255, of shape (N, height, width), (N, \
                               height, width, channels) or (N, channels, height, width) with 1, 3 \
                               or 4 channels; floats from 0 to 1: x = (255 * x).astype('uint8')";

/// How many channels an image may have, for an axis to be taken for that of the channels.
const CHANNELS: [u64; 3] = [1, 3, 4];

/// An array of images.
#[derive(Debug)]
pub(super) struct Layout {
    /// Number of images.
    pub(super) count: usize,
    /// Shape of one.
    pub(super) shape: ImageShape,
    /// Bytes of all.
    pub(super) bytes: usize,
    /// Whether channels are the last axis, not the one before height and width.
    channels_last: bool,
    fortran_order: bool,
}

/// Takes the axes apart: the last of four is that of the channels where it has 1, 3 or 4, else the
/// second. Says why not where the array holds no images.
pub(super) fn layout(header: &ArrayHeader) -> Result<Layout, String> {
    let (channels, height, width, channels_last) = match header.sizes[..] {
        [_, height, width] => (1, height, width, false),
        [_, height, width, channels] if CHANNELS.contains(&channels) => {
            (channels, height, width, true)
        }
        [_, channels, height, width] if CHANNELS.contains(&channels) => {
            (channels, height, width, false)
        }
        _ => (0, 0, 0, false),
    };
    let shape = image_shape(channels, height, width).filter(|_| header.is_uint8());
    let (Some(shape), Some(bytes)) = (shape, header.elements()) else {
        return Err(format!("is {header}, which holds no images"));
    };
    let (Ok(count), Ok(bytes)) = (usize::try_from(header.sizes[0]), usize::try_from(bytes)) else {
        return Err(format!("is {header}: too large"));
    };
    if count == 0 {
        return Err(format!("is {header}: it holds no image"));
    }
    Ok(Layout {
        count,
        shape,
        bytes,
        channels_last,
        fortran_order: header.fortran_order,
    })
}

impl Layout {
    /// Which axes of an array of four were taken for which.
    pub(super) fn axes(&self, header: &ArrayHeader) -> Option<String> {
        let [_, a, b, c] = header.sizes[..] else {
            return None;
        };
        let place = if self.channels_last { "last" } else { "first" };
        Some(format!(
            "arrays of shape (N, {a}, {b}, {c}) are read channels {place}, as images of {}",
            self.shape
        ))
    }

    /// How many times over the images are held while they are read.
    pub(super) fn copies(&self) -> u64 {
        if self.fortran_order { 2 } else { 1 }
    }

    /// Reads all images, NCHW.
    pub(super) fn read(&self, stream: &mut Stream) -> Result<Vec<u8>> {
        let mut images = stream.bytes(self.bytes)?;
        if self.fortran_order {
            return Ok(self.reordered(&images));
        }
        if self.channels_last && self.shape.channels > 1 {
            let mut pixels = vec![0; self.shape.elements()];
            for image in images.chunks_exact_mut(self.shape.elements()) {
                pixels.copy_from_slice(image);
                let channels = self.shape.channels;
                for (channel, plane) in image.chunks_exact_mut(self.shape.pixels()).enumerate() {
                    let values = pixels[channel..].iter().step_by(channels);
                    plane
                        .iter_mut()
                        .zip(values)
                        .for_each(|(to, &from)| *to = from);
                }
            }
        }
        Ok(images)
    }

    /// The images of `values`, in which the first axis, that of the images, varies fastest.
    fn reordered(&self, values: &[u8]) -> Vec<u8> {
        let ImageShape {
            channels,
            height,
            width,
        } = self.shape;
        // Steps from one channel, row and column to the next.
        let (channel_step, row_step) = if self.channels_last {
            (self.count * height * width, self.count)
        } else {
            (self.count, self.count * channels)
        };
        let column_step = row_step * height;
        let mut images = Vec::with_capacity(values.len());
        for n in 0..self.count {
            for c in 0..channels {
                for y in 0..height {
                    let row = n + c * channel_step + y * row_step;
                    images.extend((0..width).map(|x| values[row + x * column_step]));
                }
            }
        }
        images
    }
}
