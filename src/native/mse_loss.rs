//! `mse_loss`: the twin, which knows the whole batch.

use super::Part;
use crate::kernels::Call;
use crate::reference::{Slice, mse_loss};

/// Gradient and metrics of the part's samples; the mean is over the whole batch.
pub(super) fn run(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [prediction, order, targets, grad_prediction, metrics, faults] = slices else {
        panic!("mse_loss binds six buffers");
    };
    mse_loss::run_part(
        call.params(),
        &part.step,
        part.batch,
        prediction.real(),
        order.word(),
        targets.real(),
        grad_prediction.real_mut(),
        metrics.real_mut(),
        faults.word_mut(),
    );
}
