//! One tile at one place of a step: the dispatch that uses it, and the sum of its partial sums
//! where it makes any, since tiles differ in how many they make.

use crate::error::Result;
use crate::exec::GpuBuffers;
use crate::gpu::Gpu;
use crate::graph::{BufferSlice, BufferSpec, Dispatch, Extent, Phase, Program, Role};
use crate::kernel::tuning::Problem;
use crate::kernel::{Access, Scalar};

/// A tile's own program: reads what the step's buffers hold, writes to buffers that all entrants of
/// the place share.
#[derive(Debug, Clone)]
pub(super) struct Entrant {
    pub program: Program,
    /// What it computes: indices of the buffers that its last dispatch writes.
    pub results: Vec<usize>,
}

impl Entrant {
    /// The entrant whose tile `lowered` uses for `problem`, at dispatch `index` of `step`.
    ///
    /// # Panics
    /// If `lowered` is not a program of the same net: a bug of the caller.
    pub fn new(step: &Program, index: usize, lowered: &Program, problem: &Problem) -> Self {
        let mut dispatches = lowered.dispatches.iter();
        let position = dispatches.position(|it| it.poses(problem));
        let position = position.expect("the same net poses the same problems");
        let chosen = &lowered.dispatches[position];
        let mut entrant = Self {
            program: Program {
                dispatches: Vec::new(),
                launches: Vec::new(),
                prepares: false,
                ..step.clone()
            },
            results: Vec::new(),
        };
        let mut slices = step.dispatches[index].slices.clone();
        entrant.push(chosen, &mut slices);
        // Its partial sums, if any: what the reducing phase reads of what it wrote.
        let written = written(chosen).map(|(_, slice)| slice);
        let partials: Vec<BufferSlice> = written.collect();
        let sums = |it: &&Dispatch| {
            it.phase == Phase::ReduceGradients && it.slices.iter().any(|it| partials.contains(it))
        };
        // Scratch is shared: past the next writer, the buffer holds something else.
        let mut later = lowered.dispatches[position + 1..].iter().take_while(|it| {
            let mut theirs = self::written(it);
            !theirs.any(|(_, own)| partials.iter().any(|it| it.buffer == own.buffer))
        });
        if let Some(sum) = later.find(sums) {
            let own = slices[slices.len() - 1];
            let mut slices = sum.slices.clone();
            for slice in &mut slices {
                if partials.contains(slice) {
                    *slice = own;
                }
            }
            entrant.push(sum, &mut slices);
        }
        entrant
    }

    /// Appends `dispatch` on `slices`, where what it writes gets buffers of its own: the new
    /// results.
    fn push(&mut self, dispatch: &Dispatch, slices: &mut [BufferSlice]) {
        self.results.clear();
        for (at, slice) in written(dispatch) {
            let buffer = self.program.buffers.len();
            // Numbers from the end: those from the start are the step's.
            let made = self.program.buffers.iter().filter(|it| is_output(it.role));
            self.program.buffers.push(BufferSpec {
                role: Role::Scratch(u16::MAX - made.count() as u16),
                scalar: dispatch.call.kernel.bindings[at].scalar,
                len: slice.len,
            });
            slices[at] = BufferSlice {
                extent: Extent::Whole,
                buffer,
                offset: 0,
                len: slice.len,
            };
            self.results.push(buffer);
        }
        let at = self.program.dispatches.len();
        self.program.launches.push(at..at + 1);
        self.program.dispatches.push(Dispatch {
            slices: slices.to_vec(),
            ..dispatch.clone()
        });
    }

    /// What it computes.
    pub fn results(&self) -> impl Iterator<Item = &BufferSpec> {
        self.results.iter().map(|&it| &self.program.buffers[it])
    }

    /// Roles, numbers or words, of all that it reads.
    pub fn inputs(&self) -> impl Iterator<Item = (Role, Scalar)> {
        let dispatch = &self.program.dispatches[0];
        let bound = dispatch.call.kernel.bindings.iter().zip(&dispatch.slices);
        let read = bound.filter(|(binding, _)| binding.access == Access::Read);
        read.map(|(binding, slice)| (self.program.buffers[slice.buffer].role, binding.scalar))
    }

    /// Buffers for what `entrants` write, each as long as the longest needs.
    pub fn outputs<'a>(
        gpu: &Gpu,
        entrants: impl IntoIterator<Item = &'a Self>,
    ) -> Result<GpuBuffers> {
        let mut lens: std::collections::BTreeMap<Role, usize> = std::collections::BTreeMap::new();
        for spec in entrants.into_iter().flat_map(|it| &it.program.buffers) {
            if is_output(spec.role) {
                let len = lens.entry(spec.role).or_default();
                *len = spec.len.max(*len);
            }
        }
        let make = |(role, len): (Role, usize)| {
            let buffer = gpu.storage(&role.to_string(), len as u64 * 4)?;
            Ok((role, buffer))
        };
        lens.into_iter().map(make).collect()
    }
}

/// Whether it is an entrant's own buffer, and none of the step's.
fn is_output(role: Role) -> bool {
    matches!(role, Role::Scratch(slot) if slot > u16::MAX / 2)
}

/// What `dispatch` writes, with the position among its bindings.
fn written(dispatch: &Dispatch) -> impl Iterator<Item = (usize, BufferSlice)> {
    let bindings = dispatch.call.kernel.bindings.iter().enumerate();
    let written = bindings.filter(|(_, it)| it.access == Access::ReadWrite);
    written.map(|(at, _)| (at, dispatch.slices[at]))
}
