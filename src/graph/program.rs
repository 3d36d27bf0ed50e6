//! A program: dispatches and a buffer plan, as plain data without a wgpu type.

use std::fmt;

use crate::error::{Error, Result};
use crate::kernels::{Call, Scalar};
use crate::target::Limits;

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
    /// Adam's first moments, laid out like the parameters.
    FirstMoment,
    /// Adam's second moments, laid out like the parameters.
    SecondMoment,
    /// Rows of metrics, one per step of a submission.
    Metrics,
    /// Counts of non-finite gradients, one per step of a submission.
    Faults,
    /// Activations, their gradients and partial sums; number of the slot.
    Scratch(u16),
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Images(part) => write!(f, "images {part}"),
            Self::Scratch(slot) => write!(f, "scratch {slot}"),
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

/// Everything that an executor needs for one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// Largest batch it can take.
    pub capacity: usize,
    /// The buffers.
    pub buffers: Vec<BufferSpec>,
    /// The work, in order.
    pub dispatches: Vec<Dispatch>,
}

impl Program {
    /// Bytes of all scratch buffers.
    pub fn scratch_bytes(&self) -> u64 {
        let is_scratch = |spec: &&BufferSpec| matches!(spec.role, Role::Scratch(_));
        let lens = self.buffers.iter().filter(is_scratch).map(|spec| spec.len);
        lens.sum::<usize>() as u64 * 4
    }

    /// Errors where the program exceeds what `limits` allow, saying what is needed and what there
    /// is.
    pub fn check(&self, limits: &Limits) -> Result<()> {
        let hint = "use a smaller net, a smaller --batch-size, or another --device";
        for dispatch in &self.dispatches {
            let kernel = dispatch.call.kernel.name;
            for (slice, binding) in dispatch.slices.iter().zip(dispatch.call.kernel.bindings) {
                let bytes = slice.len as u64 * 4;
                if bytes > limits.binding_bytes {
                    return Err(Error::gpu(
                        format!(
                            "{} ({kernel}) needs {bytes} bytes for its {}; this adapter can bind {}",
                            dispatch.label, binding.name, limits.binding_bytes
                        ),
                        hint,
                    ));
                }
            }
            let groups = dispatch
                .call
                .grid
                .workgroups(self.capacity as u32, limits.workgroups);
            if groups[1] > limits.workgroups {
                return Err(Error::gpu(
                    format!("{} ({kernel}) needs too many workgroups", dispatch.label),
                    hint,
                ));
            }
        }
        for spec in &self.buffers {
            let bytes = spec.len as u64 * 4;
            if bytes > limits.buffer_bytes {
                return Err(Error::gpu(
                    format!(
                        "the {} buffer needs {bytes} bytes; this adapter allows {}",
                        spec.role, limits.buffer_bytes
                    ),
                    hint,
                ));
            }
        }
        Ok(())
    }
}
