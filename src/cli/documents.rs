//! The commands that the documents show are commands of this version.

use clap::Parser as _;

use super::args::Cli;

const DOCUMENTS: [(&str, &str); 7] = [
    ("README.md", include_str!("../../README.md")),
    ("data/README.md", include_str!("../../data/README.md")),
    (
        "docs/classification.md",
        include_str!("../../docs/classification.md"),
    ),
    ("docs/clusters.md", include_str!("../../docs/clusters.md")),
    (
        "docs/distributed.md",
        include_str!("../../docs/distributed.md"),
    ),
    (
        "docs/experiments.md",
        include_str!("../../docs/experiments.md"),
    ),
    ("docs/pictures.md", include_str!("../../docs/pictures.md")),
];

/// The commands of `text`: lines that begin with the program, and what follows `cargo run`'s dashes. A backslash at the end
/// joins lines; comments, prompts and what a shell does with the output are left out.
fn commands(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let command = |line: &str| {
        let line = line.trim().trim_start_matches("$ ");
        let ends = [" #", " >", " |"]
            .into_iter()
            .filter_map(|it| line.find(it));
        let line = &line[..ends.min().unwrap_or(line.len())];
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let dashes = words.iter().position(|it| it == "--");
        match words.first().map(String::as_str) {
            Some("gpu-train") => Some(words),
            Some("cargo") if line.starts_with("cargo run --release -- ") => {
                Some(words[dashes?..].to_vec())
            }
            _ => None,
        }
    };
    joined.lines().filter_map(command).collect()
}

#[test]
fn documents_show_commands_that_are_understood() {
    let mut count = 0;
    for (name, text) in DOCUMENTS {
        for words in commands(text) {
            // What stands for more, as in `gpu-train sweep --prepare --out DIR ...`, is no argument.
            let words = words.iter().filter(|it| *it != "...");
            if let Err(error) = Cli::try_parse_from(words.clone()) {
                panic!("{name}: {:?}: {error}", words.collect::<Vec<_>>());
            }
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
}
