//! The programs of a trainer, and the buffers that they share.

use super::options::TrainerOptions;
use super::resident::ResidentSplit;
use crate::error::Result;
use crate::exec::{MAX_STEPS, SharedBuffers};
use crate::gpu::Gpu;
use crate::graph::{Program, Role};
use crate::kernels::mse_loss::METRICS;
use crate::nn::{Network, ProgramOptions, evaluation_program, training_program};

/// The programs of a trainer, before anything is allocated for them.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) training: Program,
    pub(super) on_train: Program,
    pub(super) on_test: Program,
}

impl Programs {
    pub(super) fn new(
        network: &Network,
        data: &ResidentSplit,
        options: &TrainerOptions,
        gpu: &Gpu,
    ) -> Result<Self> {
        let for_samples = |samples: usize| ProgramOptions {
            capacity: options.batch_size.min(samples),
            rows: MAX_STEPS,
            target: *gpu.target(),
            fuse: options.fuse,
        };
        let (train, test) = (&data.train, &data.test);
        let (on_train, on_test) = (for_samples(train.len()), for_samples(test.len()));
        Ok(Self {
            training: training_program(network, &train.layout, &on_train, &options.adam)?,
            on_train: evaluation_program(network, &train.layout, &on_train)?,
            on_test: evaluation_program(network, &test.layout, &on_test)?,
        })
    }

    pub(super) fn check(&self, gpu: &Gpu) -> Result<()> {
        let limits = &gpu.target().limits;
        self.training.check(limits)?;
        self.on_train.check(limits)?;
        self.on_test.check(limits)
    }
}

/// Parameters, gradients, moments and metrics: what the programs of one trainer share.
pub(super) fn shared_buffers(gpu: &Gpu, len: usize) -> Result<SharedBuffers> {
    let flat = len as u64 * 4;
    let roles = [
        (Role::Parameters, flat),
        (Role::Gradients, flat),
        (Role::FirstMoment, flat),
        (Role::SecondMoment, flat),
        (Role::Metrics, (MAX_STEPS * METRICS * 4) as u64),
        (Role::Faults, (MAX_STEPS * 4) as u64),
    ];
    roles
        .into_iter()
        .map(|(role, bytes)| Ok((role, gpu.storage(&role.to_string(), bytes)?)))
        .collect()
}
