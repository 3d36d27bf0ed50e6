//! A module imports only from floors below its own. Reads the paths in `src/**/*.rs`.

mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::{braces_end, list, list_all, paths, without_comments, without_tests};

/// The floors, from the ground up, by the modules of `src/` that stand on them. A new module adds
/// its name here, and its line to the table of ARCHITECTURE.md.
const FLOORS: &[&[&str]] = &[
    &["activation", "error", "files", "random", "shape"],
    &["data", "fetch", "kernel", "settings"],
    &["gpu", "graph", "ranks"],
    &["ops"],
    &["exec", "nn"],
    &["train", "verify"],
    &["run", "tune"],
    &["report", "doctor", "sweep", "export"],
    &["cli"],
    &["main", "lib"],
];

/// Imports between modules of one floor that are needed all the same: who, whom, why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[("files", "error", "errors about a file name it")];

#[test]
fn modules_import_only_from_floors_below() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    list(&root, &mut files);
    assert!(files.len() > 20, "the sources are found");
    let violations: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(file).expect("sources are readable");
            let inside = file.strip_prefix(&root).expect("it was found there");
            violations(inside, &text)
        })
        .collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// Files of different rooms of `src/ops/` do not import each other in a circle: who reads an operation
/// can begin at the end.
#[test]
fn no_circle_of_imports_leads_through_several_rooms() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    list(&root.join("ops"), &mut files);
    let module = |file: &Path| {
        let parts = file.strip_prefix(&root).expect("it was found there");
        let parts = parts.with_extension("");
        let parts = parts.iter().map(|it| it.to_string_lossy().into_owned());
        parts.filter(|it| it != "mod").collect::<Vec<String>>()
    };
    let modules: Vec<Vec<String>> = files.iter().map(|it| module(it)).collect();
    let imported = |file: &PathBuf| {
        let text = fs::read_to_string(file).expect("sources are readable");
        let text = without_tests(&without_comments(&text));
        let found = text.match_indices("crate::").flat_map(|(at, it)| {
            let text = &text[at + it.len()..];
            paths(&text[..text.find(';').unwrap_or(text.len())])
        });
        let found = found.filter_map(|path| {
            let held = modules.iter().enumerate();
            let held = held.filter(|(_, module)| path.starts_with(module));
            held.max_by_key(|(_, module)| module.len()).map(|it| it.0)
        });
        found.collect::<Vec<usize>>()
    };
    let imports: Vec<Vec<usize>> = files.iter().map(imported).collect();
    assert!(
        imports.iter().map(Vec::len).sum::<usize>() > 100,
        "imports are found"
    );
    let room = |file: usize| modules[file].get(1);
    for (start, module) in modules.iter().enumerate() {
        let (mut reached, mut open) = (vec![false; files.len()], vec![start]);
        while let Some(file) = open.pop() {
            let next = imports[file].iter().filter(|&&it| it != file);
            for &next in next {
                let closes = next == start && room(file) != room(start);
                assert!(
                    !closes,
                    "{module:?} imports itself through {:?}",
                    modules[file]
                );
                if !std::mem::replace(&mut reached[next], true) {
                    open.push(next);
                }
            }
        }
    }
}

/// One file lists the kernels; every other place asks it. (`mod` lines within a room are not counted: they
/// are part of the room.)
#[test]
fn there_is_one_registry_of_kernels() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    list(&root, &mut files);
    let names: Vec<&str> = gpu_train::ops::ALL.iter().map(|it| it.name).collect();
    let lists_kernels = |file: &&PathBuf| {
        let text = fs::read_to_string(file).expect("sources are readable");
        let text = without_comments(&text);
        names.iter().filter(|name| text.contains(**name)).count() > names.len() / 2
    };
    let registries: Vec<&PathBuf> = files.iter().filter(lists_kernels).collect();
    assert_eq!(registries, [&root.join("ops/mod.rs")]);
}

/// The library names settings, which have other names in other programs; the command line makes flags
/// of them where it prints.
#[test]
fn only_the_command_line_names_flags() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    list_all(&root, &mut files);
    files.retain(|file| !file.starts_with(root.join("cli")));
    for file in files {
        let text = fs::read_to_string(&file).expect("sources are readable");
        let code = text.lines().filter(|it| !it.trim_start().starts_with("//"));
        let starts_with_letter = |it: &str| it.starts_with(|c: char| c.is_ascii_lowercase());
        for line in code {
            let flag = line.split("--").skip(1).any(starts_with_letter);
            assert!(!flag, "{}: {line}", file.display());
        }
    }
}

