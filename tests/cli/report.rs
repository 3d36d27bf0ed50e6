//! What is drawn of runs: figures and pages in run folders, `compare`, `--tensorboard`.

use std::fs;
use std::path::{Path, PathBuf};

use gpu_train::data::Dataset;
use gpu_train::report::{Heading, Summary, compare, write_run_report};
use gpu_train::shape::ImageShape;
use tempfile::TempDir;

use crate::damaged_files::{Numbers, mutate};
use crate::support::{Workplace, names};

pub const METRICS: &str = "epoch,train_loss,train_mae,test_loss,test_mae,train_accuracy,test_accuracy,lr,seconds,samples_per_second\n\
                       1,9.5,2.5,8.5,2.25,0.125,0.0625,0.001,2,4000\n\
                       2,4.5,1.5,3.5,1.25,0.25,0.5,0.001,3,4000\n\
                       3,4.25,1.375,4.5,1.75,0.25,0.375,0.001,2.5,4000\n";
const PREDICTIONS: &str = "index,target,prediction\n0,1,1.25\n1,7,-20\n2,2,2\n";

/// The test set of [`folder`].
pub fn test_set() -> Dataset {
    let images = (0..3 * 4).map(|it| it as u8 * 20).collect();
    Dataset::new(images, vec![1.0, 7.0, 2.0], ImageShape::new(1, 2, 2)).expect("a data set")
}

pub fn environment() -> String {
    format!(
        "version = \"0.1.0\"\ntrain_fingerprint = \"1\"\ntest_fingerprint = \"{:016x}\"\n",
        test_set().fingerprint()
    )
}

pub fn config(lr: &str) -> String {
    format!("net = \"mlp\"\nlr = {lr}\nseed = 0\ndata = \"no/such/data\"\nbatch-size = 128\n")
}

/// The folder of a run by that name, as a process that trained would have left it.
pub fn folder(place: &TempDir, name: &str, lr: &str) -> PathBuf {
    let folder = place.path().join(name);
    fs::create_dir(&folder).expect("is new");
    for (file, text) in [
        ("config.toml", config(lr)),
        ("environment.toml", environment()),
        ("metrics.csv", METRICS.to_owned()),
        ("predictions.csv", PREDICTIONS.to_owned()),
    ] {
        fs::write(folder.join(file), text).expect("writes");
    }
    folder
}

pub fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("readable")
}

#[test]
fn a_run_has_a_page_with_its_figures_and_no_way_out() {
    let place = TempDir::new().expect("a temporary folder");
    let run = folder(&place, "run", "1e-3");
    write_run_report(&run, Some(&test_set())).expect("draws");
    let page = text(&run.join("report.html"));
    let figures = [
        "accuracy",
        "best",
        "confusion",
        "mae",
        "mse",
        "scatter",
        "worst",
    ];
    let files = figures
        .iter()
        .flat_map(|it| [format!("{it}.png"), format!("{it}.svg")]);
    assert_eq!(names(&run.join("figures")), files.collect::<Vec<_>>());
    // The last epoch and the best one, and the worst prediction.
    for word in [
        "1.7500",
        "1.2500",
        "test MAE in epoch 2",
        "37.5%",
        ">-20<",
        "no/such/data",
    ] {
        assert!(page.contains(word), "{word}");
    }
    let links = [
        "http://", "https://", "file:", "src=\"/", "<script", "@import",
    ];
    let page = page.replace("http://www.w3.org/2000/svg", "");
    assert!(links.iter().all(|it| !page.contains(it)), "loads nothing");
    for name in figures {
        let png = image::open(run.join(format!("figures/{name}.png"))).expect("a PNG");
        assert_eq!(png.width(), 1120, "{name}");
        // No font need be installed: there are letters, not an empty strip, in the title's place.
        let title = png.to_luma8();
        let dark = title
            .enumerate_pixels()
            .filter(|(x, y, it)| *x < 200 && *y < 60 && it[0] < 100);
        assert!(dark.count() > 100, "{name} has a title");
    }
}

