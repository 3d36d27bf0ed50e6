//! After something became NaN or infinite: the steps since a good state once more, to find out
//! where, and to keep the last good weights.

use super::options::TrainerOptions;
use super::order::{batches, on_set};
use super::plan::Plan;
use super::resident::Subset;
use super::state::TrainState;
use super::trainer::Trainer;
use crate::error::Result;
use crate::exec::{Executable, NotFinite};
use crate::graph::{Program, Role};

/// What a replay found.
#[derive(Debug)]
pub struct Diagnosis {
    /// The first thing that was not finite, for a sentence.
    pub culprit: String,
    /// The last state of which all is finite.
    pub last_finite: TrainState,
}

impl Trainer<'_> {
    /// Replays the steps after `from`, a good state, up to step `step`, which showed that something
    /// was no longer finite. The trainer stands at the last finite state afterwards.
    pub(crate) fn diagnose(&mut self, from: &TrainState, step: u64) -> Result<Diagnosis> {
        self.stand_before(from, step)?;
        let mut last_finite = self.state()?;
        let culprit = match self.not_finite(&last_finite) {
            // The loss shows the weights before an update only: this one was the step before.
            Some(tensor) => {
                self.stand_before(from, step.saturating_sub(1))?;
                last_finite = self.state()?;
                format!("the update of step {} made {tensor} so", step - 1)
            }
            None => match self.first_not_finite(step > from.step)? {
                Some(found) => found.to_string(),
                None => "replaying the steps since the last checkpoint did not show it again, so \
                         the device did not compute the same twice"
                    .to_owned(),
            },
        };
        self.restore(&last_finite)?;
        Ok(Diagnosis {
            culprit,
            last_finite,
        })
    }

    /// Goes from `from` to where step `step` is the next one.
    fn stand_before(&mut self, from: &TrainState, step: u64) -> Result<()> {
        self.clear();
        self.restore(from)?;
        let count = step.saturating_sub(from.step + 1);
        self.train_steps(count as usize)?;
        self.order.write(self.device, self.place.epoch);
        Ok(())
    }

    /// The first dispatch of the next training step, if it is to be looked at, and of the evaluation
    /// that follows, that writes something that is not finite.
    fn first_not_finite(&mut self, train: bool) -> Result<Option<NotFinite>> {
        if train {
            let steps: Vec<_> = self.next_steps(1).collect();
            // Layer by layer: fused kernels compute several at once.
            let apart = self.apart()?;
            let fused = (self.plan.training(), &self.training);
            let (plan, program) = apart
                .as_ref()
                .map_or(fused, |(plan, program)| (plan, program));
            for step in &steps {
                let found = NotFinite::find(self.device, program, plan, step)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        let mut sets = vec![Subset::Valid, Subset::Test];
        sets.extend(self.options.evaluate_train.then_some(Subset::Train));
        for subset in sets {
            let (Some(plan), Ok(set)) = (self.plan.evaluation(subset), self.subset(subset)) else {
                continue;
            };
            for step in batches(0..set.len(), self.options.batch_size) {
                let found = NotFinite::find(self.device, self.program(subset), plan, &step)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }

    /// The training step without fusion, with scratch of its own; `None` where batches are computed by shards, which
    /// look at one dispatch at a time anyway.
    fn apart(&self) -> Result<Option<(Program, Executable)>> {
        if self.plan.has_shards() {
            return Ok(None);
        }
        let train = self.data.train();
        let options = TrainerOptions {
            fuse: false,
            ..self.options.clone()
        };
        let plan = Plan::new(
            &self.network,
            &self.data.layout(),
            &options,
            self.device.target(),
        )?;
        let plan = plan.training().clone();
        let mut buffers = on_set(&self.shared, train, &self.order);
        buffers.retain(|role, _| !matches!(role, Role::Scratch(_)));
        let program = Executable::new(self.device, &plan, &buffers)?;
        Ok(Some((plan, program)))
    }

    /// Zeroes all that a step writes but parameters, running statistics and what the optimizer keeps:
    /// steps after the bad one have left their NaNs there.
    fn clear(&self) {
        let kept =
            |role: &Role| matches!(role, Role::Parameters | Role::Statistics | Role::Slot(_));
        let cleared = self.shared.iter().filter(|(role, _)| !kept(role));
        self.device.clear(cleared.map(|(_, buffer)| buffer));
    }
}
