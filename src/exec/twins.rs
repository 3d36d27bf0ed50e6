//! Replays a program on the CPU twins: the oracle of the GPU executor.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::graph::{Dispatch, Program};
use crate::kernel::{Access, Scalar, Step};
use crate::kernel::{Real, Slice};

/// One buffer of a [`TwinProgram`].
#[derive(Debug, Clone, PartialEq)]
pub enum Memory<T> {
    /// Floats.
    Real(Vec<T>),
    /// Words.
    Word(Vec<u32>),
}

impl<T> Memory<T> {
    /// The floats.
    ///
    /// # Panics
    /// If the buffer holds words: a bug of the caller.
    pub fn real(&mut self) -> &mut Vec<T> {
        match self {
            Self::Real(floats) => floats,
            Self::Word(_) => panic!("this buffer holds words"),
        }
    }

    /// The words.
    ///
    /// # Panics
    /// If the buffer holds floats: a bug of the caller.
    pub fn word(&mut self) -> &mut Vec<u32> {
        match self {
            Self::Word(words) => words,
            Self::Real(_) => panic!("this buffer holds floats"),
        }
    }
}

/// A written part of a buffer: the position of its binding, and where it lies.
type Part = (usize, Range<usize>);

impl<T> Memory<T> {
    /// Parts of it that do not overlap, each with the position of its binding.
    fn parts(&mut self, mut parts: Vec<Part>) -> Vec<(usize, Slice<'_, T>)> {
        parts.sort_by_key(|(_, range)| range.start);
        match self {
            Self::Real(floats) => {
                let parts = split(floats, parts).into_iter();
                parts.map(|(at, it)| (at, Slice::RealMut(it))).collect()
            }
            Self::Word(words) => {
                let parts = split(words, parts).into_iter();
                parts.map(|(at, it)| (at, Slice::WordMut(it))).collect()
            }
        }
    }
}

/// `parts` of `whole`, in order.
fn split<E>(whole: &mut [E], parts: Vec<Part>) -> Vec<(usize, &mut [E])> {
    let (mut rest, mut start) = (whole, 0);
    let parts = parts.into_iter().map(|(at, range)| {
        let (_, after) = std::mem::take(&mut rest).split_at_mut(range.start - start);
        let (part, after) = after.split_at_mut(range.len());
        (rest, start) = (after, range.end);
        (at, part)
    });
    parts.collect()
}

/// A program with its memory on the host, in precision `T`.
#[derive(Debug, Clone)]
pub struct TwinProgram<T> {
    program: Arc<Program>,
    /// The buffers, in the order of [`Program::buffers`].
    pub memory: Vec<Memory<T>>,
}

impl<T: Real> TwinProgram<T> {
    /// `program` with all buffers zero.
    pub fn new(program: Arc<Program>) -> Self {
        let zeroed = program.buffers.iter().map(|spec| match spec.scalar {
            Scalar::F32 => Memory::Real(vec![T::zero(); spec.len]),
            Scalar::U32 => Memory::Word(vec![0; spec.len]),
        });
        Self {
            memory: zeroed.collect(),
            program,
        }
    }

    /// Runs one step.
    pub fn run(&mut self, step: &Step) {
        let program = Arc::clone(&self.program);
        for dispatch in &program.dispatches {
            self.dispatch(dispatch, step);
        }
    }

    /// Written buffers are taken out of the memory while their twin runs, so that it can hold them
    /// beside the ones it reads.
    fn dispatch(&mut self, dispatch: &Dispatch, step: &Step) {
        let bindings = dispatch.call.kernel.bindings;
        let mut taken: BTreeMap<usize, Memory<T>> = BTreeMap::new();
        let mut parts: BTreeMap<usize, Vec<Part>> = BTreeMap::new();
        for (at, (slice, binding)) in dispatch.slices.iter().zip(bindings).enumerate() {
            if binding.access == Access::ReadWrite {
                let part = (at, slice.offset..slice.offset + slice.len);
                parts.entry(slice.buffer).or_default().push(part);
                let memory = &mut self.memory[slice.buffer];
                taken
                    .entry(slice.buffer)
                    .or_insert_with(|| std::mem::replace(memory, Memory::Word(Vec::new())));
            }
        }
        let outputs = taken.values_mut().zip(parts.into_values());
        let mut outputs: BTreeMap<usize, Slice<'_, T>> = outputs
            .flat_map(|(memory, parts)| memory.parts(parts))
            .collect();
        let mut arguments: Vec<Slice<'_, T>> = Vec::new();
        for (at, (slice, binding)) in dispatch.slices.iter().zip(bindings).enumerate() {
            let range = slice.offset..slice.offset + slice.len;
            arguments.push(match binding.access {
                Access::Read => match &self.memory[slice.buffer] {
                    Memory::Real(floats) => Slice::Real(&floats[range]),
                    Memory::Word(words) => Slice::Word(&words[range]),
                },
                Access::ReadWrite => outputs
                    .remove(&at)
                    .expect("one entry per written binding was made above"),
            });
        }
        dispatch
            .call
            .kernel
            .twin
            .run(&dispatch.call, step, &mut arguments);
        drop(arguments);
        for (buffer, memory) in taken {
            self.memory[buffer] = memory;
        }
    }
}
