//! What every kernel has beside its shader: files, a test, a twin, cases.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gpu_train::kernels::{self, Kernel, Variant};
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
        let shader = fs::read_to_string(root.join(format!("shaders/{name}.wgsl")));
        assert_eq!(shader.expect("it was there"), kernel.source, "{name}");
        let tests = fs::read_to_string(root.join("tests/kernels/main.rs"));
        let line = format!("\nmod {name};\n");
        assert!(
            tests.expect("it is there").contains(&line),
            "{name} is not tested"
        );
    }
    let names: BTreeSet<String> = kernels::ALL.iter().map(|it| it.name.to_owned()).collect();
    assert_eq!(names.len(), kernels::ALL.len(), "two kernels of one name");
    let files_of = |folder: &str| -> BTreeSet<String> {
        let files = fs::read_dir(root.join(folder)).expect("there are shaders");
        files
            .map(|file| file.expect("it can be listed").path())
            .filter(|path| path.is_file())
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect()
    };
    assert_eq!(
        files_of("shaders"),
        names,
        "files of shaders/, and kernels::ALL"
    );
    // Kernels whose tiles in workgroup memory have a text of their own, and no other, have one.
    let kernels = kernels::ALL.iter();
    let own = kernels.filter(|it| it.source.contains("//#ifdef SLICES"));
    let own: BTreeSet<String> = own.map(|it| it.name.to_owned()).collect();
    assert_eq!(files_of("shaders/workgroup"), own, "shaders/workgroup/");
    let kernels = kernels::ALL.iter();
    let sliding = |it: &&&Kernel| {
        it.source
            .contains(&format!("//#include sliding_{}", it.name))
    };
    let own: BTreeSet<String> = kernels
        .filter(sliding)
        .map(|it| it.name.to_owned())
        .collect();
    assert_eq!(files_of("shaders/sliding"), own, "shaders/sliding/");
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
