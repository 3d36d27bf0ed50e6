//! Which variants run on which cases, and which of them checked.

use crate::kernel::case::Case;
use crate::kernel::{Kernel, Variant};

/// A kernel with its variants and their cases.
#[derive(Debug)]
pub(super) struct Plan {
    pub kernel: &'static Kernel,
    pub variants: Vec<Planned>,
}

/// A variant with its cases.
#[derive(Debug)]
pub(super) struct Planned {
    pub variant: Variant,
    /// Whether it runs with checked shaders, too.
    pub checked: bool,
    pub cases: Vec<Case>,
}

impl Plan {
    /// What to run of `kernel`.
    ///
    /// All variants run as training runs them, unchecked. The last one, which has the smallest tile where
    /// there are several, runs checked, too: variants differ by their constants, and bounds checks by what
    /// is written around an index.
    pub fn of(kernel: &'static Kernel) -> Self {
        let mut variants: Vec<Planned> = Vec::new();
        for case in (kernel.cases)() {
            let variant = case.launch.call.variant;
            if let Some(planned) = variants.iter_mut().find(|it| it.variant == variant) {
                planned.cases.push(case);
                continue;
            }
            variants.push(Planned {
                variant,
                checked: false,
                cases: vec![case],
            });
        }
        if let Some(last) = variants.last_mut() {
            last.checked = true;
        }
        Self { kernel, variants }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::linear::linear_forward;

    #[test]
    fn the_last_variant_runs_checked() {
        let plan = Plan::of(&linear_forward::KERNEL);
        let checked = plan.variants.iter().map(|it| it.checked);
        assert_eq!(checked.rev().take(2).collect::<Vec<_>>(), [true, false]);
        assert_eq!(plan.variants.len(), linear_forward::KERNEL.variants.len());
    }
}