/// What fits on no page is two things.
#[test]
fn no_file_is_longer_than_400_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "examples"] {
        list_all(&root.join(folder), &mut files);
    }
    for file in files {
        let text = fs::read_to_string(&file).expect("sources are readable");
        let lines = text.lines().count();
        assert!(lines <= 400, "{} has {lines} lines", file.display());
    }
}

/// Functions that hold unsafe code, each with its reason; the lint refuses it everywhere else.
const UNSAFE_FUNCTIONS: &[(&str, &str)] = &[
    ("src/cli/mod.rs", "hush_the_loader"),
    ("src/exec/cpu/bound.rs", "bind"),
    ("src/exec/cpu/bound.rs", "whole"),
    ("src/exec/cpu/memory.rs", "buffer_too_long"),
    ("src/exec/cpu/memory.rs", "slice"),
    // `unsafe impl Sync`.
    ("src/exec/cpu/memory.rs", "unsafe"),
    ("src/gpu/pipeline.rs", "module"),
    ("src/gpu/pipeline_cache.rs", "create"),
    ("src/kernel/native/product.rs", "multiply_strided"),
];

#[test]
fn unsafe_code_stands_only_where_it_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("is readable");
    assert!(manifest.contains("\nunsafe_code = \"deny\"\n"));
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches", "examples"] {
        let mut files = Vec::new();
        list_all(&root.join(folder), &mut files);
        for file in files {
            let text = fs::read_to_string(&file).expect("sources are readable");
            let inside = file.strip_prefix(root).expect("it was found there");
            // With `/` on every system.
            let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
            let exempted = exempted(&text).into_iter();
            found.extend(exempted.map(|function| (parts.join("/"), function)));
        }
    }
    found.sort();
    let found: Vec<_> = found
        .iter()
        .map(|it| (it.0.as_str(), it.1.as_str()))
        .collect();
    assert_eq!(found, UNSAFE_FUNCTIONS);
}

/// What attributes of `text` exempt from the lint of unsafe code: the names of functions, or the
/// start of what is no function.
fn exempted(text: &str) -> Vec<String> {
    let text = without_comments(text);
    let in_list = |at: usize| text[..at].trim_end().ends_with(['(', ',']);
    let attributes = text.match_indices("unsafe_code");
    let attributes = attributes.filter(|(at, _)| in_list(*at));
    let item = |at: usize| {
        let after = &text[at..];
        let item = after
            .find(")]")
            .map_or("", |end| after[end + 2..].trim_start());
        let function = item
            .find("fn ")
            .filter(|&at| !item[..at].contains(['{', ';', '#']));
        let name = function.map_or(item, |at| &item[at + 3..]);
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
        name[..end.unwrap_or(name.len())].to_owned()
    };
    attributes.map(|(at, _)| item(at)).collect()
}

/// What is wrong with the imports of `file` (below `src/`), one line each.
fn violations(file: &Path, text: &str) -> Vec<String> {
    let parts: Vec<&str> = file.iter().filter_map(|part| part.to_str()).collect();
    let module = parts[0].trim_end_matches(".rs");
    // How often `super` leads from this file to the crate's root.
    let depth = parts.len() - usize::from(parts.len() > 1 && parts.ends_with(&["mod.rs"]));
    let text = without_tests(&without_comments(text));
    let imports = imports(&text, depth).into_iter();
    imports
        .filter_map(|(line, target)| {
            let rule = broken_rule(module, &target)?;
            Some(format!("src/{}:{line}: {rule}", file.display()))
        })
        .collect()
}

