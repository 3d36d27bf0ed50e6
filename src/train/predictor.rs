//! Predictions: of a trainer's own net, and of a trained net without a trainer.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::metrics::{Metrics, Sums};
use super::options::{check_shards, compiled_for};
use super::order::{Order, batches};
use super::plan::constants;
use super::resident::ResidentDataset;
use super::session::Session;
use super::trainer::Trainer;
use crate::error::{Error, Result};
use crate::exec::{Buffer, Device, Executable, Kept, MAX_STEPS, SharedBuffers, Submissions};
use crate::graph::Role;
use crate::kernel::tuning::Tuning;
use crate::nn::{Network, ProgramOptions, evaluation_program};
use crate::ops::loss::{Objective, ROW, Regression};
use crate::shape::padded;

/// How to predict. With the options of a training, sums round as its evaluation's do.
#[derive(Debug, Clone)]
pub struct PredictorOptions {
    /// Images that are predicted at once, from 1 to 2^20.
    pub batch_size: usize,
    /// Whether operations are fused.
    pub fuse: bool,
    /// What the net was trained for, and what is measured.
    pub objective: Arc<dyn Objective>,
    /// Parts in which an adapter computes a batch: 1 or 8.
    pub shards: usize,
    /// Tiles measured on this adapter, instead of the kernels' defaults.
    pub tuning: Option<Arc<Tuning>>,
}

impl Default for PredictorOptions {
    fn default() -> Self {
        Self {
            batch_size: 128,
            fuse: true,
            objective: Arc::new(Regression::default()),
            shards: 1,
            tuning: None,
        }
    }
}

/// What a net predicts for a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// As many per image as the net has outputs, in file order; numbers are the targets' own.
    pub values: Vec<f32>,
    /// How far they are from the data set's targets.
    pub metrics: Metrics,
}

/// A trained net on a device.
#[derive(Debug)]
pub struct Predictor<'s> {
    device: &'s Device,
    network: Network,
    options: PredictorOptions,
    /// Parameters, and statistics where the net has any.
    parameters: SharedBuffers,
}

impl<'s> Predictor<'s> {
    /// `network` with the weights `tensors`, one per entry of its table in PyTorch's order.
    ///
    /// Errors where the tensors do not fit the net, naming the first, or the batch size is none.
    pub fn new(
        session: &'s Session,
        network: Network,
        tensors: &[Vec<f32>],
        options: PredictorOptions,
    ) -> Result<Self> {
        if !(1..=1 << 20).contains(&options.batch_size) {
            let size = options.batch_size;
            let what = format!("a batch size of {size} is not from 1 to 1048576");
            return Err(Error::usage(what, "try `batch_size` 128"));
        }
        check_shards(options.shards)?;
        network.parameters.check(tensors)?;
        let device = session.device();
        let roles = [Role::Parameters, Role::Statistics];
        let flats = roles.into_iter().zip(network.parameters.pack(tensors));
        let mut parameters = SharedBuffers::new();
        for (role, flat) in flats.filter(|(_, flat)| !flat.is_empty()) {
            let buffer = device.storage(&role.to_string(), flat.len() as u64 * 4)?;
            device.write(&buffer, 0, bytemuck::cast_slice(&flat))?;
            parameters.insert(role, buffer);
        }
        Ok(Self {
            device,
            network,
            options,
            parameters,
        })
    }

    /// The net.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Predicts all of `set` as a trainer of the same options evaluates it: the same metrics, bit for
    /// bit.
    ///
    /// Errors where the images are not of the net's shape, or the adapter has no room.
    pub fn evaluate(&self, set: &ResidentDataset) -> Result<Predictions> {
        self.run(set, self.options.batch_size.min(set.len()))
    }

    /// Predicts all of `set` with kernels chosen for full batches: what is predicted for an image
    /// does not depend on how many come with it.
    ///
    /// Errors as [`Predictor::evaluate`] does.
    pub fn predict(&self, set: &ResidentDataset) -> Result<Vec<f32>> {
        let predictions = self.run(set, self.options.batch_size)?;
        Ok(predictions.values)
    }

