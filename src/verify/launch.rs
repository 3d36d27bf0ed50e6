//! One kernel call with its arguments, as a program of one dispatch.

use crate::activation::Activation;
use crate::graph::{BufferSlice, BufferSpec, Dispatch, Extent, Phase, Program, Role};
use crate::kernels::{Access, Call, Scalar, Step};

/// Words before and behind every buffer that nothing may write.
pub(super) const SENTINELS: usize = 64;
/// A NaN that no kernel computes: what reads past its buffer spreads it, whatever it multiplies.
pub(super) const SENTINEL: u32 = 0x7FC5_E471;
/// The NaN that outputs hold before a kernel runs.
pub(super) const POISON: u32 = 0x7FC0_BAD0;

/// What a kernel is given for one binding.
#[derive(Debug, Clone)]
pub enum Argument {
    /// Floats.
    Floats(Vec<f32>),
    /// Words.
    Words(Vec<u32>),
    /// An output of that many floats or words, poisoned with NaN bits before the kernel runs.
    Poisoned(usize),
}

/// One call with its arguments, in binding order.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Kernel, variant, Params and threads.
    pub call: Call,
    /// What varies from step to step.
    pub step: Step,
    /// One per binding of the kernel.
    pub arguments: Vec<Argument>,
}

/// What a written buffer held afterwards.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Floats, widened.
    Floats(Vec<f64>),
    /// Words.
    Words(Vec<u32>),
}

/// A step of `batch` samples.
pub fn batch(batch: usize) -> Step {
    Step {
        batch: batch as u32,
        ..Step::default()
    }
}

impl Launch {
    /// The Params by name and the step's batch: what a report says of the problem's shape.
    pub fn describe(&self) -> String {
        let fields = self.call.kernel.params.iter().zip(&self.call.params);
        let field = |(&(name, scalar), &word): (&(&str, Scalar), &u32)| match scalar {
            Scalar::F32 => format!("{name} {}", f32::from_bits(word)),
            Scalar::U32 => format!("{name} {word}"),
        };
        let fields: Vec<String> = fields.map(field).collect();
        format!("{}, batch {}", fields.join(", "), self.step.batch)
    }

    /// Which word of the Params is the activation, for kernels that have one.
    pub(super) fn activation(&self) -> Option<usize> {
        let mut fields = self.call.kernel.params.iter();
        fields.position(|(name, _)| *name == "activation")
    }

    /// The same launch on the absolute values of all floats, without activation.
    pub(super) fn magnitudes(&self) -> Self {
        let mut launch = self.clone();
        if let Some(index) = self.activation() {
            launch.call.params[index] = Activation::Linear as u32;
        }
        for argument in &mut launch.arguments {
            if let Argument::Floats(floats) = argument {
                for float in floats {
                    *float = float.abs();
                }
            }
        }
        launch
    }

    /// A program of this one dispatch; every argument in a buffer of its own, between sentinels.
    ///
    /// # Panics
    /// If there is not one argument per binding: a bug of the caller.
    pub(super) fn program(&self) -> Program {
        let bindings = self.call.kernel.bindings;
        assert_eq!(
            bindings.len(),
            self.arguments.len(),
            "one argument per binding"
        );
        let lens: Vec<usize> = self.arguments.iter().map(Argument::len).collect();
        let specs = bindings.iter().zip(&lens).enumerate();
        Program {
            capacity: self.step.batch as usize,
            buffers: specs
                .map(|(index, (binding, len))| BufferSpec {
                    role: Role::Scratch(index as u16),
                    scalar: binding.scalar,
                    len: SENTINELS + len + SENTINELS,
                })
                .collect(),
            dispatches: vec![Dispatch {
                label: "alone".to_owned(),
                phase: Phase::Forward,
                call: self.call.clone(),
                slices: (lens.iter().enumerate())
                    .map(|(buffer, &len)| BufferSlice {
                        buffer,
                        offset: SENTINELS,
                        len,
                        extent: Extent::Whole,
                    })
                    .collect(),
            }],
        }
    }

    /// Positions of the bindings that the kernel writes, and what they hold.
    pub(super) fn written(&self) -> impl Iterator<Item = (usize, Scalar)> + use<> {
        let bindings = self.call.kernel.bindings.iter().enumerate();
        let written = bindings.filter(|(_, binding)| binding.access == Access::ReadWrite);
        written.map(|(index, binding)| (index, binding.scalar))
    }
}

impl Argument {
    /// Floats or words.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Floats(floats) => floats.len(),
            Self::Words(words) => words.len(),
            Self::Poisoned(len) => *len,
        }
    }

    /// The bits of all of them.
    pub(super) fn words(&self) -> Vec<u32> {
        match self {
            Self::Floats(floats) => floats.iter().map(|float| float.to_bits()).collect(),
            Self::Words(words) => words.clone(),
            Self::Poisoned(len) => vec![POISON; *len],
        }
    }
}
