//! Everything that training changes, as one serialisable value.

use serde::{Deserialize, Serialize};

use super::metrics::Sums;

/// Where a run stands: restoring it goes on bit for bit on the same adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainState {
    /// Parameters, one tensor per entry of the net's table, in PyTorch's order.
    pub parameters: Vec<Vec<f32>>,
    /// Adam's first moments, likewise.
    pub first_moments: Vec<Vec<f32>>,
    /// Adam's second moments, likewise.
    pub second_moments: Vec<Vec<f32>>,
    /// Steps taken: Adam's t.
    pub step: u64,
    /// Epochs finished.
    pub epoch: usize,
    /// Samples of the current epoch trained on: position in its permutation.
    pub position: usize,
    /// Sums over the steps of the current epoch, or of the last one where the next is yet to begin.
    pub sums: Sums,
    /// Keys the random streams.
    pub seed: u64,
}