    fn run(&self, set: &ResidentDataset, capacity: usize) -> Result<Predictions> {
        let objective = &self.options.objective;
        self.network.check(set.shape(), objective.outputs())?;
        set.check(&**objective)?;
        let PredictorOptions { shards, tuning, .. } = &self.options;
        let target = self.device.target();
        let options = ProgramOptions {
            objective: Arc::clone(objective),
            capacity,
            rows: MAX_STEPS,
            target: compiled_for(target, *shards, tuning.as_ref(), capacity),
            fuse: self.options.fuse,
        };
        let program = evaluation_program(&self.network, &set.layout(), &options)?;
        let new = |role: Role, floats: usize| {
            let buffer = self.device.storage(&role.to_string(), floats as u64 * 4)?;
            Ok((role, buffer))
        };
        let mut shared = set.buffers().clone();
        let order = Order::new(self.device, set.len(), None)?;
        shared.insert(Role::Order, order.buffer().clone());
        shared.extend(self.parameters.clone());
        let predictions = program.len_of(Role::Predictions);
        shared.extend([
            new(Role::Predictions, predictions)?,
            new(Role::Metrics, MAX_STEPS * ROW)?,
            new(Role::Faults, MAX_STEPS)?,
        ]);
        shared.extend(constants(self.device, &objective.constants())?);
        let program = Executable::new(self.device, &program, &shared)?;
        let [metrics, faults] = [Role::Metrics, Role::Faults].map(|role| shared[&role].clone());
        let mut submissions = Submissions::new(self.device, metrics, faults)?;
        let (values, sums) = collect(
            self.device,
            &mut submissions,
            &program,
            &shared[&Role::Predictions],
            self.network.outputs(),
            set.len(),
            self.options.batch_size,
        )?;
        Ok(Predictions {
            values: targets_of(values, &**objective),
            metrics: sums.means(&**objective, Some(set.statistics())),
        })
    }
}

impl Trainer<'_> {
    /// What the net, as it is now, predicts for the test set, in file order.
    pub fn predict_test(&mut self) -> Result<Predictions> {
        let test = self.data.test();
        let (values, sums) = collect(
            self.device,
            &mut self.submissions,
            &self.on_test,
            &self.shared[&Role::Predictions],
            self.network.outputs(),
            test.len(),
            self.options.batch_size,
        )?;
        Ok(Predictions {
            values: targets_of(values, &*self.options.objective),
            metrics: self.means(&sums, self.data.test()),
        })
    }
}

/// The targets that `outputs` of a net for `objective` stand for.
fn targets_of(outputs: Vec<f32>, objective: &dyn Objective) -> Vec<f32> {
    let scale = objective.target_scale();
    outputs.into_iter().map(|it| scale.target(it)).collect()
}

/// Runs an evaluation program over `count` samples in file order. `batch` is its buffer of
/// [`Role::Predictions`], of so many `outputs` per sample.
fn collect(
    device: &Device,
    submissions: &mut Submissions<'_>,
    program: &Executable,
    batch: &Buffer,
    outputs: usize,
    count: usize,
    batch_size: usize,
) -> Result<(Vec<f32>, Sums)> {
    let sample_bytes = padded(outputs) as u64 * 4;
    let bytes = count as u64 * sample_bytes;
    let all = device.storage("all predictions", bytes)?;
    let kept = Kept {
        from: batch,
        to: &all,
        sample_bytes,
    };
    let mut sums = Sums::default();
    let steps = batches(0..count, batch_size);
    let _ = submissions.run_keeping(program, steps, Some(&kept), |row| {
        sums.add(&row);
        ControlFlow::Continue(())
    })?;
    let all: Vec<f32> = bytemuck::pod_collect_to_vec(&device.read(&all, 0, bytes)?);
    let samples = all.chunks_exact(padded(outputs));
    let values = samples.flat_map(|sample| &sample[..outputs]);
    Ok((values.copied().collect(), sums))
}
