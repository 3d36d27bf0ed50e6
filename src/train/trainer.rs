//! The trainer, in the seed's words: `training_step`, `compute_loss_and_mae`, `evaluate`,
//! `train_loop`, `logs`.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::advance::Clock;
use super::metrics::{EpochMetrics, Metrics, Sums};
use super::moment::{Moment, check_parameters};
use super::options::TrainerOptions;
use super::order::{Order, batches, on_set, shuffle_seed};
use super::place::Place;
use super::plan::Plan;
use super::resident::{ResidentDataset, ResidentSplit, Subset};
use super::selection::{Best, Selection};
use super::session::Session;
use crate::error::{Error, Result};
use crate::exec::{Device, Executable, Profile, SharedBuffers, Submissions, Traffic};
use crate::graph::Role;
use crate::kernel::shards::SHARDS;
use crate::nn::{Network, NetworkConfiguration, NetworkType, Objective, initial_parameters};

/// Trains one net on one data set.
///
/// ```
/// use gpu_train::data::house_digits;
/// use gpu_train::{GpuOptions, Net, Session, Trainer};
///
/// # fn main() -> gpu_train::Result<()> {
/// let session = Session::open(&GpuOptions::default())?;
/// let data = session.upload_split(house_digits::generate(256, 64, 0)?)?;
/// let mut trainer = Trainer::builder(&session, data)
///     .net(Net::cnn([16, 32, 45]).dense([128]))
///     .lr(1e-3)
///     .build()?;
/// trainer.train_loop(2, |_event| Ok(()))?;
/// println!("test MAE {:.3}", trainer.logs()[1].test["mae"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Trainer<'s> {
    pub(super) device: &'s Device,
    pub(super) data: Arc<ResidentSplit>,
    pub(super) network: Network,
    pub(super) options: TrainerOptions,
    pub(super) plan: Plan,
    pub(super) shared: SharedBuffers,
    pub(super) submissions: Submissions<'s>,
    pub(super) training: Executable,
    /// [`Plan::in_halves`], once it was asked for.
    pub(super) in_halves: Option<Executable>,
    on_train: Executable,
    pub(super) on_test: Executable,
    on_valid: Option<Executable>,
    /// Of the training set; the test set keeps its own.
    pub(super) order: Order,
    pub(super) place: Place,
    pub(super) clock: Clock,
    /// Whether the last epoch was trained by the loop, but not evaluated: it was interrupted.
    pub(super) pending_evaluation: bool,
    pub(super) selection: Selection,
    pub(super) logs: Vec<EpochMetrics>,
    /// Whether the programs have run: the driver has compiled their shaders.
    pub(super) compiled: bool,
}

/// The program that measures on `subset`.
///
/// Errors where the plan has none.
fn evaluation(
    device: &Device,
    plan: &Plan,
    subset: Subset,
    buffers: &SharedBuffers,
) -> Result<Executable> {
    let program = plan.evaluation(subset).ok_or_else(|| {
        let what = format!("there is no program for the {} set", subset.name());
        Error::usage(what, "this is a bug in gpu-train; please report it")
    })?;
    Executable::new(device, program, buffers)
}

impl<'s> Trainer<'s> {
    /// A trainer of the net that `configuration` describes, on `data`.
    ///
    /// Errors where an option makes no sense, a layer does not fit the images, initial weights do
    /// not fit the net, or the net does not fit the adapter.
    pub fn new(
        session: &'s Session,
        data: Arc<ResidentSplit>,
        network: NetworkType,
        configuration: &NetworkConfiguration,
        options: TrainerOptions,
    ) -> Result<Self> {
        let image = data.train().shape();
        let network = Network::new(network, configuration, options.activation, image)?;
        Self::of(session, data, network, options)
    }

