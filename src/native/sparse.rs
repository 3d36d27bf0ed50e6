//! Gradients of which most are zero, as behind a max-pooling: only the others are worth their products.
//!
//! Windows are padded to whole vectors here, so that no vector is cut.

use pulp::{Arch, Simd};

use super::geometry::{Geometry, VECTOR};

/// Gradients that are looked at together.
const GROUP: usize = 16;

/// Floats of a window, padded.
pub(super) const fn padded_window(geometry: &Geometry) -> usize {
    geometry.window().next_multiple_of(VECTOR)
}

/// Whether so few of `grads` are not zero that their windows one by one cost less than all windows in a
/// product.
///
/// A rule of thumb: a gradient by itself costs as much as [`ALONE`] floats of its window more, and each float
/// 2.5 times what it costs in a product. It agrees with what was measured of the cnn (docs/performance.md):
/// behind its second convolution skipping zeros gains, behind the first it loses.
/// The first image speaks for all.
pub(super) fn is_sparse(geometry: &Geometry, grads: &[f32]) -> bool {
    let window = geometry.window();
    let grads = &grads[..geometry.output_len().min(grads.len())];
    count_others_than_zero(grads) * (window + ALONE) * 5 <= grads.len() * window * 2
}

/// See [`is_sparse`].
const ALONE: usize = 96;

#[pulp::with_simd(count_others_than_zero = Arch::new())]
#[inline(always)]
fn count_others_than_zero_simd<'a, S: Simd>(_simd: S, grads: &'a [f32]) -> usize {
    let count: u32 = grads.iter().map(|grad| u32::from(*grad != 0.0)).sum();
    count as usize
}

/// Adds to `sums`, a padded window per output channel, the products of the gradients of an image's
/// output pixels with the windows of `image` under them. `window` is scratch, and ends in
/// [`SLACK`](super::geometry::SLACK): what lies behind a window is summed too, and goes nowhere.
#[pulp::with_simd(add_weight_gradients = Arch::new())]
#[inline(always)]
pub(super) fn add_weight_gradients_simd<'a, S: Simd>(
    simd: S,
    geometry: &'a Geometry,
    image: &'a [f32],
    grads: &'a [f32],
    window: &'a mut [f32],
    sums: &'a mut [f32],
) {
    let len = padded_window(geometry);
    let pixels = grads.chunks_exact(geometry.out_channels);
    for (start, grads) in geometry.starts().zip(pixels) {
        let mut is_lowered = false;
        for_each_other_than_zero(grads, |channel, grad| {
            if !is_lowered {
                geometry.lower_window(&image[start..], window);
                is_lowered = true;
            }
            let sums = &mut sums[channel * len..][..len];
            add_product(simd, grad, &window[..len], sums);
        });
    }
}

/// Adds to the gradient by `image` the products of the gradients of its output pixels with `weight`,
/// a padded window per output channel. `window` is scratch.
#[pulp::with_simd(add_input_gradients = Arch::new())]
#[inline(always)]
pub(super) fn add_input_gradients_simd<'a, S: Simd>(
    simd: S,
    geometry: &'a Geometry,
    weight: &'a [f32],
    grads: &'a [f32],
    window: &'a mut [f32],
    image: &'a mut [f32],
) {
    let pixels = grads.chunks_exact(geometry.out_channels);
    for (start, grads) in geometry.starts().zip(pixels) {
        let mut is_used = false;
        for_each_other_than_zero(grads, |channel, grad| {
            if !is_used {
                window.fill(0.0);
                is_used = true;
            }
            let weight = &weight[channel * window.len()..][..window.len()];
            add_product(simd, grad, weight, window);
        });
        if is_used {
            geometry.raise_window(window, &mut image[start..]);
        }
    }
}

/// Calls `each` with position and value of every float of `grads` that is not zero.
#[inline(always)]
fn for_each_other_than_zero(grads: &[f32], mut each: impl FnMut(usize, f32)) {
    for (group, grads) in grads.chunks(GROUP).enumerate() {
        let bit = |(at, grad): (usize, &f32)| u32::from(*grad != 0.0) << at;
        let mut left: u32 = match grads.as_array::<GROUP>() {
            Some(grads) => grads.iter().enumerate().map(bit).sum(),
            None => grads.iter().enumerate().map(bit).sum(),
        };
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            each(group * GROUP + at, grads[at]);
        }
    }
}

/// `sums` += `factor` * `values`, both of whole vectors.
#[inline(always)]
fn add_product<S: Simd>(simd: S, factor: f32, values: &[f32], sums: &mut [f32]) {
    let factor = simd.splat_f32s(factor);
    let (values, _) = S::as_simd_f32s(values);
    let (sums, _) = S::as_mut_simd_f32s(sums);
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = simd.mul_add_e_f32s(factor, *value, *sum);
    }
}
