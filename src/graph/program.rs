//! A program: dispatches and a buffer plan, as plain data without a wgpu type.

use std::fmt;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::kernel::target::Limits;
use crate::kernel::tuning::Problem;
use crate::kernel::{Access, Call, Scalar};

/// What a buffer holds, and so who provides it: scratch belongs to the program, all else is shared
/// between programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// One part of the resident images, packed u8.
    Images(u8),
    /// Targets of the whole data set.
    Targets,
    /// The epoch's order: image numbers by position.
    Order,
    /// All parameters, flat.
    Parameters,
    /// Their gradients, laid out like the parameters.
    Gradients,
    /// What the optimizer keeps of every parameter, laid out like them; number of its slot.
    Slot(u8),
    /// Running means and variances of batch norms, flat: training writes them, evaluation reads them.
    Statistics,
    /// Rows of metrics, one per step of a submission.
    Metrics,
    /// Counts of non-finite gradients, one per step of a submission.
    Faults,
    /// What the kernel of the objective reads beside targets.
    Constants,
    /// Predictions of one batch: the outputs of each sample, padded to quads.
    Predictions,
    /// Activations, their gradients and partial sums; number of the slot.
    Scratch(u16),
    /// The same, of one shard at a time on the processor: every thread has its own.
    Local(u16),
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Images(part) => write!(f, "images {part}"),
            Self::Slot(slot) => write!(f, "optimizer slot {slot}"),
            Self::Scratch(slot) => write!(f, "scratch {slot}"),
            Self::Local(slot) => write!(f, "local {slot}"),
            other => write!(f, "{}", format!("{other:?}").to_lowercase()),
        }
    }
}

/// One buffer that a program needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferSpec {
    /// What it holds.
    pub role: Role,
    /// Floats or words.
    pub scalar: Scalar,
    /// Length in 4-byte scalars.
    pub len: usize,
}

/// A part of a buffer, as a kernel binds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferSlice {
    /// Index into [`Program::buffers`].
    pub buffer: usize,
    /// First scalar; a multiple of 64, since bindings are aligned to 256 bytes.
    pub offset: usize,
    /// Length in scalars.
    pub len: usize,
    /// What of it belongs to which samples.
    pub extent: Extent,
}

/// What of a slice belongs to which part of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it to all of them.
    Whole,
    /// So many scalars to each sample.
    Samples(usize),
    /// The same of the shard that is at work, after which the next one takes its place.
    OfShard(usize),
    /// So many scalars to each of the [`SHARDS`](crate::kernel::shards::SHARDS).
    Shards(usize),
}

/// Parts of a training step. Clipping, and a sum over several machines, need the whole gradient
/// between the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// From the images to the loss.
    Forward,
    /// From the loss to the gradients of all parameters, in partial sums.
    Backward,
    /// Partial sums to gradients.
    ReduceGradients,
    /// Gradients to new parameters.
    Update,
}

/// A step in two, between which something may happen to the gradients: a sum over machines, say. Clipping is
/// part of the update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// From the images to the gradients of all parameters.
    Gradients,
    /// [`Phase::Update`].
    Update,
}

/// One kernel on its buffers.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch {
    /// Which layer it serves, for profiles and `--dry-run`.
    pub label: String,
    /// Which part of the step it belongs to.
    pub phase: Phase,
    /// Kernel, Params and threads.
    pub call: Call,
    /// Its buffers, in binding order.
    pub slices: Vec<BufferSlice>,
}

const TOO_LARGE: &str = "use a smaller net, a smaller `batch_size`, or another `device`";

impl BufferSlice {
    /// Whether it and `other` are parts of one buffer that overlap.
    pub fn overlaps(&self, other: &Self) -> bool {
        let ends = [self, other].map(|it| it.offset + it.len);
        self.buffer == other.buffer && self.offset < ends[1] && other.offset < ends[0]
    }
}

