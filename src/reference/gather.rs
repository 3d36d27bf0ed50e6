//! Twin of `shaders/gather.wgsl`.

use super::{Real, twin};
use crate::kernels::Step;
use crate::kernels::gather::Params;
use crate::shape::padded;

twin!(
    images_0: word, images_1: word, images_2: word, images_3: word,
    order: word, output: real_mut
);

/// images: (images of the part, channels, pixels) u8 in words; order: (count);
/// output: (batch, pixels, padded channels).
pub fn run<T: Real>(
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
