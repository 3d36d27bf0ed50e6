//! Products of the gradients behind a max-pooling: one per window and channel, at the pixel that was
//! picked. The others are zero, and left out.
//!
//! Lines of windows are padded to whole vectors here: what lies behind a line is multiplied, too, and
//! goes nowhere.

use std::array::from_fn;

use pulp::{Arch, Simd};

use crate::ops::conv2d::geometry::{Geometry, VECTOR};

/// Gradients of the windows of an image, and the pixels that they picked: (windows, channels) each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picks<'a> {
    pub(super) grads: &'a [f32],
    pub(super) pixels: &'a [u32],
}

/// Where vectors of a convolution's window lie.
#[derive(Debug)]
pub(super) struct Windows {
    /// Where the window of every output pixel begins in an image.
    starts: Vec<usize>,
    /// Where its vectors do from there on, those of a line after each other.
    vectors: Vec<usize>,
    channels: usize,
}

impl Windows {
    pub(super) fn of(geometry: &Geometry) -> Self {
        debug_assert_eq!(geometry.padding, 0, "lines lie as in memory");
        let per_line = geometry.run().div_ceil(VECTOR);
        let vector = |at: usize| at / per_line * geometry.line() + at % per_line * VECTOR;
        Self {
            starts: geometry.starts().collect(),
            vectors: (0..geometry.kernel_height * per_line).map(vector).collect(),
            channels: geometry.out_channels,
        }
    }

    /// Floats of a window.
    pub(super) fn len(&self) -> usize {
        self.vectors.len() * VECTOR
    }

    /// Where vector `at` begins behind the start of a window.
    #[inline(always)]
    fn place<S: Simd>(&self, at: usize) -> usize {
        let float = at * S::F32_LANES;
        self.vectors[float / VECTOR] + float % VECTOR
    }

    /// Floats behind an image that its last window reaches.
    pub(super) const SLACK: usize = VECTOR;
}

/// Where the floats of a window lie among those of its vectors.
pub(super) fn positions(geometry: &Geometry) -> impl Iterator<Item = usize> + use<> {
    let run = geometry.run();
    let padded = run.next_multiple_of(VECTOR);
    (0..geometry.window()).map(move |at| at / run * padded + at % run)
}

/// Adds to `sums`, a window per channel, the products of an image's picks with the windows of `image`,
/// which ends in [`Windows::SLACK`].
#[pulp::with_simd(add_weight_gradients = Arch::new())]
#[inline(always)]
pub(super) fn add_weight_gradients_simd<'a, S: Simd>(
    simd: S,
    windows: &'a Windows,
    picks: Picks<'a>,
    image: &'a [f32],
    sums: &'a mut [f32],
) {
    for (channel, sums) in sums.chunks_exact_mut(windows.len()).enumerate() {
        let (sums, _) = S::as_mut_simd_f32s(sums);
        let mut first = 0;
        // As many sums as registers hold.
        while first < sums.len() {
            first += match sums.len() - first {
                9.. => add_vectors::<S, 9>(simd, windows, picks, channel, first, image, sums),
                3.. => add_vectors::<S, 3>(simd, windows, picks, channel, first, image, sums),
                _ => add_vectors::<S, 1>(simd, windows, picks, channel, first, image, sums),
            };
        }
    }
}

/// `N` vectors of [`add_weight_gradients`], from `first` on; `N`.
#[inline(always)]
fn add_vectors<S: Simd, const N: usize>(
    simd: S,
    windows: &Windows,
    picks: Picks<'_>,
    channel: usize,
    first: usize,
    image: &[f32],
    sums: &mut [S::f32s],
) -> usize {
    let places: [usize; N] = from_fn(|at| windows.place::<S>(first + at));
    let mut own: [S::f32s; N] = from_fn(|at| sums[first + at]);
    let of_channel = picks.grads[channel..].chunks(windows.channels);
    let of_channel = of_channel.zip(picks.pixels[channel..].chunks(windows.channels));
    for (grads, pixels) in of_channel {
        let grad = simd.splat_f32s(grads[0]);
        let window = &image[windows.starts[pixels[0] as usize]..];
        for (sum, place) in own.iter_mut().zip(places) {
            let (values, _) = S::as_simd_f32s(&window[place..][..S::F32_LANES]);
            *sum = simd.mul_add_e_f32s(grad, values[0], *sum);
        }
    }
    sums[first..][..N].copy_from_slice(&own);
    N
}

/// Adds to the gradient by `image`, which ends in [`Windows::SLACK`], the products of its picks with
/// `weight`, a window per channel, zero behind its lines.
#[pulp::with_simd(add_input_gradients = Arch::new())]
#[inline(always)]
pub(super) fn add_input_gradients_simd<'a, S: Simd>(
    simd: S,
    windows: &'a Windows,
    picks: Picks<'a>,
    weight: &'a [f32],
    image: &'a mut [f32],
) {
    let places: Vec<usize> = (0..windows.len() / S::F32_LANES)
        .map(|at| windows.place::<S>(at))
        .collect();
    for (channel, weight) in weight.chunks_exact(windows.len()).enumerate() {
        let (weight, _) = S::as_simd_f32s(weight);
        let of_channel = picks.grads[channel..].chunks(windows.channels);
        let of_channel = of_channel.zip(picks.pixels[channel..].chunks(windows.channels));
        for (grads, pixels) in of_channel {
            let grad = simd.splat_f32s(grads[0]);
            let window = &mut image[windows.starts[pixels[0] as usize]..];
            for (values, place) in weight.iter().zip(&places) {
                let (sums, _) = S::as_mut_simd_f32s(&mut window[*place..][..S::F32_LANES]);
                sums[0] = simd.mul_add_e_f32s(grad, *values, sums[0]);
            }
        }
    }
}
