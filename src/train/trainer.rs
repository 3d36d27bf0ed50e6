//! The trainer, in the seed's words: `training_step`, `compute_loss_and_mae`, `evaluate`,
//! `train_loop`, `logs`.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::event::TrainEvent;
use super::metrics::{EpochMetrics, Metrics, Sums};
use super::options::TrainerOptions;
use super::programs::{Programs, shared_buffers};
use super::resident::{Permutation, ResidentDataset, ResidentSplit};
use super::session::Session;
use super::state::TrainState;
use crate::error::{Error, Result};
use crate::exec::{GpuProgram, Profile, Row, SharedBuffers, Submissions};
use crate::gpu::Gpu;
use crate::graph::Role;
use crate::kernels::Step;
use crate::nn::{Network, NetworkConfiguration, NetworkType, initial_parameters};

/// Which part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subset {
    /// The training set.
    Train,
    /// The test set.
    Test,
}

/// Trains one net on one data set.
///
/// ```
/// use gpu_train::data::house_digits;
/// use gpu_train::gpu::GpuOptions;
/// use gpu_train::nn::{NetworkConfiguration, NetworkType};
/// use gpu_train::train::{Session, Trainer, TrainerOptions};
///
/// # fn main() -> gpu_train::error::Result<()> {
/// let session = Session::open(&GpuOptions::default())?;
/// let data = session.upload_split(house_digits::generate(256, 64, 0)?)?;
/// let configuration = NetworkConfiguration::default_for(NetworkType::Cnn);
/// let options = TrainerOptions::default();
/// let mut trainer = Trainer::new(&session, data, NetworkType::Cnn, &configuration, options)?;
/// trainer.train_loop(2, |_event| Ok(()))?;
/// println!("test MAE {:.3}", trainer.logs()[1].test.mae);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Trainer<'s> {
    gpu: &'s Gpu,
    data: Arc<ResidentSplit>,
    network: Network,
    options: TrainerOptions,
    shared: SharedBuffers,
    submissions: Submissions<'s>,
    training: GpuProgram,
    /// Programs that evaluate, per [`Subset`].
    evaluation: [GpuProgram; 2],
    permutation: Permutation,
    step: u64,
    epoch: usize,
    position: usize,
    logs: Vec<EpochMetrics>,
}

impl<'s> Trainer<'s> {
    /// A trainer of the net that `configuration` describes, on `data`.
    ///
    /// Errors where an option makes no sense, a layer does not fit the images, or the net does not
    /// fit the adapter.
    pub fn new(
        session: &'s Session,
        data: Arc<ResidentSplit>,
        network: NetworkType,
        configuration: &NetworkConfiguration,
        options: TrainerOptions,
    ) -> Result<Self> {
        options.validate()?;
        let gpu = session.gpu();
        let network = Network::new(network, configuration, options.activation, data.train.shape)?;
        let programs = Programs::new(&network, &data, &options, gpu)?;
        programs.check(gpu)?;
        let shared = shared_buffers(gpu, network.parameters.padded_len())?;
        let [metrics, faults] = [Role::Metrics, Role::Faults].map(|role| shared[&role].clone());
        let seed = options.shuffle.then_some(options.seed);
        let with = |set: &ResidentDataset| {
            let resident = set.buffers().clone();
            resident.into_iter().chain(shared.clone()).collect()
        };
        let (on_train, on_test) = (with(&data.train), with(&data.test));
        let trainer = Self {
            submissions: Submissions::new(gpu, metrics, faults)?,
            training: GpuProgram::new(gpu, &programs.training, &on_train)?,
            evaluation: [
                GpuProgram::new(gpu, &programs.on_train, &on_train)?,
                GpuProgram::new(gpu, &programs.on_test, &on_test)?,
            ],
            permutation: Permutation::new(gpu, &data.train, seed)?,
            step: 0,
            epoch: 0,
            position: 0,
            logs: Vec::new(),
            gpu,
            data,
            network,
            options,
            shared,
        };
        let random = || initial_parameters(&trainer.network.parameters, trainer.options.seed);
        let initial = trainer.options.init.clone().unwrap_or_else(random);
        trainer.write(Role::Parameters, &initial)?;
        Ok(trainer)
    }

