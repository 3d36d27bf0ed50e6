//! `sgd_step`: host side, twin, native kernel and cases of `shaders/optimizer/sgd_step.wgsl`.

use pulp::{Arch, Simd};
use rayon::prelude::*;

use super::{Optimizer, normal};
use crate::error::{Error, Result};
use crate::kernel::case::{Argument, Case, Launch, Output, Tolerance, run_twin};
use crate::kernel::native::Part;
use crate::kernel::numbers::Random;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, Variant, params, reads, twin, writes,
    writes_words,
};
use crate::shape::QUAD;

/// Quads per thread.
const ITEMS: u32 = 4;
const VARIANT: Variant = &[("ITEMS", ITEMS)];

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "sgd_step",
    source: include_str!("../../../shaders/optimizer/sgd_step.wgsl"),
    bindings: &[
        writes("parameters"),
        reads("gradients"),
        writes("momentum_buffer"),
        writes_words("faults"),
    ],
    params: Params::FIELDS,
    variants: &[VARIANT],
    twin: TWIN,
    native: Some(native),
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Quads of each of the three flat buffers.
        pub quads: u32,
        /// Share of the momentum buffer that stays.
        pub momentum: f32,
        /// 1 for Nesterov's momentum, else 0.
        pub nesterov: u32,
        /// Share of every parameter that is added to its gradient.
        pub weight_decay: f32,
    }
}

/// Stochastic gradient descent; the defaults are `PyTorch`'s.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sgd {
    /// Share of the direction of the last step that the next one keeps, from 0 to below 1.
    pub momentum: f64,
    /// Whether the gradient is taken a step ahead, as Nesterov has it.
    pub nesterov: bool,
    /// Share of every parameter that is added to its gradient (an L2 penalty).
    pub weight_decay: f64,
}

impl Optimizer for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn slots(&self) -> &'static [&'static str] {
        &["momentum_buffers"]
    }

    fn update(&self, len: usize) -> Call {
        let quads = len / QUAD;
        let params = Params {
            quads: quads as u32,
            momentum: self.momentum as f32,
            nesterov: u32::from(self.nesterov),
            weight_decay: self.weight_decay as f32,
        };
        let threads = quads.div_ceil(ITEMS as usize);
        Call::new(&KERNEL, VARIANT, &params, Grid::fixed(threads, 64)).for_whole_batch()
    }

    fn factors(&self, lr: f64, _t: u64) -> [f32; 4] {
        [lr as f32, 0.0, 0.0, 0.0]
    }

    fn validate(&self, _lr: f64) -> Result<()> {
        let (momentum, decay) = (self.momentum, self.weight_decay);
        if !(0.0..1.0).contains(&momentum) {
            let what = format!("`momentum` {momentum} is not from 0 to below 1");
            return Err(Error::usage(what, "try `momentum` 0.9"));
        }
        if self.nesterov && momentum == 0.0 {
            let what = "`nesterov` looks ahead along the momentum, and there is none";
            return Err(Error::usage(what, "add `momentum` 0.9"));
        }
        if !(decay >= 0.0 && (decay as f32).is_finite()) {
            let what = format!("`weight_decay` {decay} is not from 0 up");
            return Err(Error::usage(what, "try `weight_decay` 1e-4"));
        }
        Ok(())
    }
}

// The twin.

twin!(parameters: real_mut, gradients: real, momentum_buffer: real_mut, faults: word_mut);

/// One step over flat buffers, in the order of
/// <https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html> (no dampening: a buffer of
/// zeros is none yet); counts the gradients that are not finite in `faults[step.row]`.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    parameters: &mut [T],
    gradients: &[T],
    momentum_buffer: &mut [T],
    faults: &mut [u32],
) {
    let of = |factor: f32| T::of(f64::from(factor));
    let momentum = of(params.momentum);
    for index in 0..params.quads as usize * QUAD {
        let parameter = &mut parameters[index];
        let gradient = gradients[index] + of(params.weight_decay) * *parameter;
        let buffer = &mut momentum_buffer[index];
        *buffer = normal(momentum * *buffer + gradient);
        let direction = match params.nesterov {
            0 => *buffer,
            _ => gradient + momentum * *buffer,
        };
        *parameter = *parameter - of(step.factors[0]) * direction;
        if !gradients[index].is_finite() {
            faults[step.row as usize] += 1;
        }
    }
}

