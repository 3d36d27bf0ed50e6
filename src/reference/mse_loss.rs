//! Twin of `shaders/mse_loss.wgsl`.

use super::{Real, twin};
use crate::kernels::Step;
use crate::kernels::mse_loss::{METRICS, Params};
use crate::shape::QUAD;

twin!(
    prediction: real, order: word, targets: real, grad_prediction: real_mut,
    metrics: real_mut, faults: word_mut
);

/// Rounds half to even, as `torch.round`.
fn round_half_even<T: Real>(x: T) -> f64 {
    x.wide().round_ties_even()
}

/// prediction and `grad_prediction`: (batch, 4), of which the first counts; order: (count);
/// targets: (images); metrics: (rows, 4); faults: (rows). The gradient is that of
/// <https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html>.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    prediction: &[T],
    order: &[u32],
    targets: &[T],
    grad_prediction: &mut [T],
    metrics: &mut [T],
    faults: &mut [u32],
) {
    run_part(
        params,
        step,
        step.batch,
        prediction,
        order,
        targets,
        grad_prediction,
        metrics,
        faults,
    );
}

/// The same of a part of a batch of `batch` samples, whose gradient is that of the mean over all.
pub fn run_part<T: Real>(
    params: &Params,
    step: &Step,
    batch: u32,
    prediction: &[T],
    order: &[u32],
    targets: &[T],
    grad_prediction: &mut [T],
    metrics: &mut [T],
    faults: &mut [u32],
) {
    let scale = T::of(2.0 / f64::from(batch));
    let mut sums = [0.0; METRICS];
    for sample in 0..step.batch as usize {
        let predicted = prediction[sample * QUAD];
        let number = order[step.batch_start as usize + sample];
        let wanted = targets[number as usize];
        let error = predicted - wanted;
        let grad = &mut grad_prediction[sample * QUAD..][..QUAD];
        grad.fill(T::zero());
        grad[0] = scale * error;
        let hit = round_half_even(predicted) == wanted.wide();
        let error = error.wide();
        let terms = [error * error, error.abs(), f64::from(u8::from(hit)), 1.0];
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum += term;
        }
    }
    if step.row < params.rows {
        let row = step.row as usize;
        metrics[row * METRICS..][..METRICS].copy_from_slice(&sums.map(T::of));
        faults[row] = 0;
    }
}
