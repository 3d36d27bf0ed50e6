//! The forms in which a product's text may have its tile.

use crate::kernel::{Call, Variant};

/// How the text of a kernel goes through what one thread loads and sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Line by line, as the expander writes them out. What is chosen.
    #[default]
    Expanded,
    /// In loops over small arrays, which the driver's compiler is to unroll. Never chosen, until a GPU
    /// has shown which of the two is faster.
    Loops,
}

impl Form {
    /// The form that `variant` is of.
    pub fn of(variant: Variant) -> Self {
        if variant.contains(&("LOOPS", 1)) {
            Self::Loops
        } else {
            Self::Expanded
        }
    }
}

impl Call {
    /// The same call, by the kernel's text of that form, where it has one.
    #[must_use]
    pub fn in_form(self, form: Form) -> Self {
        let is_tile = |value: &&(&str, u32)| value.0 != "LOOPS";
        let same_tile = |other: &&Variant| {
            let own = self.variant.iter().filter(is_tile);
            Form::of(other) == form && other.iter().filter(is_tile).eq(own)
        };
        let variant = self.kernel.variants.iter().find(same_tile);
        let variant = variant.copied().unwrap_or(self.variant);
        Self { variant, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;
    use crate::kernel::target::{AdapterKind, Target};
    use crate::kernel::tile;
    use crate::ops::conv2d::conv2d_forward;
    use crate::ops::linear::linear_forward;
    use crate::shape::{ConvShape, ImageShape};

    #[test]
    fn a_call_changes_its_form_and_nothing_else() {
        let target = Target::portable(AdapterKind::Gpu);
        let expanded = linear_forward::call(1, 3072, 128, Activation::Relu, &target);
        assert_eq!(Form::of(expanded.variant), Form::Expanded);
        let loops = expanded.clone().in_form(Form::Loops);
        assert_eq!(Form::of(loops.variant), Form::Loops);
        assert_ne!(loops, expanded);
        assert_eq!(
            tile::workgroup_bytes(loops.variant),
            expanded.workgroup_bytes
        );
        assert_eq!(loops.in_form(Form::Expanded), expanded);
    }

    #[test]
    fn a_kernel_of_one_form_stays_as_it_is() {
        let shape = ConvShape {
            input: ImageShape::new(3, 9, 9),
            out_channels: 5,
            kernel_height: 3,
            kernel_width: 3,
            stride: 1,
        };
        let target = Target::portable(AdapterKind::Gpu);
        let call = conv2d_forward::call(&shape, Activation::Relu, &target);
        assert_eq!(call.clone().in_form(Form::Loops), call);
    }
}
