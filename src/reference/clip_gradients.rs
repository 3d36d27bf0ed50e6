//! Twin of `shaders/clip_gradients.wgsl`.

use super::{Real, twin};
use crate::kernels::Step;
use crate::kernels::clip_gradients::Params;
use crate::shape::QUAD;

twin!(partials: real, gradients: real_mut);

/// gradients *= min(1, `max_norm` / (norm + 1e-6)), where norm is the root of the sum of partials.
pub fn run<T: Real>(params: &Params, _step: &Step, partials: &[T], gradients: &mut [T]) {
    let squares: f64 = partials.iter().map(|it| it.wide()).sum();
    let factor = f64::from(params.max_norm) / (squares.sqrt() + 1e-6);
    if factor >= 1.0 {
        return;
    }
    for gradient in &mut gradients[..params.quads as usize * QUAD] {
        *gradient = T::of(gradient.wide() * factor);
    }
}
