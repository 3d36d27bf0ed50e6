//! Floor 3: the CPU twin of every kernel, on slices, with sums in f64.
//!
//! A twin is written for reading, not for speed: loops over samples, pixels and channels, generic
//! over f32 (what the GPU is compared with) and f64 (what finite differences are taken of).

mod real;
mod slice;

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
pub mod linear_backward_weight;
pub mod linear_forward;
pub mod max_pool2d_backward;
pub mod max_pool2d_forward;
pub mod mse_loss;
pub mod squared_norm;
pub mod sum_partials;

pub use real::Real;
pub use slice::Slice;

use crate::kernels::{Call, Step};

/// A twin with its arguments still untyped: what the CPU executor calls.
pub type Replay<T> = fn(&Call, &Step, &mut [Slice<'_, T>]);

/// Every twin by its kernel's name. A new one adds its line here.
pub fn registry<T: Real>() -> &'static [(&'static str, Replay<T>)] {
    &[
        ("activation_backward", activation_backward::replay),
        ("activation_forward", activation_forward::replay),
        ("conv2d_backward_input", conv2d_backward_input::replay),
        ("conv2d_backward_weight", conv2d_backward_weight::replay),
        ("conv2d_forward", conv2d_forward::replay),
        (
            "conv2d_max_pool2d_backward_input",
            conv2d_max_pool2d_backward_input::replay,
        ),
        (
            "conv2d_max_pool2d_backward_weight",
            conv2d_max_pool2d_backward_weight::replay,
        ),
        (
            "conv2d_max_pool2d_forward",
            conv2d_max_pool2d_forward::replay,
        ),
        ("linear_backward_weight", linear_backward_weight::replay),
        ("linear_forward", linear_forward::replay),
        ("sum_partials", sum_partials::replay),
        ("squared_norm", squared_norm::replay),
        ("clip_gradients", clip_gradients::replay),
        ("adam_step", adam_step::replay),
        (
            "adaptive_max_pool2d_backward",
            adaptive_max_pool2d_backward::replay,
        ),
        (
            "adaptive_max_pool2d_forward",
            adaptive_max_pool2d_forward::replay,
        ),
        ("epoch_permutation", epoch_permutation::replay),
        ("gather", gather::replay),
        ("max_pool2d_backward", max_pool2d_backward::replay),
        ("max_pool2d_forward", max_pool2d_forward::replay),
        ("mse_loss", mse_loss::replay),
    ]
}

/// Runs the twin of `call`'s kernel on `slices`, which lie in binding order.
///
/// # Panics
/// If the kernel has no twin or the slices are not its bindings: a bug, caught by every test that
/// uses the kernel.
pub fn replay<T: Real>(call: &Call, step: &Step, slices: &mut [Slice<'_, T>]) {
    let twin = registry::<T>()
        .iter()
        .find(|(name, _)| *name == call.kernel.name);
    let (_, replay) = twin.unwrap_or_else(|| panic!("{} has no CPU twin", call.kernel.name));
    replay(call, step, slices);
}

/// Defines `replay` for a twin: `twin!(input: real, output: real_mut)` calls
/// `run(params, step, input, output)`.
macro_rules! twin {
    ($($name:ident: $kind:ident),+) => {
        /// [`run`] on untyped arguments.
        pub(super) fn replay<T: $crate::reference::Real>(
            call: &$crate::kernels::Call,
            step: &$crate::kernels::Step,
            slices: &mut [$crate::reference::Slice<'_, T>],
        ) {
            let [$($name),+] = slices else {
                panic!("{}: wrong number of buffers", call.kernel.name);
            };
            run(call.params(), step, $($name.$kind()),+);
        }
    };
}
use twin;
