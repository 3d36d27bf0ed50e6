//! The trainer, in the seed's words: `training_step`, `compute_loss_and_mae`, `evaluate`,
//! `train_loop`, `logs`.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::advance::Clock;
use super::checkpoint::Checkpoint;
use super::metrics::{EpochMetrics, Metrics, Sums};
use super::options::TrainerOptions;
use super::order::{Order, batches, on_set, shuffle_seed};
use super::place::Place;
use super::plan::Plan;
use super::resident::{ResidentDataset, ResidentSplit, Subset};
use super::selection::Selection;
use super::session::Session;
use super::state::TrainState;
use super::task::{Moment, Task, check_parameters};
use crate::error::{Error, Result};
use crate::exec::{Device, Executable, Profile, SharedBuffers, Submissions, Traffic};
use crate::graph::{ParameterTable, Role};
use crate::nn::{Network, NetworkConfiguration, NetworkType, initial_parameters};

/// Trains one net on one data set.
///
/// ```
/// use gpu_train::data::house_digits;
/// use gpu_train::{Net, Session, Trainer};
///
/// # fn main() -> gpu_train::Result<()> {
/// let session = Session::open(&Default::default())?;
/// let data = session.upload_split(house_digits::generate(256, 64, 0)?)?;
/// let mut trainer = Trainer::builder(&session, data)
///     .net(Net::cnn([16, 32, 45]).dense([128]))
///     .lr(1e-3)
///     .build()?;
/// trainer.train_loop(2, |_event| Ok(()))?;
/// println!("test MAE {:.3}", trainer.logs()[1].test.mae);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Trainer<'s> {
    pub(super) device: &'s Device,
    pub(super) task: Task,
    pub(super) data: Arc<ResidentSplit>,
    network: Network,
    pub(super) options: TrainerOptions,
    pub(super) plan: Plan,
    pub(super) shared: SharedBuffers,
    pub(super) submissions: Submissions<'s>,
    pub(super) training: Executable,
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
        if network.input.elements() != train.shape().elements() {
            let (reads, given) = (network.input, train.shape());
            return Err(Error::usage(
                format!("the net reads samples of {reads}, and the images are of {given}"),
                "build the net for the shape of the images",
            ));
        }
        let plan = Plan::new(&network, &data.layout(), &options, device.target())?;
        plan.check(&device.target().limits)?;
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
            on_train: evaluate(Subset::Train, &on_train)?,
            on_test: evaluate(Subset::Test, &in_file_order(test)?)?,
            on_valid: on_valid.transpose()?,
            order,
            place: Place::default(),
            clock: Clock::default(),
            pending_evaluation: false,
            selection: Selection::default(),
            logs: Vec::new(),
            device,
            task: Task::Regression,
            data,
            network,
            options,
            plan,
            shared,
        };
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

    /// The gradients of the last step, one tensor per entry of the net's table.
    pub fn gradients(&self) -> Result<Vec<Vec<f32>>> {
        self.read(Role::Gradients)
    }

    /// Everything that training changes.
    pub fn state(&self) -> Result<TrainState> {
        let slots = self.options.optimizer.slots().iter().enumerate();
        let slots = slots.map(|(slot, name)| Ok((*name, self.read(Role::Slot(slot as u8))?)));
        Ok(TrainState {
            parameters: self.read(Role::Parameters)?,
            slots: slots.collect::<Result<_>>()?,
            step: self.place.step,
            epoch: self.place.epoch,
            position: self.place.position,
            sums: self.place.sums,
            pending_evaluation: self.pending_evaluation,
            selection: self.selection,
            seed: self.options.seed,
        })
    }

    /// Goes back (or on) to `state`.
    ///
    /// Errors, changing nothing, where it is of another net, of another optimizer or of a data set of
    /// another size.
    pub fn restore(&mut self, state: &TrainState) -> Result<()> {
        let slots: Vec<&str> = state.slots.iter().map(|it| it.0).collect();
        if slots != self.options.optimizer.slots() {
            let name = self.options.optimizer.name();
            return Err(Error::usage(
                format!("a state with {slots:?} is none of the optimizer {name}"),
                "restore the state of a trainer with the same optimizer",
            ));
        }
        self.network.parameters.check(&state.parameters)?;
        let trained = self.network.parameters.trained();
        for (_, tensors) in &state.slots {
            trained.check(tensors)?;
        }
        let place = Place {
            step: state.step,
            epoch: state.epoch,
            position: state.position,
            sums: state.sums,
        };
        place.check(self.data.train().len()).map_err(|what| {
            Error::usage(
                format!("this is no state of a training on these data: {what}"),
                "restore the state of a trainer of the same net and data set",
            )
        })?;
        self.write(Role::Parameters, &state.parameters)?;
        for (slot, (_, tensors)) in state.slots.iter().enumerate() {
            self.write(Role::Slot(slot as u8), tensors)?;
        }
        if state.seed != self.options.seed {
            self.options.seed = state.seed;
            self.order.rekey(self.device, shuffle_seed(&self.options))?;
        }
        self.place = place;
        self.clock = Clock::default();
        self.pending_evaluation = state.pending_evaluation;
        self.selection = state.selection;
        self.order.write(self.device, place.epoch);
        Ok(())
    }

    /// Goes on where `checkpoint` stands, which is of the same net and data.
    pub(super) fn resume(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        self.restore(&checkpoint.state)?;
        self.logs.clone_from(&checkpoint.logs);
        self.clock = checkpoint.clock;
        Ok(())
    }

    /// Errors where anything in `state`, the trainer's own, is NaN or infinite, naming it.
    pub(super) fn check_finite(&self, state: &TrainState) -> Result<()> {
        match self.not_finite(state) {
            None => Ok(()),
            Some(tensor) => {
                let at = self.last_moment();
                Err(at.diverged(format!("{tensor} became NaN or infinite in {at}")))
            }
        }
    }

    /// The first tensor of `state` that holds a value that is not finite.
    pub(super) fn not_finite(&self, state: &TrainState) -> Option<String> {
        let (all, trained) = (&self.network.parameters, self.network.parameters.trained());
        let mut tensors = state.tensors().flat_map(|(role, tensors)| {
            let table = if role == "parameters" { all } else { &trained };
            let named = table.iter().zip(tensors);
            named.map(move |(parameter, tensor)| (role, &parameter.name, tensor))
        });
        let finite = |tensor: &Vec<f32>| tensor.iter().all(|it| it.is_finite());
        let (role, name, _) = tensors.find(|(.., tensor)| !finite(tensor))?;
        Some(match role {
            "parameters" => name.clone(),
            slot => format!("the optimizer's {} of {name}", slot.replace('_', " ")),
        })
    }

    /// Where the trainer stands, in words.
    pub(super) fn standing(&self) -> String {
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
        let whole_targets = set.whole_targets();
        let mut sums = Sums::default();
        let steps = batches(range, self.options.batch_size);
        let mut paused = false;
        let program = match (subset, &self.on_valid) {
            (Subset::Valid, Some(on_valid)) => on_valid,
            (Subset::Train, _) => &self.on_train,
            _ => &self.on_test,
        };
        self.submissions.run(program, steps, |row| {
            sums.add(&row);
            paused = paused || pause();
            if paused {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        let metrics = sums.means(whole_targets);
        Ok(if paused {
            ControlFlow::Break(metrics)
        } else {
            ControlFlow::Continue(metrics)
        })
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
                    "hold one out with --valid-fraction 0.1",
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

    /// What the device holds in `role`: parameters with their statistics, or what lies as they do.
    fn read(&self, role: Role) -> Result<Vec<Vec<f32>>> {
        let floats = |role, len: usize| -> Result<Vec<f32>> {
            if len == 0 {
                return Ok(Vec::new());
            }
            let bytes = self.device.read(&self.shared[&role], 0, len as u64 * 4)?;
            Ok(bytemuck::pod_collect_to_vec(&bytes))
        };
        let table = self.table(role);
        let trained = floats(role, table.padded_len())?;
        let statistics = floats(Role::Statistics, table.statistics_len())?;
        Ok(table.unpack([&trained, &statistics]))
    }

    fn write(&self, role: Role, tensors: &[Vec<f32>]) -> Result<()> {
        let [trained, statistics] = self.table(role).pack(tensors);
        for (role, flat) in [(role, trained), (Role::Statistics, statistics)] {
            if !flat.is_empty() {
                let bytes = bytemuck::cast_slice(&flat);
                self.device.write(&self.shared[&role], 0, bytes)?;
            }
        }
        Ok(())
    }

    fn table(&self, role: Role) -> Cow<'_, ParameterTable> {
        match role {
            Role::Parameters => Cow::Borrowed(&self.network.parameters),
            _ => Cow::Owned(self.network.parameters.trained()),
        }
    }
}