impl Dispatch {
    /// What of its buffers it writes.
    pub fn written(&self) -> impl Iterator<Item = &BufferSlice> {
        let slices = self.slices.iter().zip(self.call.kernel.bindings);
        let written = slices.filter(|(_, binding)| binding.access == Access::ReadWrite);
        written.map(|(slice, _)| slice)
    }

    /// Whether its tile is chosen for `problem`.
    pub fn poses(&self, problem: &Problem) -> bool {
        let choice = self.call.choice.as_ref();
        choice.is_some_and(|it| it.problem == *problem)
    }

    /// Errors where batches of `capacity` samples exceed what `limits` allow.
    fn check(&self, capacity: u32, limits: &Limits) -> Result<()> {
        let Call { kernel, grid, .. } = &self.call;
        let unfit = |what: String| {
            let what = format!("{} ({}) needs {what}", self.label, kernel.name);
            Err(Error::gpu(what, TOO_LARGE))
        };
        for (slice, binding) in self.slices.iter().zip(kernel.bindings) {
            let (bytes, limit) = (slice.len as u64 * 4, limits.binding_bytes);
            if bytes > limit {
                let name = binding.name;
                return unfit(format!(
                    "{bytes} bytes for its {name}; this adapter can bind {limit}"
                ));
            }
        }
        let (count, limit) = (self.slices.len(), limits.storage_buffers);
        if count > limit as usize {
            return unfit(format!("{count} buffers; this adapter can bind {limit}"));
        }
        let (size, limit) = (grid.workgroup_size, limits.workgroup_threads);
        if size > limit {
            return unfit(format!(
                "workgroups of {size} threads; this adapter allows {limit}"
            ));
        }
        let (bytes, limit) = (self.call.workgroup_bytes, limits.workgroup_bytes);
        if bytes > limit {
            return unfit(format!(
                "{bytes} bytes of workgroup memory; this adapter allows {limit}"
            ));
        }
        // Threads are numbered by a u32.
        let threads = grid.threads(capacity);
        if threads > u64::from(u32::MAX) {
            return unfit(format!("{threads} threads; kernels can tell apart 2^32"));
        }
        let [x, y] = grid.workgroups(capacity, limits.workgroups);
        let (groups, limit) = (u64::from(x) * u64::from(y), limits.workgroups);
        if y > limit {
            return unfit(format!(
                "{groups} workgroups; this adapter allows {limit} by {limit}"
            ));
        }
        Ok(())
    }
}

/// Everything that an executor needs for one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// Largest batch it can take.
    pub capacity: usize,
    /// Whether an adapter computes a batch by shards.
    pub by_shards: bool,
    /// The buffers.
    pub buffers: Vec<BufferSpec>,
    /// The work, in order.
    pub dispatches: Vec<Dispatch>,
    /// Which of them an adapter runs as one launch, in order: what does not depend on each other, side by side.
    pub launches: Vec<Range<usize>>,
    /// Whether the first launch, which is one dispatch, can run beside the last one of the step before: it prepares
    /// the batch, in memory that no other dispatch writes.
    pub prepares: bool,
}

impl Program {
    /// `dispatches` one after the other, on those `buffers` and batches of up to `capacity`.
    pub fn of(capacity: usize, buffers: Vec<BufferSpec>, dispatches: Vec<Dispatch>) -> Self {
        let program = Self {
            capacity,
            by_shards: false,
            buffers,
            dispatches,
            launches: Vec::new(),
            prepares: false,
        };
        program.apart()
    }

    /// The same work, every dispatch a launch of its own.
    #[must_use]
    pub fn apart(self) -> Self {
        let count = self.dispatches.len();
        Self {
            launches: (0..count).map(|at| at..at + 1).collect(),
            prepares: false,
            ..self
        }
    }

    /// Launches that each of many steps in a row takes.
    pub fn launches_in_a_row(&self) -> usize {
        self.launches.len() - usize::from(self.prepares)
    }

    /// Scalars of the buffer of that role.
    pub fn len_of(&self, role: Role) -> usize {
        let found = self.buffers.iter().find(|spec| spec.role == role);
        found.map_or(0, |spec| spec.len)
    }

