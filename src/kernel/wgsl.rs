//! The WGSL of a shader: the constants of its variant, then its file, which is WGSL but for lines such as
//! `//#include step`, in whose place the text of `shaders/shared/step.wgsl` comes.

use crate::kernel::Variant;

/// Texts that shaders include, by name: functions, types and constants, never pieces of statements. A new
/// one adds its line here.
const SNIPPETS: &[(&str, &str)] = &[
    ("adam", include_str!("../../shaders/shared/adam.wgsl")),
    (
        "partial_sums",
        include_str!("../../shaders/shared/partial_sums.wgsl"),
    ),
    (
        "activation",
        include_str!("../../shaders/shared/activation.wgsl"),
    ),
    ("direct", include_str!("../../shaders/shared/direct.wgsl")),
    ("finite", include_str!("../../shaders/shared/finite.wgsl")),
    (
        "image_padding",
        include_str!("../../shaders/shared/image_padding.wgsl"),
    ),
    (
        "max_window",
        include_str!("../../shaders/shared/max_window.wgsl"),
    ),
    ("picked", include_str!("../../shaders/shared/picked.wgsl")),
    ("product", include_str!("../../shaders/shared/product.wgsl")),
    ("random", include_str!("../../shaders/shared/random.wgsl")),
    (
        "resident_images",
        include_str!("../../shaders/shared/resident_images.wgsl"),
    ),
    ("step", include_str!("../../shaders/shared/step.wgsl")),
    ("thread", include_str!("../../shaders/shared/thread.wgsl")),
    (
        "two_over",
        include_str!("../../shaders/shared/two_over.wgsl"),
    ),
    (
        "input_gradient",
        include_str!("../../shaders/shared/input_gradient.wgsl"),
    ),
    (
        "weight_gradient",
        include_str!("../../shaders/shared/weight_gradient.wgsl"),
    ),
];

/// The line in whose place what varies from step to step is declared.
pub(super) const STEP: &str = "//#include step";

/// The WGSL of `source` in one of its variants.
///
/// # Panics
/// If it includes what is not there: a bug of the shader, which the contract test finds.
pub fn assemble(source: &str, variant: Variant) -> String {
    let constants = variant
        .iter()
        .map(|(name, value)| format!("const {name}: u32 = {value}u;\n"));
    let mut wgsl: String = constants.collect();
    for line in source.lines() {
        wgsl.push_str(
            line.strip_prefix("//#include ")
                .map_or(line, |name| snippet(name)),
        );
        wgsl.push('\n');
    }
    wgsl
}

fn snippet(name: &str) -> &'static str {
    let found = SNIPPETS.iter().find(|snippet| snippet.0 == name);
    found.unwrap_or_else(|| panic!("no snippet '{name}'")).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_come_first_and_snippets_in_their_place() {
        let wgsl = assemble("// One.\n//#include step\n// Two.", &[("A", 4), ("B", 1)]);
        let start = "const A: u32 = 4u;\nconst B: u32 = 1u;\n// One.\n// What varies";
        assert!(wgsl.starts_with(start), "{wgsl}");
        assert!(wgsl.contains("var<immediate> step: Step;\n"), "{wgsl}");
        assert!(wgsl.ends_with("// Two.\n"), "{wgsl}");
    }

    #[test]
    #[should_panic(expected = "no snippet 'nothing'")]
    fn a_snippet_must_be_there() {
        assemble("//#include nothing", &[]);
    }
}
