//! `squared_norm`.

use super::Part;
use crate::kernels::Call;
use crate::kernels::squared_norm::Params;
use crate::reference::Slice;
use crate::shape::QUAD;

/// partials = sums of the squares of every so many quads of the gradients, in f64.
pub(super) fn run(call: &Call, _part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [gradients, partials] = slices else {
        panic!("squared_norm binds two buffers");
    };
    let params: &Params = call.params();
    let partials = partials.real_mut();
    let mut sums = vec![0.0_f64; partials.len()];
    let (quads, _) = gradients.real()[..params.quads as usize * QUAD].as_chunks::<QUAD>();
    for quads in quads.chunks(sums.len()) {
        for (sum, quad) in sums.iter_mut().zip(quads) {
            *sum += quad.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>();
        }
    }
    for (partial, sum) in partials.iter_mut().zip(sums) {
        *partial = sum as f32;
    }
}
