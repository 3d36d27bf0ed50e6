//! Which variants run on which cases, and which of them checked.

use crate::kernels::{Kernel, Variant};
use crate::verify::cases::{self, Case};

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
    wgsl_len: usize,
    /// Whether its threads share what they load through their subgroup.
    pub shares: bool,
    /// Whether it runs with checked shaders, too.
    pub checked: bool,
    pub cases: Vec<Case>,
}

impl Plan {
    /// What to run of `kernel`.
    ///
    /// All variants run as training runs them, unchecked. Of each family of tiles, which have one
    /// text, the shortest variant runs checked, too: variants of a family differ by how often lines
    /// are written out, and bounds checks by what is written around an index.
    pub fn of(kernel: &'static Kernel) -> Self {
        let mut variants: Vec<Planned> = Vec::new();
        for case in cases::of(kernel) {
            let variant = case.launch.call.variant;
            if let Some(planned) = variants.iter_mut().find(|it| it.variant == variant) {
                planned.cases.push(case);
                continue;
            }
            let wgsl = kernel.wgsl(variant).unwrap_or_default();
            variants.push(Planned {
                variant,
                wgsl_len: wgsl.len(),
                shares: wgsl.contains("subgroup"),
                checked: false,
                cases: vec![case],
            });
        }
        for index in 0..variants.len() {
            let of_family = |it: &&Planned| it.family().eq(variants[index].family());
            let family = variants.iter().filter(of_family);
            let shortest = family.min_by_key(|it| it.wgsl_len).map(|it| it.variant);
            variants[index].checked = shortest == Some(variants[index].variant);
        }
        Self { kernel, variants }
    }
}

impl Planned {
    /// What the variants of one text have in common: the names of their values, and whether lanes
    /// share loads.
    fn family(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let names = self.variant.iter();
        names.map(|&(name, value)| (name, name == "LANES" && value > 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::conv2d_forward;

    #[test]
    fn one_variant_of_each_family_runs_checked() {
        let plan = Plan::of(&conv2d_forward::KERNEL);
        let checked = plan.variants.iter().filter(|it| it.checked);
        // In workgroup memory, sliding with lanes, sliding without.
        assert_eq!(checked.count(), 3);
        assert_eq!(plan.variants.len(), conv2d_forward::KERNEL.variants.len());
    }
}
