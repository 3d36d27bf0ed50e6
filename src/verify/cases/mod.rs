//! The launches that run every variant of every kernel on odd sizes, one file per kernel.
//!
//! Sums of small whole numbers are exact whatever their order, so that a wrong index shows in full;
//! sums of floats show how a driver rounds. Batches are smaller than what their buffers hold, and
//! what lies behind them is NaN.

pub mod activation_backward;
pub mod activation_forward;
pub mod adam_step;
pub mod adaptive_max_pool2d_backward;
pub mod adaptive_max_pool2d_forward;
pub mod clip_gradients;
pub mod conv2d_backward_input;
pub mod conv2d_backward_weight;
pub mod conv2d_forward;
pub mod conv2d_max_pool2d_backward_input;
pub mod conv2d_max_pool2d_backward_weight;
pub mod conv2d_max_pool2d_forward;
pub mod epoch_permutation;
pub mod gather;
pub mod inputs;
pub mod linear_backward_weight;
pub mod linear_forward;
pub mod max_pool2d_backward;
pub mod max_pool2d_forward;
pub mod mse_loss;
pub mod squared_norm;
pub mod sum_partials;

use super::{Launch, Tolerance};
use crate::kernels::Kernel;

/// A launch, and how close to its twin it must be.
#[derive(Debug, Clone)]
pub struct Case {
    /// The launch.
    pub launch: Launch,
    /// How close.
    pub tolerance: Tolerance,
}

impl Launch {
    /// The case that this launch gives the twin's bits.
    pub(super) fn exact(self) -> Case {
        self.within(Tolerance::Exact)
    }

    /// The case that this launch is within `tolerance` of the twin.
    pub(super) fn within(self, tolerance: Tolerance) -> Case {
        let launch = self;
        Case { launch, tolerance }
    }
}

/// A kernel's name, and what makes its cases.
type Entry = (&'static str, fn() -> Vec<Case>);

/// The cases of every kernel. A new one adds its line here.
const REGISTRY: &[Entry] = &[
    ("activation_backward", activation_backward::cases),
    ("activation_forward", activation_forward::cases),
    ("conv2d_backward_input", conv2d_backward_input::cases),
    ("conv2d_backward_weight", conv2d_backward_weight::cases),
    ("conv2d_forward", conv2d_forward::cases),
    (
        "conv2d_max_pool2d_backward_input",
        conv2d_max_pool2d_backward_input::cases,
    ),
    (
        "conv2d_max_pool2d_backward_weight",
        conv2d_max_pool2d_backward_weight::cases,
    ),
    (
        "conv2d_max_pool2d_forward",
        conv2d_max_pool2d_forward::cases,
    ),
    ("linear_backward_weight", linear_backward_weight::cases),
    ("linear_forward", linear_forward::cases),
    ("sum_partials", sum_partials::cases),
    ("squared_norm", squared_norm::cases),
    ("clip_gradients", clip_gradients::cases),
    ("adam_step", adam_step::cases),
    (
        "adaptive_max_pool2d_backward",
        adaptive_max_pool2d_backward::cases,
    ),
    (
        "adaptive_max_pool2d_forward",
        adaptive_max_pool2d_forward::cases,
    ),
    ("epoch_permutation", epoch_permutation::cases),
    ("gather", gather::cases),
    ("max_pool2d_backward", max_pool2d_backward::cases),
    ("max_pool2d_forward", max_pool2d_forward::cases),
    ("mse_loss", mse_loss::cases),
];

/// The cases of `kernel`; they cover every one of its variants, and nothing else
/// (`tests/shader_contract/` checks it).
///
/// # Panics
/// If the kernel has none: a bug, caught by that test.
pub fn of(kernel: &Kernel) -> Vec<Case> {
    let cases = REGISTRY.iter().find(|(name, _)| *name == kernel.name);
    let (_, cases) = cases.unwrap_or_else(|| panic!("{} has no cases", kernel.name));
    cases()
}
