//! What a head's kernel is told: its layers, and where it leaves what it computes.

use crate::activation::Activation;
use crate::kernel::limits::aligned;
use crate::shape::{QUAD, padded};

/// Most layers.
pub const LAYERS: usize = 3;
/// Samples of a workgroup: with two, 64 of them take a batch of 128.
pub(super) const ROWS: usize = 2;
/// Quads of [`ROWS`] samples in all layers together.
pub(super) const VALUES: usize = 512;

/// The layers of a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Features of the input and of every layer's output, unpadded.
    pub features: Vec<usize>,
    /// Float at which each layer's weight begins; its bias lies behind it.
    pub weights: Vec<usize>,
    /// Activation of all but the last layer.
    pub activation: Activation,
    /// Whether the input comes from that activation too.
    pub is_activated: bool,
    /// Partial sums that the input comes in, without bias and activation, for a whole batch each; its bias is then
    /// the first of all weights. 0 where it is whole.
    pub splits: usize,
}

/// Where a head leaves its results, in floats from the start of its tape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tape {
    /// Of the input, where it is made of partial sums, and of each layer.
    pub outputs: Vec<usize>,
    /// By the input, and by the sums of each layer.
    pub gradients: Vec<usize>,
    /// Floats in all.
    pub len: usize,
}

impl Shape {
    /// Whether the kernel can do it.
    pub fn is_served(&self) -> bool {
        let quads = self.features.iter().map(|it| padded(*it) / QUAD);
        let layers = self.weights.len();
        let narrow = quads.clone().all(|it| it <= VALUES / QUAD);
        (1..=LAYERS).contains(&layers) && narrow && ROWS * quads.sum::<usize>() <= VALUES
    }

    /// The tape for batches of up to `capacity` samples.
    pub fn tape(&self, capacity: usize) -> Tape {
        let mut len = 0;
        let mut place = |features: &usize| {
            let at = len;
            len += aligned(capacity * padded(*features));
            at
        };
        Tape {
            outputs: self.features.iter().map(&mut place).collect(),
            gradients: self.features.iter().map(&mut place).collect(),
            len,
        }
    }
}