#[test]
fn texts_of_a_run_cannot_become_markup() {
    let place = TempDir::new().expect("a temporary folder");
    let evil = "<script>&'\u{1}\u{fffe}\"";
    let run = folder(&place, "run", "1e-3");
    let quoted = toml::Value::String(evil.to_owned());
    let evil_config = format!("data = {quoted}\nnet = {quoted}\nlr = {quoted}\n");
    fs::write(run.join("config.toml"), evil_config).expect("writes");
    let environment = format!("{}{quoted} = {quoted}\n", environment());
    fs::write(run.join("environment.toml"), environment).expect("writes");
    let header = METRICS.replace("samples_per_second", "<script>");
    fs::write(run.join("metrics.csv"), header).expect("writes");
    let other = folder(&place, "other", "1e-3");
    write_run_report(&run, None).expect("draws");
    let out = place.path().join("out");
    compare(&[run.clone(), other], &Heading::default(), &out).expect("draws");
    for file in ["run/report.html", "out/report.html", "out/figures/mae.svg"] {
        let text = text(&place.path().join(file));
        assert!(!text.contains("<script"), "{file}");
        assert!(text.contains("&lt;script"), "{file}");
        assert!(!text.contains(['\u{1}', '\u{fffe}']), "{file}");
    }
}

#[test]
fn without_its_data_a_run_has_no_pictures_and_says_why() {
    let place = TempDir::new().expect("a temporary folder");
    let run = folder(&place, "run", "1e-3");
    let page = || {
        let _ = fs::remove_dir_all(run.join("figures"));
        text(&run.join("report.html"))
    };
    write_run_report(&run, None).expect("draws");
    assert!(!run.join("figures/worst.png").exists());
    assert!(page().contains("no such file or folder"));
    let other = Dataset::new(vec![0; 12], vec![1.0, 7.0, 2.0], ImageShape::new(1, 2, 2));
    write_run_report(&run, Some(&other.expect("a data set"))).expect("draws");
    assert!(!run.join("figures/worst.png").exists());
    assert!(page().contains("another test set"));
    fs::remove_file(run.join("predictions.csv")).expect("is there");
    write_run_report(&run, Some(&test_set())).expect("draws");
    assert!(!run.join("figures/scatter.png").exists());
    assert!(page().contains("no predictions.csv"));
}

fn summarise(runs: &[PathBuf]) -> Summary {
    let out = TempDir::new().expect("a temporary folder");
    compare(runs, &Heading::default(), out.path()).expect("reads")
}

#[test]
fn runs_are_summed_up_by_what_tells_them_apart() {
    let place = TempDir::new().expect("a temporary folder");
    let runs = [folder(&place, "a", "1e-3"), folder(&place, "b", "1e-8")];
    let summary = summarise(&runs);
    let labels: Vec<&str> = summary.rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels, ["lr 0.001", "lr 1e-8"]);
    assert_eq!(summary.warnings, [""; 0]);
    let row = &summary.rows[0];
    assert_eq!((row.epochs, row.best_epoch, row.seconds), (3, 2, 7.5));
    assert_eq!(
        (row.compared_train(), row.compared_test(), row.best_test),
        (1.375, 1.75, 1.25)
    );
    assert_eq!(row.generalisation_gap(), 0.375);
    assert!(!row.best_by_validation);
    // Columns behind the known ones are found by name: a validation set picks the best epoch.
    let valid = METRICS.lines().zip(["valid_loss", "3", "2", "1"]);
    let valid: Vec<String> = valid
        .map(|(line, cell)| format!("{line},{cell}\n"))
        .collect();
    fs::write(runs[0].join("metrics.csv"), valid.concat()).expect("writes");
    let summary = summarise(&runs);
    assert_eq!(summary.rows[0].best_epoch, 3);
    assert!(summary.rows[0].best_by_validation);
    // Runs that differ in nothing have their folders' names.
    let same = [runs[0].clone(), folder(&place, "c", "1e-3")];
    let summary = summarise(&same);
    assert_eq!(summary.rows[1].label, "c");
}