/// Why `module` may not import `target`, if it may not.
fn broken_rule(module: &str, target: &str) -> Option<String> {
    let unknown = |name| format!("module `{name}` stands on no floor: add it to FLOORS");
    let Some(from) = floor(module) else {
        return Some(unknown(module));
    };
    let Some(to) = floor(target) else {
        return Some(unknown(target));
    };
    let is_excepted = EXCEPTIONS.iter().any(|it| (it.0, it.1) == (module, target));
    if module == target || to < from || (to == from && is_excepted) {
        return None;
    }
    let why = if to == from {
        "modules of one floor do not know each other"
    } else {
        "a module imports only from floors below its own"
    };
    Some(format!(
        "`{module}` (floor {from}) imports `{target}` (floor {to}): {why}"
    ))
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// Modules of the crate that `text` names, with their lines: what follows `crate::`,
/// `gpu_train::` (in main.rs) or as many `super::` as lead to the root, also in groups
/// (`use crate::{error::Result, shape}`). Macros and items of the root itself (`crate::VERSION`)
/// are told from modules by their names: modules are lower case and no call.
fn imports(text: &str, depth: usize) -> Vec<(usize, String)> {
    let supers = "super::".repeat(depth);
    let mut found = Vec::new();
    for root in ["crate::", "gpu_train::", &supers] {
        for (at, _) in text.match_indices(root) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = text[..at].matches('\n').count() + 1;
            let names = names(&text[at + root.len()..]).into_iter();
            found.extend(names.map(|name| (line, name)));
        }
    }
    found
}

/// First segments of the path, or of every path of the group, at the start of `text`.
fn names(text: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let first = |path: &str| {
        let path = path.trim_start();
        let (word, rest) = path.split_at(path.find(|c| !is_word(c)).unwrap_or(path.len()));
        let is_module = word.starts_with(|c: char| c.is_ascii_lowercase())
            && !rest.starts_with(['!', '('])
            && !["self", "super"].contains(&word);
        is_module.then(|| word.to_owned())
    };
    let Some(group) = text.strip_prefix('{') else {
        return first(text).into_iter().collect();
    };
    let mut depth = 0;
    let paths = group[..braces_end(text) - 2].split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth == 0 && c == ','
    });
    paths.filter_map(first).collect()
}

mod the_checker {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<String> {
        violations(Path::new(file), text)
    }

    #[test]
    fn names_file_line_and_rule_of_an_upward_import() {
        assert_eq!(
            found(
                "kernel/grid.rs",
                "use crate::shape::ImageShape;\nuse crate::train::Trainer;\n"
            ),
            [
                "src/kernel/grid.rs:2: `kernel` (floor 1) imports `train` (floor 5): a module \
                 imports only from floors below its own"
            ]
        );
    }

    #[test]
    fn finds_every_way_to_write_an_import() {
        for text in [
            "use crate::{error::{Error, Result}, graph};",
            "fn f() { crate::graph::f() }",
            "type T = Vec<crate::graph::Program>;",
            "use super::super::graph;",
            "pub use crate::graph as g;",
            "use crate::{\n    error::Error,\n    graph::{Program, Role},\n};",
            "const QUOTE: char = '\"'; use crate::graph; const OTHER: char = '\"';",
            "const TICK: char = '\\''; use crate::graph;",
            "fn f<'a>(x: &'a str) -> crate::graph::Slice<'a> {}",
        ] {
            assert_eq!(found("kernel/real.rs", text).len(), 1, "{text}");
        }
        assert_eq!(found("shape.rs", "use super::error::Error;").len(), 1);
        assert_eq!(found("graph/mod.rs", "use super::ops;").len(), 1);
    }

    #[test]
    fn allows_floors_below_itself_comments_strings_and_tests() {
        for text in [
            "use crate::{kernel::Step, error::Result, shape::QUAD};",
            "use super::Real;",
            "//! [`crate::train::Trainer`]",
            "/* crate::train */ const X: &str = \"crate::train\\\"crate::train\";",
            "const X: &str = r#\"crate::train\"#;",
            "#[cfg(test)]\nmod tests { use crate::train; fn f() {} }",
            "#[cfg(test)]\nuse crate::train;",
            "crate::some_macro!(); crate::VERSION; mycrate::train::f();",
        ] {
            assert_eq!(found("kernel/real.rs", text), [""; 0], "{text}");
        }
    }

    #[test]
    fn finds_what_is_exempted_from_the_lint_of_unsafe_code() {
        let text = "#[expect(unsafe_code, reason = \"r\")]\npub(crate) fn f() {}\n\
                    #![allow(unsafe_code)]\nmod m {}\n// unsafe_code\n#[allow(\n unsafe_code\n)]\nfn g() {}";
        assert_eq!(exempted(text), ["f", "mod", "g"]);
    }

    #[test]
    fn asks_for_the_floor_of_a_new_module() {
        let found = found("utils.rs", "use crate::error::Error;");
        assert!(found[0].contains("`utils` stands on no floor"), "{found:?}");
    }
}
