//! What a trainer will run and how much GPU memory it takes: known, and checked against the
//! adapter's limits, before anything is uploaded or allocated.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::options::TrainerOptions;
use super::resident::{SplitLayout, Subset};
use crate::error::Result;
use crate::exec::{Buffer, Device, MAX_STEPS, SharedBuffers};
use crate::graph::{Program, Role};
use crate::kernel::Call;
use crate::kernel::shards::SHARDS;
use crate::kernel::target::{Limits, Target};
use crate::kernel::tuning::Tuning;
use crate::nn::{Network, ProgramOptions, Update, evaluation_program, training_program};
use crate::ops::batch::gather::ResidentLayout;
use crate::ops::loss::ROW;

/// The programs of a trainer.
#[derive(Debug, Clone)]
pub struct Plan {
    training: Program,
    on_train: Program,
    on_test: Program,
    on_valid: Option<Program>,
    layout: SplitLayout,
    parameters: usize,
    statistics: usize,
    /// Slots of the optimizer.
    slots: usize,
    /// What the kernel of the objective reads.
    constants: Vec<f32>,
    has_shards: bool,
}

/// Bytes of GPU memory, by use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryNeed {
    /// Resident images, targets and orders, and the predictions of a batch.
    pub data: u64,
    /// Parameters, gradients, what the optimizer keeps, and what the objective reads.
    pub parameters: u64,
    /// Activations, their gradients and partial sums: training and evaluation take turns.
    pub scratch: u64,
    /// Length of the longest binding.
    pub largest_binding: u64,
}

impl MemoryNeed {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.data + self.parameters + self.scratch
    }
}

fn program_options(
    options: &TrainerOptions,
    target: &Target,
    set: &ResidentLayout,
) -> ProgramOptions {
    let capacity = options.batch_size.min(set.count);
    ProgramOptions {
        objective: Arc::clone(&options.objective),
        capacity,
        rows: MAX_STEPS,
        target: options.target(target, capacity),
        fuse: options.fuse,
    }
}

impl Plan {
    /// The programs that train and evaluate `network` on data that lies as `layout`.
    pub fn new(
        network: &Network,
        layout: &SplitLayout,
        options: &TrainerOptions,
        target: &Target,
    ) -> Result<Self> {
        let on = |set: &ResidentLayout| program_options(options, target, set);
        let SplitLayout {
            train,
            test,
            valid,
            image,
        } = layout;
        options.augment.check(*image)?;
        let on_valid = valid
            .as_ref()
            .map(|it| evaluation_program(network, it, &on(it)));
        Ok(Self {
            training: training_program(network, train, &on(train), options.update(*image))?,
            on_train: evaluation_program(network, train, &on(train))?,
            on_test: evaluation_program(network, test, &on(test))?,
            on_valid: on_valid.transpose()?,
            layout: *layout,
            parameters: network.parameters.padded_len(),
            statistics: network.parameters.statistics_len(),
            slots: options.optimizer.slots().len(),
            constants: options.objective.constants(),
            has_shards: options.target(target, 1).has_shards(),
        })
    }

    /// The program of a training step.
    pub fn training(&self) -> &Program {
        &self.training
    }

    /// The same where something may happen to the gradients before the update.
    pub(super) fn in_halves(
        &self,
        network: &Network,
        options: &TrainerOptions,
        target: &Target,
    ) -> Result<Program> {
        let SplitLayout { train, image, .. } = &self.layout;
        let update = Update {
            in_halves: true,
            ..options.update(*image)
        };
        let on_train = program_options(options, target, train);
        training_program(network, train, &on_train, update)
    }

    /// The program that evaluates on `subset`; `None` where there is no such set.
    pub fn evaluation(&self, subset: Subset) -> Option<&Program> {
        match subset {
            Subset::Train => Some(&self.on_train),
            Subset::Test => Some(&self.on_test),
            Subset::Valid => self.on_valid.as_ref(),
        }
    }

    /// Whether batches are computed by shards.
    pub fn has_shards(&self) -> bool {
        self.has_shards
    }

    /// The tiles in use that were measured, and are not the kernels' defaults.
    pub fn tuning(&self) -> Tuning {
        let dispatches = self.programs().into_iter().flat_map(|it| &it.dispatches);
        Call::all_measured(dispatches.map(|it| &it.call))
    }

    /// All of its programs.
    pub fn programs(&self) -> Vec<&Program> {
        let always = [&self.training, &self.on_train, &self.on_test];
        always.into_iter().chain(&self.on_valid).collect()
    }

    /// Errors where a program exceeds what `limits` allow, saying what is needed and what there is.
    pub fn check(&self, limits: &Limits) -> Result<()> {
        let mut programs = self.programs().into_iter();
        programs.try_for_each(|program| program.check(limits))
    }

    /// How much memory it takes.
    pub fn memory(&self) -> MemoryNeed {
        let SplitLayout {
            train, test, valid, ..
        } = self.layout;
        let sets = [train, test].into_iter().chain(valid).map(|set| {
            let words = (0..set.parts()).map(|part| set.part_words(part));
            words.sum::<usize>() + 2 * set.count
        });
        let dispatches = self.programs().into_iter().flat_map(|it| &it.dispatches);
        let slices = dispatches.flat_map(|it| &it.slices);
        let bytes = |scalars: usize| scalars as u64 * 4;
        MemoryNeed {
            data: bytes(sets.sum::<usize>() + self.predictions()),
            parameters: bytes(
                self.parameters * (2 + self.slots) + self.statistics + self.constants.len(),
            ),
            scratch: bytes(self.scratch().values().sum::<usize>() + self.local()),
            largest_binding: bytes(slices.map(|slice| slice.len).max().unwrap_or(0)),
        }
    }

