//! `gpu-train tune`, what training makes of it, and the cache folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use gpu_train::gpu::{Gpu, GpuOptions};
use gpu_train::kernel::tuning::{Problem, TileValues, Tuning};
use gpu_train::nn::Activation;
use gpu_train::ops::linear::linear_forward;
use gpu_train::run::Environment;
use gpu_train::tune::TuningFile;

use crate::support::{ADAPTER, CPU, Ended, SMALL, Workplace, names};

/// The net of `SMALL`, as `gpu-train tune` is told of it.
const NET: &[&str] = &["tune", "--channels", "4,4", "--dense-hiddens", "8"];

/// The adapter that the binary trains on.
fn gpu() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| {
        let gpu = Gpu::open(&GpuOptions::default());
        gpu.expect("these tests need a GPU adapter; `make test` sees to one")
    })
}

/// A problem of that net, and a tile for it that is not this adapter's default.
fn entry() -> (Problem, TileValues) {
    let target = gpu().target().clone().with_tuning(&Arc::default(), 64);
    let call = linear_forward::call(1, 64, 8, Activation::Relu, &target);
    let choice = call.choice.expect("was asked for");
    let [_, .., other] = choice.candidates[..] else {
        panic!("there is no other tile: {choice:?}");
    };
    (choice.problem, TileValues::new(other))
}

/// [`entry`]'s problem, with a tile that no kernel has.
fn stale() -> (Problem, TileValues) {
    (entry().0, TileValues::new(&[("ROWS", 99)]))
}