#[test]
fn runs_of_other_seeds_are_one_curve_around_their_mean() {
    let place = TempDir::new().expect("a temporary folder");
    let runs = [("a", "1e-3"), ("b", "1e-8"), ("c", "1e-3")];
    let runs = runs.map(|(name, lr)| folder(&place, name, lr));
    let reseeded = config("1e-3").replace("seed = 0", "seed = 1");
    fs::write(runs[2].join("config.toml"), &reseeded).expect("writes");
    let header = METRICS.replace("1.75,0.25,0.375", "1.25,0.25,0.5");
    fs::write(runs[2].join("metrics.csv"), header).expect("writes");
    let summary = summarise(&runs);
    let series = &summary.series;
    assert_eq!(
        (&series[0].runs[..], &series[1].runs[..]),
        (&[0, 2][..], &[1][..])
    );
    assert_eq!(series[0].label, "lr 0.001, 2 seeds");
    assert_eq!(series[1].label, "lr 1e-8");
    let (mae, accuracy) = (series[0].compared_test, series[0].test[2].expect("known"));
    assert_eq!((mae.mean, accuracy.mean), (1.5, 0.4375));
    assert_eq!(mae.deviation, Some(0.125f64.sqrt()));
    assert_eq!(series[1].compared_test.deviation, None);
    let out = place.path().join("out");
    compare(&runs, &Heading::default(), &out).expect("draws");
    let svg = text(&out.join("figures/mae.svg"));
    // A band for test and one for train, and two curves each.
    assert_eq!(
        svg.matches("fill-opacity").count(),
        3,
        "and one in the legend"
    );
    assert_eq!(svg.matches("<title>").count(), 4);
    let page = text(&out.join("report.html"));
    for words in [
        "1.5000 ± 0.3536",
        "<h2>Options that differ</h2>",
        "<h2>Options of all runs</h2>",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert_eq!(page.matches("batch-size").count(), 1, "a row for all runs");
    // A run that ended earlier: curves end with it, which is said.
    let said = "A mean curve ends where the shortest";
    assert!(!page.contains(said));
    let whole = place.path().join("c/metrics.csv");
    let lines = text(&whole);
    let two: String = lines.split_inclusive('\n').take(3).collect();
    fs::write(&whole, two).expect("writes");
    assert!(summarise(&runs).warnings.concat().contains(said));
    // Other data by the same name: nothing to average.
    let other = environment().replace("train_fingerprint = \"1\"", "train_fingerprint = \"2\"");
    fs::write(runs[2].join("environment.toml"), other).expect("writes");
    assert_eq!(summarise(&runs).series.len(), 3);
    fs::write(runs[2].join("environment.toml"), environment()).expect("writes");
    assert_eq!(summarise(&runs).series.len(), 2);
    // A seed that is there twice: something else differs, and nothing is averaged.
    fs::write(runs[2].join("config.toml"), config("1e-3")).expect("writes");
    assert_eq!(summarise(&runs).series.len(), 3);
}

#[test]
fn an_evaluated_training_set_is_what_test_figures_are_compared_with() {
    let place = TempDir::new().expect("a temporary folder");
    let run = folder(&place, "a", "1e-3");
    let evaluated = METRICS.lines().zip(["train_eval_mae", "2", "1.5", "1"]);
    let evaluated = evaluated.map(|(line, cell)| format!("{line},{cell}\n"));
    fs::write(run.join("metrics.csv"), evaluated.collect::<String>()).expect("writes");
    let row = &summarise(&[run]).rows[0];
    assert!(row.train_evaluated);
    assert_eq!(
        (row.compared_train(), row.generalisation_gap()),
        (1.0, 0.75)
    );
}

#[test]
fn different_data_are_said_in_the_figure() {
    let place = TempDir::new().expect("a temporary folder");
    let runs = [folder(&place, "a", "1e-3"), folder(&place, "b", "1e-4")];
    let out = place.path().join("out");
    let warning = "tested on different data sets";
    compare(&runs, &Heading::default(), &out).expect("draws");
    assert!(!text(&out.join("figures/mae.svg")).contains(warning));
    fs::write(
        runs[1].join("environment.toml"),
        "test_fingerprint = \"2\"\n",
    )
    .expect("writes");
    compare(&runs, &Heading::default(), &out).expect("draws");
    for file in ["figures/mae.svg", "figures/mse.svg", "report.html"] {
        assert!(text(&out.join(file)).contains(warning), "{file}");
    }
}

#[test]
fn what_cannot_be_compared_is_named() {
    let place = Workplace::new();
    place.train("run", &["--no-report"]);
    assert!(!place.path("run/report.html").exists());
    let refused = |arguments: &[&str], words: &[&str]| {
        let ended = place.run(arguments);
        assert_ne!(ended.code, 0, "{arguments:?}");
        for word in words {
            assert!(
                ended.stderr.contains(word),
                "{arguments:?}: {}",
                ended.stderr
            );
        }
    };
    refused(
        &["compare", "run", "nowhere"],
        &["nowhere", "not a run folder", "hint:"],
    );
    refused(
        &["compare", "run", "--out", "run"],
        &["is the folder of a run", "--out"],
    );
    assert!(!place.path("run/figures").exists());
    let header = place
        .text("run/metrics.csv")
        .lines()
        .next()
        .expect("a header")
        .to_owned();
    fs::create_dir(place.path("young")).expect("is new");
    for file in ["config.toml", "environment.toml"] {
        fs::copy(place.path("run").join(file), place.path("young").join(file)).expect("copies");
    }
    fs::write(place.path("young/metrics.csv"), &header).expect("writes");
    refused(&["compare", "run", "young"], &["young", "no epoch yet"]);
    fs::write(place.path("young/metrics.csv"), format!("{header}\n1,2,x")).expect("writes");
    refused(
        &["compare", "run", "young"],
        &["young", "metrics.csv", "damaged"],
    );
    place.write("file", b"");
    refused(
        &["compare", "run", "--out", "file/below"],
        &["file", "cannot be written"],
    );
    let ended = place.run(&["compare", "run", "run", "--out", "new/out"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("report.html"), "{}", ended.stdout);
    assert_eq!(names(&place.path("new/out")), ["figures", "report.html"]);
}

#[test]
fn a_report_that_cannot_be_written_costs_nothing_else() {
    let place = Workplace::new();
    place.train("run", &["--no-report"]);
    // A file stands where the folder of the figures belongs.
    place.write("run/figures", b"");
    let ended = place.run(&["--resume", "run"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    for word in ["figures", "cannot be written", "the run itself is whole"] {
        assert!(ended.stderr.contains(word), "{}", ended.stderr);
    }
    fs::remove_file(place.path("run/figures")).expect("is there");
    assert_eq!(place.run(&["--resume", "run"]).code, 0);
    assert!(
        place
            .text("run/report.html")
            .contains("Mean absolute error")
    );
}

#[test]
fn damaged_files_of_a_run_never_panic() {
    let place = TempDir::new().expect("a temporary folder");
    let run = folder(&place, "run", "1e-3");
    let out = place.path().join("out");
    let mut numbers = Numbers(5);
    let mut refused = 0;
    for file in [
        "config.toml",
        "environment.toml",
        "metrics.csv",
        "predictions.csv",
    ] {
        let path = run.join(file);
        let whole = fs::read(&path).expect("readable");
        for _ in 0..60 {
            fs::write(&path, mutate(&whole, &mut numbers)).expect("writes");
            if let Err(error) = write_run_report(&run, None) {
                assert!(error.to_string().contains("run"), "{error}");
                assert!(!error.to_string().contains("bug"), "{error}");
                assert!(!error.hint().is_empty());
                refused += 1;
            }
        }
        fs::write(&path, whole).expect("writes");
    }
    assert!((100..240).contains(&refused), "{refused}");
    compare(&[run], &Heading::default(), &out).expect("is whole again");
}