    /// A trainer of `network`, which may be one of your own layers, on `data`;
    /// [`TrainerOptions::activation`] is not read.
    ///
    /// Errors as [`Trainer::new`].
    pub fn of(
        session: &'s Session,
        data: Arc<ResidentSplit>,
        network: Network,
        options: TrainerOptions,
    ) -> Result<Self> {
        options.validate()?;
        let device = session.device();
        let (train, test) = (data.train(), data.test());
        network.check(train.shape(), options.objective.outputs())?;
        for set in [train, test].into_iter().chain(data.valid()) {
            set.check(&*options.objective)?;
        }
        let plan = Plan::new(&network, &data.layout(), &options, device.target())?;
        plan.check(&device.target().limits)?;
        if !device.ranks().is_alone() && !plan.has_shards() {
            return Err(Error::usage(
                "ranks share a batch by its shards, and this training has but one",
                format!(
                    "give `shards` {SHARDS}; a run that began without goes on as a single process"
                ),
            ));
        }
        let initial = match &options.init {
            Some(tensors) => tensors.clone(),
            None => initial_parameters(&network.parameters, options.seed),
        };
        network.parameters.check(&initial)?;
        let shared = plan.allocate(device)?;
        let [metrics, faults] = [Role::Metrics, Role::Faults].map(|role| shared[&role].clone());
        let order = Order::new(device, train.len(), shuffle_seed(&options))?;
        let on_train = on_set(&shared, train, &order);
        let in_file_order = |set: &ResidentDataset| -> Result<SharedBuffers> {
            Ok(on_set(&shared, set, &Order::new(device, set.len(), None)?))
        };
        let evaluate = |subset, buffers: &SharedBuffers| evaluation(device, &plan, subset, buffers);
        let on_valid = data.valid().map(in_file_order).transpose()?;
        let on_valid = on_valid.map(|buffers| evaluate(Subset::Valid, &buffers));
        let trainer = Self {
            submissions: Submissions::new(device, metrics, faults)?,
            training: Executable::new(device, plan.training(), &on_train)?,
            in_halves: None,
            on_train: evaluate(Subset::Train, &on_train)?,
            on_test: evaluate(Subset::Test, &in_file_order(test)?)?,
            on_valid: on_valid.transpose()?,
            order,
            place: Place::default(),
            clock: Clock::default(),
            pending_evaluation: false,
            selection: Selection::default(),
            logs: Vec::new(),
            compiled: false,
            device,
            data,
            network,
            options,
            plan,
            shared,
        };
        trainer.write(Role::Parameters, &initial)?;
        Ok(trainer)
    }

    /// Plans training steps anew, after another seed has come to key what they draw.
    pub(super) fn replan(&mut self) -> Result<()> {
        let Self { device, data, .. } = self;
        self.plan = Plan::new(
            &self.network,
            &data.layout(),
            &self.options,
            device.target(),
        )?;
        let buffers = on_set(&self.shared, data.train(), &self.order);
        self.training = Executable::new(device, self.plan.training(), &buffers)?;
        self.in_halves = None;
        Ok(())
    }

    /// Makes the program ready between whose halves something may happen.
    pub(super) fn prepare_halves(&mut self) -> Result<()> {
        if self.in_halves.is_some() {
            return Ok(());
        }
        let target = self.device.target();
        let program = self.plan.in_halves(&self.network, &self.options, target)?;
        let mut buffers = on_set(&self.shared, self.data.train(), &self.order);
        // Scratch was made for the other programs, whose slots may be shorter.
        buffers.retain(|role, buffer| buffer.size() >= 4 * program.len_of(*role) as u64);
        self.in_halves = Some(Executable::new(self.device, &program, &buffers)?);
        Ok(())
    }

    /// The net.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// What it is trained for.
    pub fn objective(&self) -> Arc<dyn Objective> {
        Arc::clone(&self.options.objective)
    }

    /// Whether there is a validation set.
    pub fn validates(&self) -> bool {
        self.data.valid().is_some()
    }

    /// Metrics of every epoch so far.
    pub fn logs(&self) -> &[EpochMetrics] {
        &self.logs
    }

    /// What went to the GPU so far: nothing else is waited for while an epoch runs.
    pub fn traffic(&self) -> Traffic {
        self.submissions.traffic()
    }

    /// The parameters as they are now, one tensor per entry of the net's table.
    pub fn parameters(&self) -> Result<Vec<Vec<f32>>> {
        self.read(Role::Parameters)
    }

    /// The same; errors where one of them is NaN or infinite, naming it and the epoch.
    pub fn finite_parameters(&self) -> Result<Vec<Vec<f32>>> {
        let tensors = self.parameters()?;
        check_parameters(&self.network.parameters, &tensors, &self.last_moment())?;
        Ok(tensors)
    }

    /// The gradients of the last step, one tensor per trained entry of the net's table.
    pub fn gradients(&self) -> Result<Vec<Vec<f32>>> {
        self.read(Role::Gradients)
    }

    /// The epoch with the lowest validation loss, where there is a validation set.
    pub fn best(&self) -> Option<Best> {
        self.selection.best
    }