fn tune(place: &Workplace, more: &[&str]) -> Ended {
    let ended = place.run(&[NET, ADAPTER, &["--batch-size", "64"], more].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended
}

/// Runs `SMALL` with `more` on the adapter, into `out`; expects success.
fn train(place: &Workplace, out: &str, more: &[&str]) -> Ended {
    place.train(out, &[ADAPTER, more].concat())
}

/// The one file that tuning left.
fn file(place: &Workplace) -> PathBuf {
    let folder = place.cache().join("tuned");
    let found = names(&folder);
    assert_eq!(found.len(), 1, "{found:?}");
    folder.join(&found[0])
}

/// A workplace whose adapter is tuned with `choices` and nothing else.
fn tuned(choices: impl IntoIterator<Item = (Problem, TileValues)>) -> Workplace {
    let place = Workplace::new();
    let file = TuningFile::within(&place.cache(), gpu().description());
    file.write(choices.into_iter().collect()).expect("writes");
    place
}

/// What the run in folder `name` recorded.
fn recorded(place: &Workplace, name: &str) -> Tuning {
    let environment = place.text(&format!("{name}/environment.toml"));
    let environment: Environment = toml::from_str(&environment).expect("an environment");
    environment.tuning
}

#[test]
fn tune_prints_a_table_and_keeps_what_other_nets_had() {
    let (mut other, tile) = entry();
    other.shape[2] += 1;
    let place = tuned([(other, tile), stale()]);
    let ended = tune(&place, &[]);
    let rows: Vec<&str> = ended.stdout.lines().collect();
    assert!(rows[0].starts_with("kernel"), "{}", ended.stdout);
    for kernel in ["conv2d_max_pool2d_forward", "linear_backward_weight"] {
        assert!(ended.stdout.contains(kernel), "{}", ended.stdout);
    }
    for row in &rows[1..] {
        let ratio = row.split_whitespace().last().expect("a ratio");
        let ratio: f64 = ratio.parse().expect("a number");
        assert!(ratio > 0.0 && ratio <= 1.0, "{row}");
    }
    let kept = format!("of {} kernels", rows.len() - 1);
    assert!(ended.stderr.contains(&kept), "{}", ended.stderr);
    let written: toml::Table = fs::read_to_string(file(&place))
        .expect("reads")
        .parse()
        .expect("TOML");
    let choices = written["choices"].as_array().expect("entries");
    let shape = |entry: &toml::Value| entry["shape"].to_string();
    assert!(choices.iter().any(|it| shape(it) == "[1, 64, 9]"));
    let again = choices.iter().find(|it| shape(it) == "[1, 64, 8]");
    let still_stale = again.is_some_and(|it| it["tile"].to_string().contains("99"));
    assert!(!still_stale, "{choices:?}");
    assert!(place.names().is_empty(), "{:?}", place.names());
}

#[test]
fn training_uses_what_was_tuned_and_says_so() {
    let (problem, tile) = entry();
    let place = tuned([(problem.clone(), tile.clone())]);
    let ended = train(&place, "first", &[]);
    assert!(
        ended.stderr.contains("with 1 kernel as `gpu-train tune`"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("--no-tuned"), "{}", ended.stderr);
    let environment: toml::Table = place.text("first/environment.toml").parse().expect("TOML");
    let entries = environment["tuning"].as_array().expect("entries");
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["kernel"].as_str(), Some("linear_forward"));
    let tuning = recorded(&place, "first");
    assert_eq!(tuning.len(), 1, "{tuning:?}");
    assert_eq!(tuning.get(&problem), Some(&tile));

    train(&place, "second", &[]);
    let model = |name: &str| place.read(&format!("{name}/model.safetensors"));
    assert_eq!(model("first"), model("second"), "the same bits");

    let dry = place.run(&[SMALL, ADAPTER, &["--dry-run"]].concat());
    assert!(dry.stdout.contains(&tile.to_string()), "{}", dry.stdout);
    assert!(dry.stdout.contains("dense layer 1"), "{}", dry.stdout);
}

#[test]
fn no_tuned_ignores_it_and_is_brought_back_by_the_config() {
    let place = tuned([entry()]);
    let ended = train(&place, "run", &["--no-tuned"]);
    let untuned = |ended: &Ended, name: &str| {
        assert!(!ended.stderr.contains("tune"), "{}", ended.stderr);
        let environment = place.text(&format!("{name}/environment.toml"));
        assert!(!environment.contains("tuning"), "{environment}");
    };
    untuned(&ended, "run");
    let again = place.run(&["--config", "run/config.toml", "--out", "again"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    untuned(&again, "again");
    // Configurations of versions that could not tune are still read.
    let config = place.text("run/config.toml");
    place.write(
        "old.toml",
        config.replace("no-tuned = true\n", "").as_bytes(),
    );
    let old = place.run(&["--config", "old.toml", "--out", "old"]);
    assert!(old.stderr.contains("with 1 kernel as"), "{}", old.stderr);
}

/// Whatever is tuned today: other tiles would round differently.
#[test]
fn the_config_of_a_run_brings_back_its_tiles() {
    let place = tuned([entry()]);
    train(&place, "tuned", &[]);
    let file = file(&place);
    let kept = fs::read(&file).expect("reads");
    fs::remove_file(&file).expect("is there");
    train(&place, "plain", &[]);
    let again = |name: &str, out: &str, more: &[&str]| {
        let config = format!("{name}/config.toml");
        let ended = place.run(&[&["--config", &config, "--out", out], more].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stderr
    };
    let model = |name: &str| place.read(&format!("{name}/model.safetensors"));

    let said = again("tuned", "tuned again", &[]);
    let environment = Path::new("tuned").join("environment.toml");
    let line = format!("with 1 kernel as {} recorded; --no", environment.display());
    assert!(said.contains(&line), "{said}");
    assert_eq!(recorded(&place, "tuned again"), recorded(&place, "tuned"));
    assert_eq!(model("tuned again"), model("tuned"), "the same bits");
    let said = again("tuned", "without", &["--no-tuned"]);
    assert!(!said.contains("tune"), "{said}");
    assert!(recorded(&place, "without").is_empty());

    fs::write(&file, kept).expect("writes");
    let said = again("plain", "plain again", &[]);
    assert!(!said.contains("tune"), "{said}");
    assert!(recorded(&place, "plain again").is_empty());
    assert_eq!(model("plain again"), model("plain"), "the same bits");

    place.write("plain/environment.toml", b"tuning = 3");
    let ended = place.run(&["--config", "plain/config.toml", "--out", "broken"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    for said in [
        "environment.toml",
        "not the environment",
        "hint:",
        "--no-tuned",
    ] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    assert!(!place.path("broken").exists());
    again("plain", "broken", &["--no-tuned"]);
}

#[test]
fn tiles_that_no_kernel_has_are_ignored() {
    let (mut removed, tile) = entry();
    removed.kernel = "a_kernel_of_old".to_owned();
    for choice in [stale(), (removed, tile)] {
        let place = tuned([choice]);
        let ended = train(&place, "run", &["--epochs", "1"]);
        assert!(!ended.stderr.contains("tune"), "{}", ended.stderr);
        assert!(!place.text("run/environment.toml").contains("tuning"));
    }
}

#[test]
fn a_broken_tuning_is_ignored_with_a_warning_that_names_it() {
    let place = tuned([entry()]);
    let whole = fs::read_to_string(file(&place)).expect("reads");
    let other_version = whole.replacen("version = \"", "version = \"9", 1);
    for (number, text) in ["choices = 3", &other_version].into_iter().enumerate() {
        fs::write(file(&place), text).expect("writes");
        let ended = train(&place, &number.to_string(), &["--epochs", "1"]);
        let name = file(&place).display().to_string();
        let warned = ended.stderr.contains("note: ignored what was tuned");
        assert!(warned && ended.stderr.contains(&name), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("`gpu-train tune`"),
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("with 1 kernel"), "{}", ended.stderr);
    }
    let ended = tune(&place, &["--quiet"]);
    assert_eq!(ended.stderr, "");
    let ended = train(&place, "after", &["--epochs", "1"]);
    assert!(!ended.stderr.contains("ignored"), "{}", ended.stderr);
}

#[test]
fn tune_refuses_what_is_no_net() {
    let place = Workplace::new();
    for (arguments, code, what) in [
        (&["--image", "3x2x2"][..], 1, "conv layer 1"),
        (&["--image", "3x2"], 2, "channels x rows x columns"),
        (&["--batch-size", "0"], 2, "--batch-size 0"),
        (
            &["--net", "mlp", "--channels", "4"],
            2,
            "--channels is not read with --net mlp",
        ),
        (&["--device", "99"], 2, "no device '99'"),
        (CPU, 2, "hint: name an adapter with --device"),
        (&["--epochs", "3"], 2, "--epochs"),
    ] {
        let ended = place.run(&[&["tune"], arguments].concat());
        assert_eq!(ended.code, code, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(what), "{}", ended.stderr);
    }
    assert!(!place.cache().exists());
}

/// Whether the run in `folder` was on Vulkan: the only backend whose pipelines we keep.
fn on_vulkan(place: &Workplace, folder: &str) -> bool {
    let environment = place.text(&format!("{folder}/environment.toml"));
    environment.contains("backend = \"vulkan\"")
}

/// Wherever the backend keeps compiled pipelines, and wherever it does not.
#[test]
fn kept_pipelines_change_nothing_and_damaged_ones_do_no_harm() {
    let place = Workplace::new();
    train(&place, "first", &[]);
    let folder = place.cache().join("pipelines");
    let kept: Vec<String> = if on_vulkan(&place, "first") {
        names(&folder)
    } else {
        Vec::new()
    };
    assert_eq!(kept.len(), usize::from(on_vulkan(&place, "first")));
    assert!(kept.iter().all(|it| !it.contains("partial")), "{kept:?}");
    for name in &kept {
        let path = folder.join(name);
        let whole = fs::read(&path).expect("reads");
        let mut flipped = whole.clone();
        flipped[whole.len() - 1] ^= 1;
        for (number, damaged) in [&flipped[..], &whole[..40], b""].into_iter().enumerate() {
            fs::write(&path, damaged).expect("writes");
            let ended = train(&place, &format!("damaged{number}"), &[]);
            assert!(!ended.stderr.contains("pipelines"), "{}", ended.stderr);
            assert!(fs::read(&path).expect("reads").len() >= whole.len());
        }
    }
    train(&place, "last", &[]);
    let model = |name: &str| place.read(&format!("{name}/model.safetensors"));
    assert_eq!(model("first"), model("last"));
}

#[test]
fn a_cache_folder_that_cannot_be_written_only_warns() {
    let place = Workplace::new();
    fs::write(place.cache(), "a file, no folder").expect("writes");
    let ended = train(&place, "run", &["--epochs", "1"]);
    let warnings = ended.stderr.matches("cannot be written").count();
    assert_eq!(
        warnings,
        usize::from(on_vulkan(&place, "run")),
        "{}",
        ended.stderr
    );
    let quiet = train(&place, "quiet", &["--epochs", "1", "--quiet"]);
    assert_eq!(quiet.stderr, "");
    let ended = place.run(&[NET, ADAPTER, &["--batch-size", "4"]].concat());
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("cannot be written"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("hint:"), "{}", ended.stderr);
}
