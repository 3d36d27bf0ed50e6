//! Cases: launches of a kernel on odd sizes, and how close to its twin they must come.
//!
//! Sums of small whole numbers are exact whatever their order, so that a wrong index shows in full;
//! sums of floats show how a driver rounds. Batches are smaller than what their buffers hold, and
//! what lies behind them is NaN.

use crate::activation::Activation;
use crate::kernel::{Access, Call, Real, Scalar, Slice, Step};

/// Words before and behind every buffer that nothing may write.
pub(crate) const SENTINELS: usize = 64;
/// A NaN that no kernel computes: what reads past its buffer spreads it, whatever it multiplies.
pub(crate) const SENTINEL: u32 = 0x7FC5_E471;
/// The NaN that outputs hold before a kernel runs.
pub(crate) const POISON: u32 = 0x7FC0_BAD0;

/// A launch, and how close to its twin it must be.
#[derive(Debug, Clone)]
pub struct Case {
    /// The launch.
    pub launch: Launch,
    /// How close.
    pub tolerance: Tolerance,
}

/// How close GPU and twin must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// Copies, `ReLU`, max-pool, sums of small integers.
    Exact,
    /// 1e-6 + 1e-5 |reference|.
    Elementwise,
    /// Sums of `terms` products: 4 sqrt(terms) epsilon times the sum of the terms' magnitudes,
    /// which the twin computes from the absolute values of all arguments, without the activation
    /// (no slope is above 1); where there is one, the elementwise tolerance on top.
    Sum {
        /// How many products are added up.
        terms: usize,
    },
}

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
    Step::of(0, batch)
}

impl Launch {
    /// The case that this launch gives the twin's bits.
    pub(crate) fn exact(self) -> Case {
        self.within(Tolerance::Exact)
    }

    /// The case that this launch is within `tolerance` of the twin.
    pub(crate) fn within(self, tolerance: Tolerance) -> Case {
        let launch = self;
        Case { launch, tolerance }
    }

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
    pub(crate) fn activation(&self) -> Option<usize> {
        let mut fields = self.call.kernel.params.iter();
        fields.position(|(name, _)| *name == "activation")
    }

    /// The same launch on the absolute values of all floats, without activation.
    pub(crate) fn magnitudes(&self) -> Self {
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

    /// Positions of the bindings that the kernel writes, and what they hold.
    pub(crate) fn written(&self) -> impl Iterator<Item = (usize, Scalar)> + use<> {
        let bindings = self.call.kernel.bindings.iter().enumerate();
        let written = bindings.filter(|(_, binding)| binding.access == Access::ReadWrite);
        written.map(|(index, binding)| (index, binding.scalar))
    }
}

impl Argument {
    /// Floats or words.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Floats(floats) => floats.len(),
            Self::Words(words) => words.len(),
            Self::Poisoned(len) => *len,
        }
    }

    /// The bits of all of them.
    pub(crate) fn words(&self) -> Vec<u32> {
        match self {
            Self::Floats(floats) => floats.iter().map(|float| float.to_bits()).collect(),
            Self::Words(words) => words.clone(),
            Self::Poisoned(len) => vec![POISON; *len],
        }
    }
}

/// The twin's outputs, in precision `T`.
pub fn run_twin<T: Real>(launch: &Launch) -> Vec<Output> {
    let kernel = launch.call.kernel;
    let float = |word: u32| T::of(f64::from(f32::from_bits(word)));
    let arguments = launch.arguments.iter().map(Argument::words);
    let mut words: Vec<Vec<u32>> = arguments.collect();
    let floats = words.iter().zip(kernel.bindings).map(|(words, binding)| {
        let is_float = binding.scalar == Scalar::F32;
        let taken = words.iter().filter(|_| is_float);
        taken.map(|&word| float(word)).collect()
    });
    let mut floats: Vec<Vec<T>> = floats.collect();
    let memory = floats.iter_mut().zip(&mut words).zip(kernel.bindings);
    let slices = memory.map(
        |((floats, words), binding)| match (binding.scalar, binding.access) {
            (Scalar::F32, Access::Read) => Slice::Real(floats),
            (Scalar::F32, Access::ReadWrite) => Slice::RealMut(floats),
            (Scalar::U32, Access::Read) => Slice::Word(words),
            (Scalar::U32, Access::ReadWrite) => Slice::WordMut(words),
        },
    );
    let mut slices: Vec<Slice<'_, T>> = slices.collect();
    kernel.twin.run(&launch.call, &launch.step, &mut slices);
    drop(slices);
    let written = launch.written();
    let output = |(index, scalar): (usize, Scalar)| match scalar {
        Scalar::F32 => Output::Floats(floats[index].iter().map(|float| float.wide()).collect()),
        Scalar::U32 => Output::Words(words[index].clone()),
    };
    written.map(output).collect()
}
