//! Which variants run on which cases, and which of them checked.

use crate::kernel::case::Case;
use crate::kernel::{Form, Kernel, Variant};

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
    /// Whether it runs with checked shaders, too.
    pub checked: bool,
    pub cases: Vec<Case>,
}

impl Plan {
    /// What to run of `kernel`.
    ///
    /// All variants run as training runs them, unchecked. Of each form of the text, the shortest
    /// variant runs checked, too: variants of a form differ by how often lines are written out, and
    /// bounds checks by what is written around an index.
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
                wgsl_len: kernel.wgsl(variant).map_or(0, |wgsl| wgsl.len()),
                checked: false,
                cases: vec![case],
            });
        }
        for index in 0..variants.len() {
            let form = Form::of(variants[index].variant);
            let of_form = variants.iter().filter(|it| Form::of(it.variant) == form);
            let shortest = of_form.min_by_key(|it| it.wgsl_len).map(|it| it.variant);
            variants[index].checked = shortest == Some(variants[index].variant);
        }
        Self { kernel, variants }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::linear::linear_forward;

    #[test]
    fn one_variant_of_each_form_runs_checked() {
        let plan = Plan::of(&linear_forward::KERNEL);
        let checked = plan.variants.iter().filter(|it| it.checked);
        let forms: Vec<Form> = checked.map(|it| Form::of(it.variant)).collect();
        assert_eq!(forms, [Form::Expanded, Form::Loops]);
        assert_eq!(plan.variants.len(), linear_forward::KERNEL.variants.len());
    }
}
