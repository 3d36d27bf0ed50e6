//! Runs one kernel call on the GPU between sentinels, with poisoned outputs, and compares it with
//! its CPU twin.

use std::hint::black_box;
use std::sync::{Arc, OnceLock};

use gpu_train::activation::Activation;
use gpu_train::exec::{CpuProgram, GpuProgram, Memory, SharedBuffers};
use gpu_train::gpu::{Gpu, GpuOptions};
use gpu_train::graph::{BufferSlice, BufferSpec, Dispatch, Phase, Program, Role};
use gpu_train::kernels::{Access, Call, Scalar, Step};
use gpu_train::reference::Real;

/// What a kernel is given for one binding.
#[derive(Debug, Clone)]
pub enum Argument {
    Floats(Vec<f32>),
    Words(Vec<u32>),
    /// An output of that many floats or words, poisoned with NaN bits before the kernel runs.
    Poisoned(usize),
}

/// One call with its arguments, in binding order.
#[derive(Debug, Clone)]
pub struct Launch {
    pub call: Call,
    pub step: Step,
    pub arguments: Vec<Argument>,
}

/// What a written buffer held afterwards.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    Floats(Vec<f64>),
    Words(Vec<u32>),
}

/// How close GPU and twin must be.
#[derive(Debug, Clone, Copy)]
pub enum Tolerance {
    /// Copies, ReLU, max-pool, sums of small integers.
    Exact,
    /// 1e-6 + 1e-5 |reference|.
    Elementwise,
    /// Sums of `terms` products: 4 sqrt(terms) epsilon times the sum of the terms' magnitudes,
    /// which the twin computes from the absolute values of all arguments, without the activation
    /// (no slope is above 1); where there is one, the elementwise tolerance on top.
    Sum { terms: usize },
}

const SENTINELS: usize = 64;
/// A NaN that no kernel computes: what reads past its buffer spreads it, whatever it multiplies.
const SENTINEL: u32 = 0x7FC5_E471;
const POISON: u32 = 0x7FC0_BAD0;

pub fn gpu(checked: bool) -> &'static Gpu {
    static GPUS: [OnceLock<Gpu>; 2] = [OnceLock::new(), OnceLock::new()];
    GPUS[usize::from(checked)].get_or_init(|| {
        let options = GpuOptions {
            checked,
            ..GpuOptions::default()
        };
        Gpu::open(&options).expect("these tests need a GPU adapter; `make test` sees to one")
    })
}

/// Runs `launch` on the GPU, checked and unchecked, and asserts that every output is the twin's.
pub fn assert_twin(launch: &Launch, tolerance: Tolerance) {
    let expected = run_twin::<f32>(launch);
    let magnitudes = match tolerance {
        Tolerance::Sum { .. } => run_twin::<f32>(&launch.magnitudes()),
        _ => expected.clone(),
    };
    let activated = launch
        .activation()
        .is_some_and(|index| launch.call.params[index] != 0);
    for checked in [true, false] {
        let outputs = run_gpu(gpu(checked), launch);
        assert_eq!(outputs.len(), expected.len());
        for (index, output) in outputs.iter().enumerate() {
            let what = format!("output {index}, checked {checked}");
            compare(
                output,
                &expected[index],
                &magnitudes[index],
                tolerance,
                activated,
                &what,
            );
        }
    }
}

fn compare(
    got: &Output,
    want: &Output,
    magnitude: &Output,
    tolerance: Tolerance,
    activated: bool,
    what: &str,
) {
    let (Output::Floats(got), Output::Floats(want), Output::Floats(magnitude)) =
        (got, want, magnitude)
    else {
        assert_eq!(got, want, "{what}");
        return;
    };
    assert_eq!(got.len(), want.len(), "{what}");
    for (index, (got, want)) in got.iter().zip(want).enumerate() {
        let elementwise = 1e-6 + 1e-5 * want.abs();
        let allowed = match tolerance {
            Tolerance::Exact => 0.0,
            Tolerance::Elementwise => elementwise,
            Tolerance::Sum { terms } => {
                let epsilon = f64::from(f32::EPSILON);
                let sum = 4.0 * (terms as f64).sqrt() * epsilon * magnitude[index].abs();
                if activated { sum + elementwise } else { sum }
            }
        };
        // NaN fails: it compares as neither less nor equal. Poison left in place in both the GPU's
        // and the twin's output is no difference: the kernel leaves that element alone.
        // (Widening a constant NaN at compile time would lose its bits, hence the black box.)
        let poison = f64::from(f32::from_bits(black_box(POISON))).to_bits();
        let untouched = got.to_bits() == poison && want.to_bits() == poison;
        let difference = (got - want).abs();
        assert!(
            untouched || difference <= allowed,
            "{what}, element {index}: {got} instead of {want} (allowed {allowed:e})"
        );
    }
}

impl Launch {
    /// Which word of the Params is the activation, for kernels that have one.
    fn activation(&self) -> Option<usize> {
        let mut fields = self.call.kernel.params.iter();
        fields.position(|(name, _)| *name == "activation")
    }

    /// The same launch on the absolute values of all floats, without activation.
    fn magnitudes(&self) -> Self {
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
    fn program(&self) -> Program {
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
                label: "test".to_owned(),
                phase: Phase::Forward,
                call: self.call.clone(),
                slices: (lens.iter().enumerate())
                    .map(|(buffer, &len)| BufferSlice {
                        buffer,
                        offset: SENTINELS,
                        len,
                    })
                    .collect(),
            }],
        }
    }

    fn written(&self) -> impl Iterator<Item = (usize, Scalar)> {
        let bindings = self.call.kernel.bindings.iter().enumerate();
        let written = bindings.filter(|(_, binding)| binding.access == Access::ReadWrite);
        written.map(|(index, binding)| (index, binding.scalar))
    }
}

