//! Twin of `shaders/squared_norm.wgsl`.

use super::{Real, twin};
use crate::kernels::Step;
use crate::kernels::squared_norm::Params;
use crate::shape::QUAD;

twin!(gradients: real, partials: real_mut);

/// partials = sums of the squares of every so many quads of the gradients.
pub fn run<T: Real>(params: &Params, _step: &Step, gradients: &[T], partials: &mut [T]) {
    let quads: Vec<&[T]> = gradients.chunks_exact(QUAD).collect();
    let quads = &quads[..params.quads as usize];
    let stride = partials.len();
    for (index, partial) in partials.iter_mut().enumerate() {
        let own = quads.iter().skip(index).step_by(stride);
        let squares = own.flat_map(|quad| quad.iter().map(|it| it.wide() * it.wide()));
        *partial = T::of(squares.sum());
    }
}
