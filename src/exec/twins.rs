//! Replays a program on the CPU twins: the oracle of the GPU executor.

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
        let mut written: Vec<(usize, Memory<T>)> = Vec::new();
        for (slice, binding) in dispatch.slices.iter().zip(bindings) {
            if binding.access == Access::ReadWrite {
                let taken =
                    std::mem::replace(&mut self.memory[slice.buffer], Memory::Word(Vec::new()));
                written.push((slice.buffer, taken));
            }
        }
        let mut outputs = written.iter_mut();
        let mut arguments: Vec<Slice<'_, T>> = Vec::new();
        for (slice, binding) in dispatch.slices.iter().zip(bindings) {
            let range = slice.offset..slice.offset + slice.len;
            arguments.push(match binding.access {
                Access::Read => match &self.memory[slice.buffer] {
                    Memory::Real(floats) => Slice::Real(&floats[range]),
                    Memory::Word(words) => Slice::Word(&words[range]),
                },
                Access::ReadWrite => match outputs.next().map(|(_, memory)| memory) {
                    Some(Memory::Real(floats)) => Slice::RealMut(&mut floats[range]),
                    Some(Memory::Word(words)) => Slice::WordMut(&mut words[range]),
                    None => unreachable!("one entry per written binding was made above"),
                },
            });
        }
        dispatch
            .call
            .kernel
            .twin
            .run(&dispatch.call, step, &mut arguments);
        for (buffer, memory) in written {
            self.memory[buffer] = memory;
        }
    }
}