impl Argument {
    fn len(&self) -> usize {
        match self {
            Self::Floats(floats) => floats.len(),
            Self::Words(words) => words.len(),
            Self::Poisoned(len) => *len,
        }
    }

    fn words(&self) -> Vec<u32> {
        match self {
            Self::Floats(floats) => floats.iter().map(|float| float.to_bits()).collect(),
            Self::Words(words) => words.clone(),
            Self::Poisoned(len) => vec![POISON; *len],
        }
    }
}

/// The twin's outputs, in precision `T`.
pub fn run_twin<T: Real>(launch: &Launch) -> Vec<Output> {
    let mut program = CpuProgram::<T>::new(Arc::new(launch.program()));
    for (memory, argument) in program.memory.iter_mut().zip(&launch.arguments) {
        let range = SENTINELS..SENTINELS + argument.len();
        match memory {
            Memory::Real(floats) => {
                for (float, word) in floats[range].iter_mut().zip(argument.words()) {
                    *float = T::of(f64::from(f32::from_bits(word)));
                }
            }
            Memory::Word(words) => words[range].copy_from_slice(&argument.words()),
        }
    }
    program.run(&launch.step);
    launch
        .written()
        .map(|(index, _)| match &program.memory[index] {
            Memory::Real(floats) => {
                let inner = &floats[SENTINELS..floats.len() - SENTINELS];
                Output::Floats(inner.iter().map(|float| float.wide()).collect())
            }
            Memory::Word(words) => Output::Words(words[SENTINELS..words.len() - SENTINELS].into()),
        })
        .collect()
}

/// The GPU's outputs; asserts that no sentinel was overwritten.
pub fn run_gpu(gpu: &Gpu, launch: &Launch) -> Vec<Output> {
    let program = GpuProgram::new(gpu, &launch.program(), &SharedBuffers::new())
        .unwrap_or_else(|error| panic!("{error}"));
    for (index, argument) in launch.arguments.iter().enumerate() {
        let mut words = vec![SENTINEL; SENTINELS];
        words.extend(argument.words());
        words.extend([SENTINEL; SENTINELS]);
        gpu.write(program.buffer(index), 0, bytemuck::cast_slice(&words))
            .expect("writes");
    }
    let mut encoder = gpu
        .device()
        .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
    program.encode(&mut pass, &launch.step);
    drop(pass);
    gpu.queue().submit([encoder.finish()]);
    let read = |(index, scalar): (usize, Scalar)| {
        let len = launch.arguments[index].len() + 2 * SENTINELS;
        let bytes = gpu.read(program.buffer(index), 0, len as u64 * 4);
        let words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes.expect("reads"));
        let inner = &words[SENTINELS..len - SENTINELS];
        let outside = words[..SENTINELS].iter().chain(&words[len - SENTINELS..]);
        for word in outside {
            assert_eq!(*word, SENTINEL, "wrote outside binding {index}");
        }
        match scalar {
            Scalar::F32 => Output::Floats(
                inner
                    .iter()
                    .map(|&word| f64::from(f32::from_bits(word)))
                    .collect(),
            ),
            Scalar::U32 => Output::Words(inner.to_vec()),
        }
    };
    launch.written().map(read).collect()
}

/// A step of `batch` samples.
pub fn batch(batch: usize) -> Step {
    Step {
        batch: batch as u32,
        ..Step::default()
    }
}

/// Reproducible numbers for tests.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 32 random bits (`SplitMix64`).
    pub fn bits(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 32) as u32
    }

    /// `len` floats from -1 to 1.
    pub fn floats(&mut self, len: usize) -> Vec<f32> {
        let unit = |bits: u32| f64::from(bits) / f64::from(u32::MAX);
        (0..len)
            .map(|_| (2.0 * unit(self.bits()) - 1.0) as f32)
            .collect()
    }

    /// `len` whole numbers from -4 to 4: their sums are exact in f32.
    pub fn integers(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| (self.bits() % 9) as f32 - 4.0).collect()
    }
}

/// `values` with NaN appended up to `len`: what lies past the batch must not be read.
pub fn with_stale_rows(mut values: Vec<f32>, len: usize) -> Vec<f32> {
    values.resize(len, f32::NAN);
    values
}

/// `len` numbers in no order, each at least 0.01 from every other: maxima without ties.
pub fn distinct(len: usize) -> Vec<f64> {
    // 7919 is a prime, and larger than any `len` that a test uses: every remainder comes once.
    assert!(len < 7_919);
    (1..=len)
        .map(|i| (i * 3_571 % 7_919) as f64 * 0.01 - 40.0)
        .collect()
}

/// Zeroes what pads `channels` to `stride` in rows of `stride` floats: the contract on inputs.
pub fn zero_padding(mut floats: Vec<f32>, channels: usize, stride: usize) -> Vec<f32> {
    for row in floats.chunks_mut(stride) {
        row[channels..].fill(0.0);
    }
    floats
}

/// Asserts that `gradient[i]` is the derivative of `loss` by `at[i]`, by central differences.
pub fn assert_gradient(at: &[f64], gradient: &[f64], loss: impl Fn(&[f64]) -> f64, what: &str) {
    let step = 1e-5;
    for index in 0..at.len() {
        let mut moved = at.to_vec();
        moved[index] = at[index] + step;
        let above = loss(&moved);
        moved[index] = at[index] - step;
        let slope = (above - loss(&moved)) / (2.0 * step);
        let difference = (slope - gradient[index]).abs();
        assert!(
            difference <= 1e-6 * (1.0 + slope.abs()),
            "{what}, element {index}: gradient {} instead of {slope}",
            gradient[index]
        );
    }
}
