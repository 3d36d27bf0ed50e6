//! Twins: what a kernel computes, in plain Rust on slices, with sums in f64.
//!
//! A twin is written for reading, not for speed: loops over samples, pixels and channels, generic
//! over f32 (what devices are compared with) and f64 (what finite differences are taken of).

use super::{Call, Real, Slice, Step};

/// A kernel's twin with its arguments untyped, which lie in binding order.
#[derive(Debug, Clone, Copy)]
pub struct Twin {
    /// In single precision.
    pub f32: fn(&Call, &Step, &mut [Slice<'_, f32>]),
    /// In double precision.
    pub f64: fn(&Call, &Step, &mut [Slice<'_, f64>]),
}

impl Twin {
    /// Runs it on `slices`.
    ///
    /// # Panics
    /// If the slices are not the kernel's bindings: a bug, caught by every test that uses the kernel.
    pub fn run<T: Real>(&self, call: &Call, step: &Step, slices: &mut [Slice<'_, T>]) {
        T::twin(self)(call, step, slices);
    }
}

/// Defines `TWIN`, which calls the function `twin`: `twin!(input: real, output: real_mut)` calls
/// `twin(params, step, input, output)`.
macro_rules! twin {
    ($($name:ident: $kind:ident),+) => {
        /// [`twin`] on untyped arguments.
        fn untyped_twin<T: $crate::kernel::Real>(
            call: &$crate::kernel::Call,
            step: &$crate::kernel::Step,
            slices: &mut [$crate::kernel::Slice<'_, T>],
        ) {
            let [$($name),+] = slices else {
                panic!("{}: wrong number of buffers", call.kernel.name);
            };
            twin(call.params(), step, $($name.$kind()),+);
        }

        /// [`twin`] in both precisions.
        const TWIN: $crate::kernel::Twin = $crate::kernel::Twin {
            f32: untyped_twin::<f32>,
            f64: untyped_twin::<f64>,
        };
    };
}
pub(crate) use twin;