    /// The net.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Metrics of every epoch so far.
    pub fn logs(&self) -> &[EpochMetrics] {
        &self.logs
    }

    /// The parameters as they are now, one tensor per entry of the net's table.
    pub fn parameters(&self) -> Result<Vec<Vec<f32>>> {
        self.read(Role::Parameters)
    }

    /// The gradients of the last step, one tensor per entry of the net's table.
    pub fn gradients(&self) -> Result<Vec<Vec<f32>>> {
        self.read(Role::Gradients)
    }

    /// Everything that training changes.
    pub fn state(&self) -> Result<TrainState> {
        Ok(TrainState {
            parameters: self.read(Role::Parameters)?,
            first_moments: self.read(Role::FirstMoment)?,
            second_moments: self.read(Role::SecondMoment)?,
            step: self.step,
            epoch: self.epoch,
            position: self.position,
            seed: self.options.seed,
        })
    }

    /// Goes back (or on) to `state`, which must be of a net with the same parameters.
    pub fn restore(&mut self, state: &TrainState) -> Result<()> {
        self.write(Role::Parameters, &state.parameters)?;
        self.write(Role::FirstMoment, &state.first_moments)?;
        self.write(Role::SecondMoment, &state.second_moments)?;
        if state.seed != self.options.seed {
            self.options.seed = state.seed;
            let seed = self.options.shuffle.then_some(state.seed);
            self.permutation = Permutation::new(self.gpu, &self.data.train, seed)?;
        }
        self.step = state.step;
        self.epoch = state.epoch;
        self.position = state.position;
        self.permutation.run(self.gpu, self.epoch as u32);
        Ok(())
    }

    /// Trains on the next batch of the epoch; returns its metrics before the update.
    pub fn training_step(&mut self) -> Result<Metrics> {
        if self.position == 0 {
            self.permutation.run(self.gpu, self.epoch as u32);
        }
        let end = (self.position + self.options.batch_size).min(self.data.train.len());
        let metrics = self.train_range(self.position..end, |_| Ok(()))?;
        self.position = end;
        if end == self.data.train.len() {
            self.position = 0;
            self.epoch += 1;
        }
        Ok(metrics)
    }

    /// Times every dispatch of a few training steps; the trainer is afterwards what it was before.
    ///
    /// Errors where the adapter cannot time single dispatches.
    pub fn profile(&mut self) -> Result<Profile> {
        let before = self.state()?;
        let batch = self.options.batch_size.min(self.data.train.len());
        let step = batches(0..batch, batch).next().unwrap_or_default();
        let (step_size, second_correction) = self.options.adam.factors(self.options.lr, 1);
        let step = Step {
            step_size,
            second_correction,
            ..step
        };
        let profile = Profile::measure(self.gpu, &self.training, &step);
        self.restore(&before)?;
        profile
    }

    /// Metrics of the samples at positions `range` of `subset`, in its current order.
    ///
    /// Errors where the range is empty or ends past the data.
    pub fn compute_loss_and_mae(&mut self, subset: Subset, range: Range<usize>) -> Result<Metrics> {
        let set = match subset {
            Subset::Train => &self.data.train,
            Subset::Test => &self.data.test,
        };
        if range.is_empty() || range.end > set.len() {
            return Err(Error::usage(
                format!("samples {range:?} of {} make no batch", set.len()),
                "give a range within the data set",
            ));
        }
        let whole_targets = set.whole_targets;
        let mut sums = Sums::default();
        let steps = batches(range, self.options.batch_size);
        let program = &self.evaluation[usize::from(subset == Subset::Test)];
        self.submissions.run(program, steps, |row| {
            sums.add(&row);
            Ok(())
        })?;
        Ok(sums.means(whole_targets))
    }

    /// Metrics of all of `subset`.
    pub fn evaluate(&mut self, subset: Subset) -> Result<Metrics> {
        let len = match subset {
            Subset::Train => self.data.train.len(),
            Subset::Test => self.data.test.len(),
        };
        self.compute_loss_and_mae(subset, 0..len)
    }