// The native kernel.

/// Floats that a thread updates at a time.
const BLOCK: usize = 8192;

/// One step, in the order of the twin; counts the gradients that are not finite.
fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [parameters, gradients, buffers, faults] = slices else {
        panic!("sgd_step binds four buffers");
    };
    let params: &Params = call.params();
    let len = params.quads as usize * QUAD;
    let parameters = parameters.real_mut()[..len].par_chunks_mut(BLOCK);
    let gradients = gradients.real()[..len].par_chunks(BLOCK);
    let buffers = buffers.real_mut()[..len].par_chunks_mut(BLOCK);
    let step = &part.step;
    let count: u32 = (parameters.zip(gradients).zip(buffers))
        .map(|((parameters, gradients), buffers)| {
            update(params, step.factors[0], parameters, gradients, buffers)
        })
        .sum();
    faults.word_mut()[step.row as usize] += count;
}

#[pulp::with_simd(update = Arch::new())]
#[inline(always)]
fn update_simd<'a, S: Simd>(
    _simd: S,
    params: &'a Params,
    lr: f32,
    parameters: &'a mut [f32],
    gradients: &'a [f32],
    buffers: &'a mut [f32],
) -> u32 {
    let Params {
        momentum,
        weight_decay,
        ..
    } = *params;
    let nesterov = params.nesterov == 1;
    let mut count = 0;
    for ((parameter, &own), buffer) in parameters.iter_mut().zip(gradients).zip(buffers) {
        let gradient = own + weight_decay * *parameter;
        *buffer = normal(momentum * *buffer + gradient);
        let ahead = gradient + momentum * *buffer;
        *parameter -= lr * if nesterov { ahead } else { *buffer };
        count += u32::from(!own.is_finite());
    }
    count
}

// The cases.

/// Rows of faults, of which a launch counts into the second.
const ROWS: usize = 3;

/// A step of `sgd` from `[parameters, momentum_buffer]`.
pub fn launch(sgd: Sgd, state: &[Vec<f32>; 2], gradients: Vec<f32>) -> Launch {
    let [parameters, buffer] = state.clone().map(Argument::Floats);
    let row = Step {
        row: 1,
        ..Step::default()
    };
    Launch {
        call: sgd.update(gradients.len()),
        step: sgd.step(row, 1e-2, 1),
        arguments: vec![
            parameters,
            Argument::Floats(gradients),
            buffer,
            Argument::Words(vec![5; ROWS]),
        ],
    }
}

/// The state after a step.
///
/// # Panics
/// If these are no outputs of a [`launch`]: a bug of the caller.
pub fn state_after(outputs: &[Output]) -> [Vec<f32>; 2] {
    [0, 1].map(|index| match &outputs[index] {
        Output::Floats(floats) => floats.iter().map(|&x| x as f32).collect(),
        Output::Words(_) => panic!("the state is floats"),
    })
}

/// Three steps each, plain, with momentum, with Nesterov's, with a decay, with tiny and huge gradients;
/// each starts from where the twin's last one ended, so that errors do not add up.
fn cases() -> Vec<Case> {
    let with = |momentum, nesterov, weight_decay| Sgd {
        momentum,
        nesterov,
        weight_decay,
    };
    let kinds = [
        with(0.0, false, 0.0),
        with(0.9, false, 0.0),
        with(0.5, true, 0.01),
    ];
    let mut cases = Vec::new();
    for len in [4, 28, 132, 1_028, 70_004] {
        for sgd in kinds {
            let mut random = Random::new(len as u64);
            let mut state = [random.floats(len), vec![0.0; len]];
            for _ in 0..3 {
                let mut gradients = random.floats(len);
                gradients[0] = 0.0;
                gradients[1] *= 1e-12;
                gradients[2] *= 1e6;
                let launch = launch(sgd, &state, gradients);
                state = state_after(&run_twin::<f32>(&launch));
                cases.push(launch.within(Tolerance::Elementwise));
            }
        }
    }
    cases
}