    /// Bytes of all scratch buffers.
    pub fn scratch_bytes(&self) -> u64 {
        let is_scratch = |spec: &&BufferSpec| matches!(spec.role, Role::Scratch(_));
        let lens = self.buffers.iter().filter(is_scratch).map(|spec| spec.len);
        lens.sum::<usize>() as u64 * 4
    }

    /// Positions of the dispatches of that half of a step.
    pub fn half(&self, half: Half) -> Range<usize> {
        let is_update = |it: &Dispatch| it.phase == Phase::Update;
        let update = self.dispatches.iter().position(is_update);
        let update = update.unwrap_or(self.dispatches.len());
        match half {
            Half::Gradients => 0..update,
            Half::Update => update..self.dispatches.len(),
        }
    }

    /// The layer in which `problem` is met first.
    pub fn label_of(&self, problem: &Problem) -> Option<&str> {
        let dispatch = self.dispatches.iter().find(|it| it.poses(problem))?;
        Some(&dispatch.label)
    }

    /// Errors where the program exceeds what `limits` allow, saying what is needed and what there
    /// is.
    pub fn check(&self, limits: &Limits) -> Result<()> {
        for dispatch in &self.dispatches {
            dispatch.check(self.capacity as u32, limits)?;
        }
        for spec in &self.buffers {
            let bytes = spec.len as u64 * 4;
            if bytes > limits.buffer_bytes {
                return Err(Error::gpu(
                    format!(
                        "the {} buffer needs {bytes} bytes; this adapter allows {}",
                        spec.role, limits.buffer_bytes
                    ),
                    TOO_LARGE,
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Grid;
    use crate::kernel::target::{AdapterKind, Target};
    use crate::ops::reduce::sum_partials;

    /// One dispatch on two buffers of 64 floats, with this grid.
    fn program(grid: Grid) -> Program {
        let len = 64;
        let slice = |buffer| BufferSlice {
            buffer,
            offset: 0,
            len,
            extent: Extent::Whole,
        };
        let spec = |slot| BufferSpec {
            role: Role::Scratch(slot),
            scalar: Scalar::F32,
            len,
        };
        let call = sum_partials::call(1, len);
        let dispatch = Dispatch {
            label: "layer".to_owned(),
            phase: Phase::Forward,
            call: Call { grid, ..call },
            slices: vec![slice(0), slice(1)],
        };
        Program::of(1000, vec![spec(0), spec(1)], vec![dispatch])
    }

    #[test]
    fn every_limit_is_checked() {
        let limits = Target::portable(AdapterKind::Gpu).limits;
        let fits = program(Grid::fixed(64, 64));
        assert!(fits.check(&limits).is_ok());
        let refused = |program: &Program, limits: Limits, word: &str| {
            let error = program.check(&limits).expect_err(word).to_string();
            assert!(error.contains(word), "{error}");
        };
        let with = |change: fn(&mut Limits)| {
            let mut limits = limits;
            change(&mut limits);
            limits
        };
        refused(
            &fits,
            with(|it| it.binding_bytes = 255),
            "256 bytes for its",
        );
        refused(&fits, with(|it| it.buffer_bytes = 255), "buffer needs 256");
        refused(&fits, with(|it| it.storage_buffers = 1), "2 buffers");
        refused(&fits, with(|it| it.workgroup_threads = 63), "of 64 threads");
        let mut sharing = program(Grid::fixed(64, 64));
        sharing.dispatches[0].call.workgroup_bytes = 4096;
        assert!(sharing.check(&limits).is_ok());
        let little = with(|it| it.workgroup_bytes = 4095);
        refused(&sharing, little, "4096 bytes of workgroup memory");
        let wide = program(Grid::per_sample(5_000_000, 256));
        refused(&wide, limits, "5000000000 threads");
        let many = program(Grid::per_sample(100_000, 1));
        refused(
            &many,
            with(|it| it.workgroups = 5_000),
            "100000000 workgroups",
        );
    }
}