    /// Trains up to epoch `epochs`, evaluating on the test set after each; `on_event` is told what
    /// happens, and may stop the loop with an error.
    ///
    /// Errors where the loss or a gradient stops being finite, naming the epoch.
    pub fn train_loop(
        &mut self,
        epochs: usize,
        mut on_event: impl FnMut(&TrainEvent) -> Result<()>,
    ) -> Result<()> {
        while self.epoch < epochs {
            let samples = self.data.train.len();
            on_event(&TrainEvent::EpochStarted {
                epoch: self.epoch + 1,
                epochs,
                samples,
            })?;
            let start = Instant::now();
            if self.position == 0 {
                self.permutation.run(self.gpu, self.epoch as u32);
            }
            let first = self.position;
            let train = self.train_range(first..samples, |progress| {
                let trained = first + progress.samples();
                on_event(&TrainEvent::Progress {
                    samples: trained,
                    metrics: progress.means(false),
                    samples_per_second: progress.samples() as f64 / start.elapsed().as_secs_f64(),
                })
            })?;
            let seconds = start.elapsed().as_secs_f64();
            self.position = 0;
            self.epoch += 1;
            let ended = EpochMetrics {
                epoch: self.epoch,
                train,
                test: self.evaluate(Subset::Test)?,
                lr: self.options.lr,
                seconds,
                samples_per_second: (samples - first) as f64 / seconds,
            };
            self.logs.push(ended.clone());
            on_event(&TrainEvent::EpochEnded(ended))?;
        }
        Ok(())
    }

    /// Trains on the samples at positions `range` of the epoch's order.
    fn train_range(
        &mut self,
        range: Range<usize>,
        mut progress: impl FnMut(&Sums) -> Result<()>,
    ) -> Result<Metrics> {
        let TrainerOptions { lr, adam, .. } = self.options;
        let epoch = self.epoch + 1;
        let mut taken = self.step;
        let mut sums = Sums::default();
        let steps = batches(range, self.options.batch_size).map(|step| {
            taken += 1;
            let (step_size, second_correction) = adam.factors(lr, taken);
            Step {
                step_size,
                second_correction,
                ..step
            }
        });
        let mut done = self.step;
        let result = self.submissions.run(&self.training, steps, |row| {
            done += 1;
            finite(&row, epoch, done, lr)?;
            sums.add(&row);
            progress(&sums)
        });
        self.step = done;
        result?;
        Ok(sums.means(self.data.train.whole_targets))
    }

    fn read(&self, role: Role) -> Result<Vec<Vec<f32>>> {
        let table = &self.network.parameters;
        let bytes = self
            .gpu
            .read(&self.shared[&role], 0, table.padded_len() as u64 * 4)?;
        Ok(table.unpack(&bytemuck::pod_collect_to_vec(&bytes)))
    }

    fn write(&self, role: Role, tensors: &[Vec<f32>]) -> Result<()> {
        let flat = self.network.parameters.pack(tensors);
        let bytes = bytemuck::cast_slice(&flat);
        self.gpu.write(&self.shared[&role], 0, bytes)
    }
}

/// Batches of positions `range`, the last one ragged.
fn batches(range: Range<usize>, batch_size: usize) -> impl Iterator<Item = Step> {
    let end = range.end;
    range.step_by(batch_size).map(move |start| Step {
        batch: batch_size.min(end - start) as u32,
        batch_start: start as u32,
        ..Step::default()
    })
}

/// Errors where the step's loss or a gradient is NaN or infinite.
fn finite(row: &Row, epoch: usize, step: u64, lr: f64) -> Result<()> {
    let loss = row.metrics[0] / row.metrics[3];
    let what = if !loss.is_finite() {
        format!("the loss became {loss} in epoch {epoch} (step {step})")
    } else if row.faults > 0 {
        let count = row.faults;
        format!("{count} gradients became NaN or infinite in epoch {epoch} (step {step})")
    } else {
        return Ok(());
    };
    Err(Error::Diverged {
        what,
        hint: format!("lower --lr (it is {lr}), or try --activation tanh"),
    })
}
