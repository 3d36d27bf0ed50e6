//! How far a run has come, counted step by step.

use super::metrics::Sums;
use super::state::TrainState;
use crate::exec::Row;

/// What a [`TrainState`](super::TrainState) holds beside tensors and the seed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// Steps taken.
    pub step: u64,
    /// Epochs finished.
    pub epoch: usize,
    /// Samples of the current epoch trained on.
    pub position: usize,
    /// Sums over the current epoch; they stay until the next one begins.
    pub sums: Sums,
}

impl Place {
    /// Where `state` stands.
    pub(super) fn of(state: &TrainState) -> Self {
        Self {
            step: state.step,
            epoch: state.epoch,
            position: state.position,
            sums: state.sums,
        }
    }

    /// A step on the next batch, out of `samples` an epoch, has run and reported `row`.
    pub(super) fn took(&mut self, row: &Row, batch_size: usize, samples: usize) {
        if self.position == 0 {
            self.sums = Sums::default();
        }
        self.sums.add(row);
        self.step += 1;
        self.position = samples.min(self.position + batch_size);
        if self.position == samples {
            self.position = 0;
            self.epoch += 1;
        }
    }

    /// Whether a run over `samples` an epoch can be here; says what is wrong.
    pub(super) fn check(&self, samples: usize) -> Result<(), String> {
        let Self {
            step,
            epoch,
            position,
            sums,
        } = *self;
        // Beyond, f64 cannot count, and an optimizer's factors come from f64.
        if step >= 1 << 53 {
            return Err(format!("it is at step {step}"));
        }
        // The kernel of the order takes it as a u32.
        if u32::try_from(epoch).is_err() {
            return Err(format!("it is in epoch {epoch}"));
        }
        if position >= samples {
            return Err(format!("it is at sample {position} of {samples}"));
        }
        let summed = sums.samples;
        let ended = position == 0 && (summed == 0.0 || summed == samples as f64);
        if !ended && summed != position as f64 {
            return Err(format!(
                "it is at sample {position}, but sums up {summed} samples"
            ));
        }
        Ok(())
    }
}
