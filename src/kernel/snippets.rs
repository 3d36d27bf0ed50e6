//! Texts that shaders include by name, such as `//#include step`: functions, types and constants, never
//! pieces of statements.

/// Name and text: a new one adds its line here.
pub const SNIPPETS: &[(&str, &str)] = &[
    (
        "activation",
        include_str!("../../shaders/shared/activation.wgsl"),
    ),
    ("finite", include_str!("../../shaders/shared/finite.wgsl")),
    (
        "max_window",
        include_str!("../../shaders/shared/max_window.wgsl"),
    ),
    ("step", include_str!("../../shaders/shared/step.wgsl")),
    ("thread", include_str!("../../shaders/shared/thread.wgsl")),
];
