//! How much GPU memory a trainer needs, known before anything is allocated.

use super::options::TrainerOptions;
use super::programs::Programs;
use super::resident::ResidentSplit;
use super::session::Session;
use crate::error::Result;
use crate::graph::Program;
use crate::nn::Network;

/// Bytes of GPU memory by use, and dispatches per step.
#[derive(Debug, Clone)]
pub struct MemoryNeed {
    /// Resident images, targets and orders.
    pub data: u64,
    /// Parameters, gradients and both moments.
    pub parameters: u64,
    /// Activations, their gradients and partial sums of a training step.
    pub training: u64,
    /// Activations of the evaluations.
    pub evaluation: u64,
    /// Length of the longest binding.
    pub largest_binding: u64,
    /// The program of a training step.
    pub program: Program,
}

impl MemoryNeed {
    /// The need of a trainer of `network` on `data`.
    pub fn of(
        session: &Session,
        data: &ResidentSplit,
        network: &Network,
        options: &TrainerOptions,
    ) -> Result<Self> {
        let programs = Programs::new(network, data, options, session.gpu())?;
        let sets = [&data.train, &data.test].map(|set| {
            let words = (0..set.layout.parts()).map(|part| set.layout.part_words(part));
            (words.sum::<usize>() + 2 * set.len()) as u64 * 4
        });
        let slices = programs.training.dispatches.iter();
        let largest = slices
            .flat_map(|it| it.slices.iter().map(|slice| slice.len))
            .max();
        Ok(Self {
            data: sets.iter().sum(),
            parameters: network.parameters.padded_len() as u64 * 16,
            training: programs.training.scratch_bytes(),
            evaluation: programs.on_train.scratch_bytes() + programs.on_test.scratch_bytes(),
            largest_binding: largest.unwrap_or(0) as u64 * 4,
            program: programs.training,
        })
    }

    /// All of it.
    pub fn total(&self) -> u64 {
        self.data + self.parameters + self.training + self.evaluation
    }
}
