//! Everything that training changes, as one serialisable value.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::advance::Clock;
use super::metrics::{EpochMetrics, Sums};
use super::order::shuffle_seed;
use super::place::Place;
use super::selection::Selection;
use super::trainer::Trainer;
use crate::error::{Error, Result};
use crate::graph::{ParameterTable, Role};

/// Where a run stands: restoring it goes on bit for bit on the same adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainState {
    /// Parameters, one tensor per entry of the net's table, in PyTorch's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Vec<f32>>,
    /// What the optimizer keeps of every parameter, likewise, by its names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<(Cow<'static, str>, Vec<Vec<f32>>)>,
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
    /// Seed of the random streams.
    pub seed: u64,
}

impl TrainState {
    /// All of it but the tensors.
    pub(crate) fn without_tensors(&self) -> Self {
        Self {
            parameters: Vec::new(),
            slots: Vec::new(),
            ..*self
        }
    }

    /// All tensors, with the names that files give them: the parameters, then the optimizer's slots.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Vec<Vec<f32>>)> {
        let slots = self.slots.iter().map(|(name, tensors)| (&**name, tensors));
        [("parameters", &self.parameters)].into_iter().chain(slots)
    }
}

impl Trainer<'_> {
    /// Everything that training changes.
    pub fn state(&self) -> Result<TrainState> {
        let slots = self.options.optimizer.slots().iter().enumerate();
        let slots = slots
            .map(|(slot, name)| Ok((Cow::Borrowed(*name), self.read(Role::Slot(slot as u8))?)));
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
        let slots: Vec<&str> = state.slots.iter().map(|it| &*it.0).collect();
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
        let place = Place::of(state);
        place.check(self.data.train().len()).map_err(|what| {
            Error::usage(
                format!("this is not the state of a training on these data: {what}"),
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
            self.replan()?;
        }
        self.place = place;
        self.clock = Clock::default();
        self.pending_evaluation = state.pending_evaluation;
        self.selection = state.selection;
        self.order.write(self.device, place.epoch);
        Ok(())
    }

    /// [`Trainer::restore`], with what the trainer had measured then.
    pub(crate) fn go_on(
        &mut self,
        state: &TrainState,
        logs: &[EpochMetrics],
        clock: Clock,
    ) -> Result<()> {
        self.restore(state)?;
        logs.clone_into(&mut self.logs);
        self.clock = clock;
        Ok(())
    }

    /// Errors where anything in `state`, the trainer's own, is NaN or infinite, naming it.
    pub(crate) fn check_finite(&self, state: &TrainState) -> Result<()> {
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

    /// The flat buffer of running statistics; empty where the net has none.
    pub(super) fn read_statistics(&self) -> Result<Vec<u8>> {
        match self.network.parameters.statistics_len() {
            0 => Ok(Vec::new()),
            len => self
                .device
                .read(&self.shared[&Role::Statistics], 0, len as u64 * 4),
        }
    }

    pub(super) fn write_statistics(&self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.device.write(&self.shared[&Role::Statistics], 0, bytes)
    }

    /// What the device holds in `role`: parameters with their statistics, or what lies as they do.
    pub(super) fn read(&self, role: Role) -> Result<Vec<Vec<f32>>> {
        let table = self.table(role);
        let len = table.padded_len() as u64 * 4;
        let trained = self.device.read(&self.shared[&role], 0, len)?;
        let statistics = self.read_statistics()?;
        let flat = [trained, statistics].map(|it| bytemuck::pod_collect_to_vec(&it));
        Ok(table.unpack([&flat[0], &flat[1]]))
    }

    pub(super) fn write(&self, role: Role, tensors: &[Vec<f32>]) -> Result<()> {
        let [trained, statistics] = self.table(role).pack(tensors);
        let bytes = bytemuck::cast_slice(&trained);
        self.device.write(&self.shared[&role], 0, bytes)?;
        self.write_statistics(bytemuck::cast_slice(&statistics))
    }

    fn table(&self, role: Role) -> Cow<'_, ParameterTable> {
        match role {
            Role::Parameters => Cow::Borrowed(&self.network.parameters),
            _ => Cow::Owned(self.network.parameters.trained()),
        }
    }
}
