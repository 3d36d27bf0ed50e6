//! Everything that training changes, as one serialisable value.

use serde::{Deserialize, Serialize};

use super::metrics::Sums;
use super::selection::Selection;

/// Where a run stands: restoring it goes on bit for bit on the same adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainState {
    /// Parameters, one tensor per entry of the net's table, in PyTorch's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Vec<f32>>,
    /// What the optimizer keeps of every parameter, likewise, by its names.
    #[serde(skip)]
    pub slots: Vec<(&'static str, Vec<Vec<f32>>)>,
    /// Steps taken: the optimizer's t.
    pub step: u64,
    /// Epochs finished.
    pub epoch: usize,
    /// Samples of the current epoch trained on: position in its permutation.
    pub position: usize,
    /// Sums over the steps of the current epoch, or of the last one where the next is yet to begin.
    pub sums: Sums,
    /// Whether the epoch that ended last is yet to be evaluated.
    #[serde(default)]
    pub pending_evaluation: bool,
    /// What the losses so far have decided.
    #[serde(default)]
    pub selection: Selection,
    /// Keys the random streams.
    pub seed: u64,
}

impl TrainState {
    /// All of it but the tensors.
    pub(super) fn without_tensors(&self) -> Self {
        Self {
            parameters: Vec::new(),
            slots: Vec::new(),
            ..*self
        }
    }

    /// All tensors, with the names that files give them: the parameters, then the optimizer's slots.
    pub fn tensors(&self) -> impl Iterator<Item = (&'static str, &Vec<Vec<f32>>)> {
        let slots = self.slots.iter().map(|(name, tensors)| (*name, tensors));
        [("parameters", &self.parameters)].into_iter().chain(slots)
    }
}
