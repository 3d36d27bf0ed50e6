//! What every kernel has beside its shader: files, a test, a twin, cases.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use gpu_train::kernel::{Kernel, Variant};
use gpu_train::ops;

/// The rooms of `src/ops/`, by the kernels whose files they hold.
fn rooms() -> BTreeMap<String, BTreeSet<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops");
    let entries = fs::read_dir(root).expect("there are rooms");
    let folders = entries.map(|it| it.expect("it can be listed").path());
    let name = |path: &Path| path.file_name().expect("has one").to_string_lossy().into();
    let rooms = folders.filter(|it| it.is_dir()).map(|folder| {
        let room: String = name(&folder);
        let files = files_of(&format!("src/ops/{room}"), "rs").into_iter();
        let kernels = ops::ALL.iter().map(|it| it.name.to_owned()).collect();
        (
            room,
            files
                .collect::<BTreeSet<_>>()
                .intersection(&kernels)
                .cloned()
                .collect(),
        )
    });
    rooms.collect()
}

#[test]
fn every_kernel_has_a_room_a_shader_there_and_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut homeless: BTreeSet<&str> = ops::ALL.iter().map(|it| it.name).collect();
    assert_eq!(homeless.len(), ops::ALL.len(), "two kernels of one name");
    for (room, names) in rooms() {
        let of_room = |it: &&&Kernel| names.contains(it.name);
        let mut shaders = BTreeSet::new();
        for kernel in ops::ALL.iter().filter(of_room) {
            let text = |name: &str| {
                let shader = fs::read_to_string(root.join(format!("shaders/{room}/{name}.wgsl")));
                shader.unwrap_or_else(|error| panic!("{name}: {error}"))
            };
            let name = kernel.name;
            assert!(homeless.remove(name), "{name} has two rooms");
            assert_eq!(text(name), kernel.source, "{name}");
            shaders.insert(name.to_owned());
            let test = format!("tests/kernels/{name}.rs");
            assert!(root.join(&test).is_file(), "kernel {name} has no {test}");
            let tests = fs::read_to_string(root.join("tests/kernels/main.rs"));
            let line = format!("\nmod {name};\n");
            assert!(tests.expect("it is there").contains(&line), "{name}");
        }
        assert_eq!(
            files_of(&format!("shaders/{room}"), "wgsl"),
            shaders,
            "{room}"
        );
    }
    assert_eq!(homeless, BTreeSet::new(), "kernels without a room");
}

/// Names of the files of that kind in a folder of the repository, without what they end in.
fn files_of(folder: &str, extension: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder).expect("there is such a folder");
    files
        .map(|file| file.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect()
}

/// Who reads a kernel opens its own file, and at most the functions that it includes.
#[test]
fn what_is_included_includes_nothing() {
    for name in files_of("shaders/shared", "wgsl") {
        let path = format!("shaders/shared/{name}.wgsl");
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path));
        let text = text.expect("it was listed");
        assert!(!text.contains("//#"), "{path}");
    }
}

/// `gpu-train doctor` and the kernel tests run these.
#[test]
fn cases_cover_every_variant_and_nothing_else() {
    for kernel in ops::ALL {
        let cases = (kernel.cases)();
        let covered: BTreeSet<Variant> = cases.iter().map(|it| it.launch.call.variant).collect();
        let there_are: BTreeSet<Variant> = kernel.variants.iter().copied().collect();
        assert_eq!(covered, there_are, "{}", kernel.name);
        for case in &cases {
            assert_eq!(case.launch.call.kernel.name, kernel.name);
            assert_eq!(case.launch.arguments.len(), kernel.bindings.len());
        }
    }
}
