//! What runs are called beside each other.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;

use super::figures::printable;
use super::page::without_folders;
use super::run_record::RunRecord;

/// Options that say where and how long, not what, and what was found; they name no run.
pub(super) const NOT_TELLING: [&str; 5] = [
    "device",
    "checkpoint-minutes",
    "classes",
    "class-counts",
    "targets",
];
/// A label longer than this is no help; the folder's name serves instead.
const MOST_LETTERS: usize = 60;

/// A name for each run: the options in which they differ where that tells them apart and is short,
/// else the folder's name, else the folder.
pub(super) fn labels(runs: &[RunRecord]) -> Vec<String> {
    let telling = telling(&runs.iter().collect::<Vec<_>>(), &[]);
    let by_options = |run: &RunRecord| option_words(run, &telling);
    let ways: [&dyn Fn(&RunRecord) -> String; 2] = [&by_options, &|run| run.name.clone()];
    for way in ways {
        let labels: Vec<String> = runs.iter().map(way).collect();
        if tell_apart(&labels) {
            return labels;
        }
    }
    folders(&runs.iter().collect::<Vec<_>>())
}

/// Which nets `runs` trained, on which data: `cnn on svhn`.
pub(super) fn net_and_data(runs: &[RunRecord]) -> String {
    let different = |of: &dyn Fn(&RunRecord) -> String| {
        let mut found: Vec<String> = Vec::new();
        for name in runs.iter().map(of) {
            if !found.contains(&name) {
                found.push(name);
            }
        }
        found.join(", ")
    };
    let nets = different(&|run| run.option("net").unwrap_or_else(|| "net".to_owned()));
    format!("{nets} on {}", different(&RunRecord::data))
}

/// The runs' folders, as they were named; of absolute ones that from which on they differ.
fn folders(runs: &[&RunRecord]) -> Vec<String> {
    let parts = runs.iter().map(|run| run.folder.iter().collect());
    let all: Vec<Vec<&OsStr>> = parts.collect();
    let shortest = all.iter().map(Vec::len).min().unwrap_or(0);
    let same = |at: &usize| all.iter().all(|parts| parts[*at] == all[0][*at]);
    let common = if runs.iter().any(|run| run.folder.is_absolute()) {
        (0..shortest.saturating_sub(1)).take_while(same).count()
    } else {
        0
    };
    let text = |parts: &Vec<&OsStr>| {
        let path: PathBuf = parts[common..].iter().collect();
        printable(&path.to_string_lossy())
    };
    all.iter().map(text).collect()
}

/// A name for each of `runs`, of which every one stands for all that differ from it in nothing but
/// their seed.
pub(super) fn labels_without_seed(runs: &[&RunRecord]) -> Vec<String> {
    let without_seed = |run: &&RunRecord| {
        let seed = run.option("seed").unwrap_or_default();
        let name = run.name.strip_suffix(&format!("-seed-{seed}"));
        name.map(str::to_owned)
    };
    if let [run] = runs {
        let net = || run.option("net").unwrap_or_else(|| run.name.clone());
        return vec![without_seed(run).unwrap_or_else(net)];
    }
    let telling = telling(runs, &["seed"]);
    let by_options = runs.iter().map(|run| option_words(run, &telling));
    let by_options: Vec<String> = by_options.collect();
    if tell_apart(&by_options) {
        return by_options;
    }
    let name = |run: &&RunRecord| without_seed(run).unwrap_or_else(|| run.name.clone());
    let names: Vec<String> = runs.iter().map(name).collect();
    if tell_apart(&names) {
        return names;
    }
    folders(runs)
}

/// The options in which `runs` differ, but for `others`.
fn telling<'a>(runs: &[&'a RunRecord], others: &[&str]) -> Vec<&'a str> {
    let keys = runs.iter().flat_map(|run| run.config.keys());
    let keys: BTreeSet<&str> = keys.map(String::as_str).collect();
    let differ = |key: &str| {
        let mut texts = runs.iter().map(|run| run.option(key));
        let first = texts.next();
        texts.any(|it| Some(it) != first)
    };
    let named = |key: &&str| !NOT_TELLING.contains(key) && !others.contains(key) && differ(key);
    let mut telling: Vec<&str> = keys.into_iter().filter(named).collect();
    // The kind of net comes first, its own sizes and the rest after it.
    telling.sort_by_key(|key| *key != "net");
    telling
}

/// The values that `run` has for the options `telling`.
fn option_words(run: &RunRecord, telling: &[&str]) -> String {
    let words = telling.iter().filter_map(|key| {
        let text = run.option(key)?;
        match (*key, text.as_str()) {
            // A switch that is not set, and sizes of convolutions, which an mlp has none of.
            (_, "false") | ("channels" | "kernel-sizes" | "strides", "none") => None,
            ("net", _) => Some(text),
            (_, "true") => Some((*key).to_owned()),
            ("data", _) => Some(run.data()),
            _ => Some(format!("{key} {}", without_folders(&text))),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Whether `labels` differ, and can be read.
fn tell_apart(labels: &[String]) -> bool {
    let different: BTreeSet<&String> = labels.iter().collect();
    let readable = |it: &String| !it.is_empty() && it.chars().count() <= MOST_LETTERS;
    different.len() == labels.len() && labels.iter().all(readable)
}