    /// Floats that the predictions of the largest batch take.
    fn predictions(&self) -> usize {
        let programs = self.programs().into_iter();
        let predictions = programs.map(|it| it.len_of(Role::Predictions));
        predictions.max().unwrap_or(0)
    }

    /// Scratch of threads: no more of them than there are shards use theirs.
    fn local(&self) -> usize {
        let local = |program: &&Program| {
            let buffers = program.buffers.iter();
            let local = buffers.filter(|spec| matches!(spec.role, Role::Local(_)));
            SHARDS * local.map(|spec| spec.len).sum::<usize>()
        };
        self.programs().iter().map(local).sum()
    }

    /// Scratch that serves every program in turn: each slot as long as the longest of them needs.
    fn scratch(&self) -> BTreeMap<Role, usize> {
        let mut slots = BTreeMap::new();
        let specs = self.programs().into_iter().flat_map(|it| &it.buffers);
        for spec in specs.filter(|spec| matches!(spec.role, Role::Scratch(_))) {
            let len = slots.entry(spec.role).or_insert(0);
            *len = spec.len.max(*len);
        }
        slots
    }

    /// Allocates what the programs share: parameters, gradients, what the optimizer keeps, metrics and scratch.
    pub(super) fn allocate(&self, device: &Device) -> Result<SharedBuffers> {
        let own = [
            (Role::Parameters, self.parameters),
            (Role::Gradients, self.parameters),
            (Role::Statistics, self.statistics),
            (Role::Predictions, self.predictions()),
            (Role::Metrics, MAX_STEPS * ROW),
            (Role::Faults, MAX_STEPS),
        ];
        let slots = (0..self.slots).map(|slot| (Role::Slot(slot as u8), self.parameters));
        let all = own.into_iter().chain(slots).chain(self.scratch());
        let all = all.filter(|(role, len)| *role != Role::Statistics || *len > 0);
        let mut shared = all
            .map(|(role, len)| Ok((role, device.storage(&role.to_string(), len as u64 * 4)?)))
            .collect::<Result<SharedBuffers>>()?;
        shared.extend(constants(device, &self.constants)?);
        Ok(shared)
    }
}

/// The buffer of what the kernel of an objective reads, if it reads any.
pub(super) fn constants(device: &Device, constants: &[f32]) -> Result<Option<(Role, Buffer)>> {
    if constants.is_empty() {
        return Ok(None);
    }
    let role = Role::Constants;
    let buffer = device.storage(&role.to_string(), constants.len() as u64 * 4)?;
    device.write(&buffer, 0, bytemuck::cast_slice(constants))?;
    Ok(Some((role, buffer)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::target::AdapterKind;
    use crate::nn::{Activation, NetworkConfiguration, NetworkType};
    use crate::shape::ImageShape;

    /// The default cnn on 10 training and `test` test images.
    fn plan(test: usize) -> Plan {
        let image = ImageShape::new(3, 32, 32);
        let sizes = NetworkConfiguration::default_for(NetworkType::Cnn);
        let network = Network::new(NetworkType::Cnn, &sizes, Activation::Relu, image);
        let lay_out = |count| ResidentLayout::new(count, image.elements(), 1 << 27).expect("fits");
        let layout = SplitLayout {
            train: lay_out(10),
            test: lay_out(test),
            valid: None,
            image,
        };
        let target = Target::portable(AdapterKind::Software);
        let options = TrainerOptions::default();
        Plan::new(&network.expect("fits"), &layout, &options, &target).expect("fits")
    }

    #[test]
    fn evaluation_takes_no_scratch_of_its_own_beyond_what_training_has() {
        let plan = plan(10);
        let on = |subset| plan.evaluation(subset).expect("is there");
        let (on_train, on_test) = (on(Subset::Train), on(Subset::Test));
        assert!(on_train.scratch_bytes() > 0 && on_test.scratch_bytes() > 0);
        assert_eq!(plan.memory().scratch, plan.training().scratch_bytes());
    }

    /// A test set of larger batches than the training set's: its program is the one that counts.
    #[test]
    fn every_program_is_measured_and_checked() {
        let (small, large) = (plan(10), plan(120));
        let need = large.memory();
        assert!(need.largest_binding > small.memory().largest_binding);
        assert!(need.scratch > small.memory().scratch);
        let mut limits = Target::portable(AdapterKind::Software).limits;
        assert!(large.check(&limits).is_ok());
        limits.binding_bytes = need.largest_binding - 1;
        assert!(small.check(&limits).is_ok());
        assert!(large.check(&limits).is_err());
    }

    /// What is missing here, every program would allocate for itself.
    #[test]
    fn all_that_programs_need_beside_data_is_allocated_once() {
        let plan = plan(120);
        let device = Device::open(&crate::gpu::GpuOptions {
            device: Some("0".to_owned()),
            ..crate::gpu::GpuOptions::default()
        })
        .expect("this test needs a GPU adapter; `make test` sees to one");
        let shared = plan.allocate(&device).expect("fits");
        for spec in plan.programs().into_iter().flat_map(|it| &it.buffers) {
            if !matches!(spec.role, Role::Images(_) | Role::Targets | Role::Order) {
                let have = shared[&spec.role].size();
                assert!(have >= spec.len as u64 * 4, "{}", spec.role);
            }
        }
        let scratch = |role: &Role| matches!(role, Role::Scratch(_));
        let scratch = shared.iter().filter(|(role, _)| scratch(role));
        let bytes: u64 = scratch.map(|(_, buffer)| buffer.size()).sum();
        // Buffers are rounded up to 16 bytes.
        assert!((0..1000).contains(&(bytes - plan.memory().scratch)));
    }
}
