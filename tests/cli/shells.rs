//! What shells and `man` are told; and the link to the run that began last.

use std::fs;
use std::path::Path;

use crate::support::{CPU, SMALL, Workplace, names};

/// Shells are there or not: what we print for them is looked at, and run by the one that is everywhere.
#[test]
fn completions_name_commands_and_options() {
    let place = Workplace::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = place.run(&["completions", shell]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{shell}");
        for word in ["eval", "predict", "dense-hiddens", "lr-schedule"] {
            assert!(ended.stdout.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(place.run(&["completions", "tcsh"]).code, 2);
    let script = place.run(&["completions", "bash"]).stdout;
    place.write("gpu-train.bash", script.as_bytes());
    let ask = "source ./gpu-train.bash; COMP_WORDS=(gpu-train --net ''); COMP_CWORD=2; \
               _gpu__train gpu-train '' --net; echo \"${COMPREPLY[@]}\"";
    if let Ok(output) = place.command("bash").args(["-c", ask]).output() {
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            said.trim(),
            "mlp cnn resnet",
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let place = Workplace::new();
    let ended = place.run(&["man", "--out", "pages/man1"]);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, ""),
        "{}",
        ended.stderr
    );
    let files = names(&place.path("pages/man1"));
    for command in ["", "-eval", "-sweep", "-experiment", "-completions"] {
        let name = format!("gpu-train{command}.1");
        assert!(files.contains(&name), "{name} in {files:?}");
        let page = place.text(&format!("pages/man1/{name}"));
        assert!(
            page.contains(&format!(".TH gpu-train{command} 1 ")),
            "{page}"
        );
    }
    let page = place.text("pages/man1/gpu-train-eval.1");
    assert!(
        page.contains("Folder of a run, or a .safetensors file"),
        "{page}"
    );
    // All of them, one after the other.
    let all = place.run(&["man"]).stdout;
    assert_eq!(all.matches("\n.TH ").count(), files.len());
    place.write("file", b"");
    let refused = place.run(&["man", "--out", "file"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("file: cannot be written"),
        "{}",
        refused.stderr
    );
}

fn newest(place: &Workplace, link: &str) -> String {
    let target = fs::read_link(place.path(link)).expect("a link");
    assert!(target.is_relative(), "{}", target.display());
    target.to_string_lossy().into_owned()
}

#[cfg(unix)]
#[test]
fn the_last_run_has_a_name() {
    let place = Workplace::new();
    let train = |more: &[&str]| {
        let ended = place.run(&[SMALL, CPU, &["--no-report"], more].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    };
    train(&["--out", "elsewhere"]);
    assert!(!place.path("runs").exists());
    train(&[]);
    let first = newest(&place, "runs/latest");
    assert!(first.ends_with("-cnn") && place.path("runs/latest/config.toml").is_file());
    // Every command that takes a run takes the link, and names the run itself.
    let resumed = place.run(&["--resume", "runs/latest", "--epochs", "3"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    let named = format!("resuming runs/{first} after 2 of 3 epochs");
    assert!(resumed.stderr.contains(&named), "{}", resumed.stderr);
    assert_eq!(place.run(&["eval", "runs/latest/"]).code, 0);
    fs::copy(docs_picture(), place.path("x.png")).expect("copies");
    assert_eq!(place.run(&["predict", "runs/latest", "x.png"]).code, 0);
    train(&["--out", "runs/named"]);
    assert_eq!(newest(&place, "runs/latest"), "named");
    // As the shell writes runs/*: no run twice.
    let compared = place.run(&[
        "compare",
        &format!("runs/{first}"),
        "runs/latest",
        "runs/named",
        "--format",
        "csv",
    ]);
    assert_eq!(compared.stdout.lines().count(), 3, "{}", compared.stdout);
    let alone = place.run(&["compare", "runs/latest", "--format", "csv"]);
    assert!(alone.stdout.contains("runs/named"), "{}", alone.stdout);
    let sweep = ["sweep", "--seed", "0,1"];
    assert_eq!(place.run(&[&sweep[..], SMALL, CPU].concat()).code, 0);
    assert!(newest(&place, "runs/latest").ends_with("-sweep"));
    assert_eq!(place.run(&["sweep", "--resume", "runs/latest"]).code, 0);
    let refused = place.run(&["eval", "runs/latest"]);
    assert!(
        refused.stderr.contains("is the folder of a sweep"),
        "{}",
        refused.stderr
    );
    // No half-made link is left.
    assert!(
        names(&place.path("runs"))
            .iter()
            .all(|it| !it.starts_with('.'))
    );
}

/// What is no link of ours is not touched.
#[cfg(unix)]
#[test]
fn a_folder_named_latest_stays() {
    let place = Workplace::new();
    for make in [
        |path: &Path| fs::create_dir(path),
        |path: &Path| fs::write(path, b"mine"),
    ] {
        fs::create_dir_all(place.path("runs")).expect("makes");
        make(&place.path("runs/latest")).expect("makes");
        let ended = place.run(&[SMALL, CPU, &["--no-report"]].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let kept = fs::symlink_metadata(place.path("runs/latest")).expect("is there");
        assert!(!kept.is_symlink());
        fs::remove_dir_all(place.path("runs")).expect("removes");
    }
}

/// Runs that begin at once leave one link, to one of them.
#[cfg(unix)]
#[test]
fn runs_that_begin_at_once_share_the_link() {
    let place = Workplace::new();
    let start = || {
        let mut command = place.command(crate::support::BINARY);
        command
            .args(SMALL)
            .args(CPU)
            .args(["--no-report", "--quiet"]);
        command.spawn().expect("starts")
    };
    let children: Vec<_> = (0..6).map(|_| start()).collect();
    for mut child in children {
        assert!(child.wait().expect("ends").success());
    }
    let all = names(&place.path("runs"));
    assert_eq!(all.len(), 7, "{all:?}");
    assert!(all.contains(&newest(&place, "runs/latest")), "{all:?}");
}

fn docs_picture() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images/cnn-mae.png")
}
