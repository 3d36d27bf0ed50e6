//! Gradients of which most are zero, as behind a max-pooling: only the others are worth their products.
//!
//! A window's lines are padded to whole vectors here, so that no vector is cut: what lies behind a line
//! is computed too, and goes nowhere. Images need [`SLACK`] floats behind them for it.

use pulp::{Arch, Simd};

use super::geometry::Geometry;

/// Floats to which lines are padded: no vector is longer.
pub(super) const SLACK: usize = 16;
/// Gradients that are looked at together.
const GROUP: usize = 16;

/// Floats of a line of the window, padded.
const fn padded_run(geometry: &Geometry) -> usize {
    geometry.run().next_multiple_of(SLACK)
}

/// Floats of a window whose lines are padded.
pub(super) const fn padded_window(geometry: &Geometry) -> usize {
    geometry.kernel_height * padded_run(geometry)
}

/// Where the floats of a window, as they lie in a row of the weight, lie in one whose lines are padded.
pub(super) fn padded_places(geometry: &Geometry) -> impl Iterator<Item = usize> + use<> {
    let (run, padded) = (geometry.run(), padded_run(geometry));
    (0..geometry.kernel_height).flat_map(move |line| line * padded..line * padded + run)
}

/// Whether at most a quarter of `grads` is not zero: products with the rest cost less one by one than
/// all of them as a matrix.
#[pulp::with_simd(is_sparse = Arch::new())]
#[inline(always)]
pub(super) fn is_sparse_simd<'a, S: Simd>(_simd: S, grads: &'a [f32]) -> bool {
    let count: u32 = grads.iter().map(|grad| u32::from(*grad != 0.0)).sum();
    count as usize * 4 <= grads.len()
}

/// Adds to `sums`, a padded window per output channel, the products of the gradients of an image's
/// output pixels with the windows of `image` under them.
#[pulp::with_simd(add_weight_gradients = Arch::new())]
#[inline(always)]
pub(super) fn add_weight_gradients_simd<'a, S: Simd>(
    simd: S,
    geometry: &'a Geometry,
    image: &'a [f32],
    grads: &'a [f32],
    sums: &'a mut [f32],
) {
    let (run, window) = (padded_run(geometry), padded_window(geometry));
    for_each(geometry, grads, |start, channel, grad| {
        let grad = simd.splat_f32s(grad);
        let sums = &mut sums[channel * window..][..window];
        for (line, sums) in sums.chunks_exact_mut(run).enumerate() {
            add_product(simd, grad, &image[start + line * geometry.line()..][..run], sums);
        }
    });
}

/// Adds to the gradient by `image` the products of the gradients of its output pixels with `weight`,
/// a padded window per output channel.
#[pulp::with_simd(add_input_gradients = Arch::new())]
#[inline(always)]
pub(super) fn add_input_gradients_simd<'a, S: Simd>(
    simd: S,
    geometry: &'a Geometry,
    weight: &'a [f32],
    grads: &'a [f32],
    image: &'a mut [f32],
) {
    let (run, window) = (padded_run(geometry), padded_window(geometry));
    for_each(geometry, grads, |start, channel, grad| {
        let grad = simd.splat_f32s(grad);
        let weight = &weight[channel * window..][..window];
        for (line, weight) in weight.chunks_exact(run).enumerate() {
            add_product(simd, grad, weight, &mut image[start + line * geometry.line()..][..run]);
        }
    });
}

/// Calls `each` with every gradient that is not zero: where its window starts in the image, its
/// channel, and what it is.
#[inline(always)]
fn for_each(geometry: &Geometry, grads: &[f32], mut each: impl FnMut(usize, usize, f32)) {
    let mut pixels = grads.chunks_exact(geometry.out_channels);
    for y in 0..geometry.out_height {
        let line = y * geometry.stride * geometry.line();
        for (x, grads) in (0..geometry.out_width).zip(&mut pixels) {
            let start = line + x * geometry.stride * geometry.in_channels;
            for (group, grads) in grads.chunks(GROUP).enumerate() {
                let mut left = others_than_zero(grads);
                while left != 0 {
                    let at = left.trailing_zeros() as usize;
                    left &= left - 1;
                    each(start, group * GROUP + at, grads[at]);
                }
            }
        }
    }
}

/// A bit per float of `grads` that is not zero.
#[inline(always)]
fn others_than_zero(grads: &[f32]) -> u32 {
    let bit = |(at, grad): (usize, &f32)| u32::from(*grad != 0.0) << at;
    match grads.as_array::<GROUP>() {
        Some(grads) => grads.iter().enumerate().map(bit).sum(),
        None => grads.iter().enumerate().map(bit).sum(),
    }
}

/// `sums` += `factor` * `values`, both of whole vectors.
#[inline(always)]
fn add_product<S: Simd>(simd: S, factor: S::f32s, values: &[f32], sums: &mut [f32]) {
    let (values, _) = S::as_simd_f32s(values);
    let (sums, _) = S::as_mut_simd_f32s(sums);
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = simd.mul_add_e_f32s(factor, *value, *sum);
    }
}
