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
    /// Adam's first moments, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_moments: Vec<Vec<f32>>,
    /// Adam's second moments, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub second_moments: Vec<Vec<f32>>,
    /// Steps taken: Adam's t.
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
            first_moments: Vec::new(),
            second_moments: Vec::new(),
            ..*self
        }
    }

    /// All tensors: parameters, first moments, second moments, with the names that files give them.
    pub(super) fn tensors(&self) -> [(&'static str, &Vec<Vec<f32>>); 3] {
        [
            ("parameters", &self.parameters),
            ("first_moments", &self.first_moments),
            ("second_moments", &self.second_moments),
        ]
    }
}
