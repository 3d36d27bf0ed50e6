//! Host side of `shaders/adam_step.wgsl`.

use serde::{Deserialize, Serialize};

use super::{Call, Grid, Kernel, Params as _, Step, Variant, params, reads, writes, writes_words};
use crate::shape::QUAD;

/// Quads per thread.
const ITEMS: u32 = 4;
const VARIANT: Variant = &[("ITEMS", ITEMS)];

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "adam_step",
    source: include_str!("../../shaders/adam_step.wgsl"),
    loops: None,
    bindings: &[
        writes("parameters"),
        reads("gradients"),
        writes("first_moment"),
        writes("second_moment"),
        writes_words("faults"),
    ],
    params: Params::FIELDS,
    variants: &[VARIANT],
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Quads of each of the four flat buffers.
        pub quads: u32,
        /// `1 - beta1`, subtracted in f64.
        pub one_minus_beta1: f32,
        /// Decay of the second moment.
        pub beta2: f32,
        /// `1 - beta2`, subtracted in f64.
        pub one_minus_beta2: f32,
        /// Added to the denominator.
        pub epsilon: f32,
    }
}

/// What Adam keeps from its first step to its last; the defaults are `PyTorch`'s.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdamConfig {
    /// Decay of the first moment, at least 0.5: below, `PyTorch`'s `lerp` rounds otherwise.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the denominator, after the corrected square root.
    pub epsilon: f64,
    /// Share of every parameter that decays per unit of learning rate: 0 is Adam, more is `AdamW`.
    pub weight_decay: f64,
    /// Largest norm of the gradient by all parameters together; a longer one is shortened to it.
    pub clip_grad_norm: Option<f64>,
}

/// What of [`Step`] depends on how many steps Adam has taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factors {
    /// `lr / (1 - beta1^t)`.
    pub step_size: f32,
    /// `sqrt(1 - beta2^t)`.
    pub second_correction: f32,
    /// `lr * weight_decay`.
    pub decay: f32,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            clip_grad_norm: None,
        }
    }
}

impl AdamConfig {
    /// The factors of step `t`, counted from 1, at that learning rate, computed in f64.
    ///
    /// Source: <https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html>.
    pub fn factors(&self, lr: f64, t: u64) -> Factors {
        let correction = |beta: f64| 1.0 - beta.powf(t as f64);
        let step_size = lr / correction(self.beta1);
        let second_correction = correction(self.beta2).sqrt();
        Factors {
            step_size: step_size as f32,
            second_correction: second_correction as f32,
            decay: (lr * self.weight_decay) as f32,
        }
    }
}

impl Factors {
    /// `step` with these factors.
    pub fn of_step(self, step: Step) -> Step {
        Step {
            step_size: self.step_size,
            second_correction: self.second_correction,
            decay: self.decay,
            ..step
        }
    }
}

/// One step over flat buffers of `len` floats, a multiple of four.
pub fn call(len: usize, config: &AdamConfig) -> Call {
    let quads = len / QUAD;
    let params = Params {
        quads: quads as u32,
        one_minus_beta1: (1.0 - config.beta1) as f32,
        beta2: config.beta2 as f32,
        one_minus_beta2: (1.0 - config.beta2) as f32,
        epsilon: config.epsilon as f32,
    };
    let threads = quads.div_ceil(ITEMS as usize);
    Call::new(&KERNEL, VARIANT, &params, Grid::fixed(threads, 64)).for_whole_batch()
}
