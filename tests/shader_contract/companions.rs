//! What every kernel has beside its shader: files, a test, a twin, cases.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gpu_train::kernels::{self, Form, Variant};
use gpu_train::reference;
use gpu_train::verify::cases;

#[test]
fn every_kernel_has_its_four_files_and_every_shader_its_kernel() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for kernel in kernels::ALL {
        let name = kernel.name;
        for file in [
            format!("shaders/{name}.wgsl"),
            format!("src/kernels/{name}.rs"),
            format!("src/reference/{name}.rs"),
            format!("tests/kernels/{name}.rs"),
        ] {
            assert!(root.join(&file).is_file(), "kernel {name} has no {file}");
        }
        let text = |name: &str| {
            let shader = fs::read_to_string(root.join(format!("shaders/{name}.wgsl")));
            shader.unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        assert_eq!(text(name), kernel.source, "{name}");
        if let Some(loops) = kernel.loops {
            assert_eq!(text(&format!("{name}_loops")), loops, "{name}");
        }
        let tests = fs::read_to_string(root.join("tests/kernels/main.rs"));
        let line = format!("\nmod {name};\n");
        assert!(
            tests.expect("it is there").contains(&line),
            "{name} is not tested"
        );
    }
    let names: BTreeSet<String> = kernels::ALL.iter().map(|it| it.name.to_owned()).collect();
    assert_eq!(names.len(), kernels::ALL.len(), "two kernels of one name");
    let with_loops = kernels::ALL.iter().filter(|it| it.loops.is_some());
    let loops = with_loops.map(|it| format!("{}_loops", it.name));
    assert_eq!(
        files_of("shaders"),
        names.into_iter().chain(loops).collect(),
        "files of shaders/, and kernels::ALL"
    );
}

/// Names of the files in a folder of the repository, without what they end in.
fn files_of(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder).expect("there are shaders");
    files
        .map(|file| file.expect("it can be listed").path())
        .filter(|path| path.is_file())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect()
}

/// Who reads a kernel opens its own file, and at most the functions that it includes.
#[test]
fn what_is_included_includes_nothing_and_has_no_directives() {
    for name in files_of("shaders/shared") {
        let path = format!("shaders/shared/{name}.wgsl");
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path));
        let text = text.expect("it was listed");
        assert!(!text.contains("//#") && !text.contains("${"), "{path}");
    }
}

/// A text in loops has variants, and no variant asks for one that is not there.
#[test]
fn variants_in_loops_have_a_text() {
    for kernel in kernels::ALL {
        let in_loops = |it: &&Variant| Form::of(it) == Form::Loops;
        let has_variants = kernel.variants.iter().any(|it| in_loops(&it));
        assert_eq!(has_variants, kernel.loops.is_some(), "{}", kernel.name);
    }
}

#[test]
fn every_kernel_has_a_twin() {
    let kernels: BTreeSet<&str> = kernels::ALL.iter().map(|kernel| kernel.name).collect();
    let twins: BTreeSet<&str> = reference::registry::<f32>().iter().map(|it| it.0).collect();
    assert_eq!(kernels, twins);
}

/// `gpu-train doctor` and the kernel tests run these.
#[test]
fn cases_cover_every_variant_and_nothing_else() {
    for kernel in kernels::ALL {
        let cases = cases::of(kernel);
        let covered: BTreeSet<Variant> = cases.iter().map(|it| it.launch.call.variant).collect();
        let there_are: BTreeSet<Variant> = kernel.variants.iter().copied().collect();
        assert_eq!(covered, there_are, "{}", kernel.name);
        for case in &cases {
            assert_eq!(case.launch.call.kernel.name, kernel.name);
            assert_eq!(case.launch.arguments.len(), kernel.bindings.len());
        }
    }
}