    /// Whether the parameters are of a later step than the last epoch that was evaluated.
    pub fn is_ahead_of_logs(&self) -> bool {
        self.place.epoch > self.logs.len() || self.place.position > 0
    }

    /// What the current epoch took so far.
    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// What the net should predict for the test set.
    pub(crate) fn test_targets(&self) -> Result<Vec<f32>> {
        self.data.test().targets(self.device)
    }

    /// Where the trainer stands, in words.
    pub(crate) fn standing(&self) -> String {
        let Place {
            step,
            epoch,
            position,
            ..
        } = self.place;
        match position {
            0 => format!("epoch {epoch} (step {step})"),
            _ => format!("sample {position} of epoch {} (step {step})", epoch + 1),
        }
    }

    /// Times every dispatch of a few training steps; the trainer is afterwards what it was before.
    ///
    /// Errors where the adapter cannot time single dispatches.
    pub fn profile(&mut self) -> Result<Profile> {
        let before = self.state()?;
        let batch = self.options.batch_size.min(self.data.train().len());
        let step = batches(0..batch, batch).next().unwrap_or_default();
        let step = self.options.optimizer.step(step, self.options.lr, 1);
        let profile = Profile::measure(self.device, &self.training, &step);
        self.restore(&before)?;
        profile
    }

    /// Metrics of the samples at positions `range` of `subset`, in its current order.
    ///
    /// Errors where the range is empty or ends past the data.
    pub fn compute_loss_and_mae(&mut self, subset: Subset, range: Range<usize>) -> Result<Metrics> {
        let flow = self.measure(subset, range, || false)?;
        Ok(match flow {
            ControlFlow::Continue(metrics) | ControlFlow::Break(metrics) => metrics,
        })
    }

    /// The same, of the batches before `pause` asked to stop.
    pub(super) fn measure(
        &mut self,
        subset: Subset,
        range: Range<usize>,
        mut pause: impl FnMut() -> bool,
    ) -> Result<ControlFlow<Metrics, Metrics>> {
        let set = self.subset(subset)?;
        if range.is_empty() || range.end > set.len() {
            return Err(Error::usage(
                format!("samples {range:?} of {} make no batch", set.len()),
                "give a range within the data set",
            ));
        }
        let targets = *set.statistics();
        let mut sums = Sums::default();
        let steps = batches(range, self.options.batch_size);
        let program = match (subset, &self.on_valid) {
            (Subset::Valid, Some(on_valid)) => on_valid,
            (Subset::Train, _) => &self.on_train,
            _ => &self.on_test,
        };
        let flow = self.submissions.run(program, steps, |row| {
            sums.add(&row);
            if pause() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        let metrics = sums.means(&*self.options.objective, Some(&targets));
        Ok(match flow {
            ControlFlow::Break(()) => ControlFlow::Break(metrics),
            ControlFlow::Continue(()) => ControlFlow::Continue(metrics),
        })
    }

    /// The metrics of `sums` over samples of `set`.
    pub(super) fn means(&self, sums: &Sums, set: &ResidentDataset) -> Metrics {
        sums.means(&*self.options.objective, Some(set.statistics()))
    }

    /// Metrics of all of `subset`.
    pub fn evaluate(&mut self, subset: Subset) -> Result<Metrics> {
        let len = self.subset(subset)?.len();
        self.compute_loss_and_mae(subset, 0..len)
    }

    pub(super) fn subset(&self, subset: Subset) -> Result<&ResidentDataset> {
        match subset {
            Subset::Train => Ok(self.data.train()),
            Subset::Test => Ok(self.data.test()),
            Subset::Valid => self.data.valid().ok_or_else(|| {
                Error::usage(
                    "there is no validation set",
                    "hold one out with `valid_fraction` 0.1",
                )
            }),
        }
    }

    /// The program that evaluates on `subset`, which is there.
    pub(super) fn program(&self, subset: Subset) -> &Executable {
        match (subset, &self.on_valid) {
            (Subset::Valid, Some(on_valid)) => on_valid,
            (Subset::Train, _) => &self.on_train,
            _ => &self.on_test,
        }
    }

    /// The last step, for errors about what it left.
    pub(super) fn last_moment(&self) -> Moment {
        let Place {
            step,
            epoch,
            position,
            ..
        } = self.place;
        Moment {
            epoch: epoch + usize::from(position > 0),
            step,
            lr: self.options.lr,
        }
    }
}
