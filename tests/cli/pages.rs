//! What a report says: titles of figures, options, what came out of a comparison.

use std::fs;

use gpu_train::report::{Heading, compare, write_run_report};
use tempfile::TempDir;

use crate::report::{METRICS, config, environment, folder, test_set, text};
use crate::support::names;

/// What is between `start` and `end` of a page.
fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = page.split_once(start).expect(start);
    rest.split_once(end).expect(end).0
}

/// The texts of a figure, with what they say and how they are set.
fn texts(svg: &str) -> Vec<(String, String, f64)> {
    let document = roxmltree::Document::parse(svg).expect("is XML");
    let texts = document.descendants().filter(|it| it.has_tag_name("text"));
    let parts = texts.map(|it| {
        let attribute = |name| it.attribute(name).unwrap_or_default();
        let size = attribute("font-size").parse().unwrap_or(14.0);
        (
            it.text().unwrap_or_default().to_owned(),
            attribute("class").to_owned(),
            size,
        )
    });
    parts.collect()
}

#[test]
fn every_figure_names_its_net_and_its_data() {
    let place = TempDir::new().expect("a temporary folder");
    let runs = [
        folder(&place, "run", "1e-3"),
        folder(&place, "other", "1e-8"),
    ];
    write_run_report(&runs[0], Some(&test_set())).expect("draws");
    let out = place.path().join("out");
    compare(&runs, &Heading::default(), &out).expect("draws");
    for folder in [&runs[0], &out] {
        let figures = folder.join("figures");
        for file in names(&figures).iter().filter(|it| it.contains(".svg")) {
            let svg = text(&figures.join(file));
            let found = texts(&svg);
            assert!(
                found.iter().any(|it| it.0 == "mlp on data"),
                "{file}: {found:?}"
            );
            let document = roxmltree::Document::parse(&svg).expect("is XML");
            let name = document.root_element().attribute("aria-label");
            assert!(
                name.is_some_and(|it| it.ends_with(", mlp on data")),
                "{file}: {name:?}"
            );
        }
    }
    // The best stand out no more than what they are; the worst do.
    let alarmed = |file: &str| {
        let found = texts(&text(&runs[0].join("figures").join(file)));
        found
            .into_iter()
            .filter(|it| it.1 == "alarm")
            .map(|it| it.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(alarmed("worst.svg"), ["got -20", "got 1.25", "got 2"]);
    assert_eq!(alarmed("best.svg"), [""; 0]);
    // What the colours of a table of counts mean.
    let counts = texts(&text(&runs[0].join("figures/confusion.svg")));
    let words: Vec<&str> = counts.iter().map(|it| it.0.as_str()).collect();
    assert!(
        words.contains(&"0%") && words.contains(&"100% of the samples of the target"),
        "{words:?}"
    );
}

#[test]
fn names_of_axes_are_no_longer_than_the_axes() {
    let place = TempDir::new().expect("a temporary folder");
    let run = folder(&place, "run", "1e-3");
    // Prices: squared errors of five powers of ten.
    let prices = METRICS
        .replace(",9.5,", ",9.5e14,")
        .replace("1,9.5,2.5,8.5", "1,9.5e14,2.5,8.5e9");
    fs::write(run.join("metrics.csv"), prices).expect("writes");
    write_run_report(&run, None).expect("draws");
    let found = texts(&text(&run.join("figures/mse.svg")));
    let (name, _, size) = found
        .iter()
        .find(|it| it.0.starts_with("MSE ("))
        .expect("an axis");
    assert_eq!(name, "MSE (units of the target, squared)");
    // No letter of the font is narrower on average than half its height.
    assert!(name.len() as f64 * size * 0.5 <= 270.0, "{size}");
    assert!(found.iter().any(|it| it.0 == "log scale"), "{found:?}");
}

#[test]
fn letters_that_the_pngs_lack_are_squares_and_said() {
    let place = TempDir::new().expect("a temporary folder");
    let run = folder(&place, "run", "1e-3");
    for (data, note) in [("ζώο e\u{301} Ґ Ả ქ", false), ("猫\u{200f}", true)] {
        let named = config("1e-3").replace("no/such/data", data);
        fs::write(run.join("config.toml"), named).expect("writes");
        write_run_report(&run, Some(&test_set())).expect("draws");
        let page = text(&run.join("report.html"));
        assert_eq!(
            page.contains("lacks letters of these names (猫)"),
            note,
            "{data}"
        );
        assert!(text(&run.join("figures/mae.svg")).contains(data));
        assert!(image::open(run.join("figures/mae.png")).is_ok());
    }
}

#[test]
fn what_is_not_the_default_is_listed_and_all_else_folded() {
    let place = TempDir::new().expect("a temporary folder");
    let run = folder(&place, "run", "1e-8");
    let more = format!(
        "{}momentum = 0.0\ndropout = 0.25\n\n[schedule]\nwarmup = 3\nlr-gamma = 0.1\n",
        config("1e-8")
    );
    fs::write(run.join("config.toml"), more).expect("writes");
    write_run_report(&run, None).expect("draws");
    let page = text(&run.join("report.html"));
    let listed = between(&page, "<h2>Options</h2>", "</section>");
    let folded = between(
        &page,
        "<h2>All other options have their defaults</h2>",
        "</details>",
    );
    for (key, is_listed) in [
        ("net", true),
        ("data", true),
        ("lr", true),
        ("dropout", true),
        ("schedule.warmup", true),
        ("schedule.lr-gamma", false),
        ("momentum", false),
        ("batch-size", false),
        ("seed", false),
    ] {
        let cell = format!(">{key}</th>");
        assert_eq!(
            [listed.contains(&cell), folded.contains(&cell)],
            [is_listed, !is_listed],
            "{key}"
        );
    }
}

#[test]
fn a_comparison_says_what_came_out_and_leads_to_its_runs() {
    let place = TempDir::new().expect("a temporary folder");
    let runs = [
        folder(&place, "a b#ü", "1e-3"),
        folder(&place, "other", "1e-8"),
    ];
    for run in &runs {
        let more = "train_images = 1200\ntest_images = 3\nimage_shape = [1, 2, 2]\n";
        fs::write(run.join("environment.toml"), environment() + more).expect("writes");
        let found = "\n[targets]\nmean = 4.0\nmedian = 3.0\ndeviation = 1.0\nleast = 0.0\ngreatest = 9.0\nwhole = true\n";
        let asked = text(&run.join("config.toml")) + found;
        fs::write(run.join("config.toml"), asked).expect("writes");
    }
    // After the last epoch, the second run's MAE is 2.5: of the targets 1, 7, 2 the median 3 makes (2+4+1)/3.
    let worse = METRICS.replace("3,4.25,1.375,4.5,1.75", "3,4.25,1.375,4.5,2.5");
    fs::write(runs[1].join("metrics.csv"), worse).expect("writes");
    write_run_report(&runs[0], None).expect("draws");
    let heading = Heading {
        question: Some("Which <rate>?".to_owned()),
        ..Heading::default()
    };
    let out = place.path().join("out");
    compare(&runs, &heading, &out).expect("draws");
    let page = text(&out.join("report.html"));
    for words in [
        "2 runs on data: 1,200 training and 3 test images of 2x2 pixels in grey",
        ">Which &lt;rate&gt;?<",
        ">Best: lr 0.001 (test MAE 1.7500). Last: lr 1e-8 (2.5000). Without looking at an image, always the median of \
         the training targets comes to 2.3333: 1 of 2 does better.<",
        "href=\"../a%20b%23%C3%BC/report.html\">lr 0.001</a>",
    ] {
        assert!(page.contains(words), "{words}");
    }
    // No link to what is not there, and none that tells where its author keeps files.
    assert_eq!(page.matches("href=").count(), 1);
    let elsewhere = TempDir::new().expect("a temporary folder");
    compare(&runs, &heading, &elsewhere.path().join("x/y")).expect("draws");
    assert!(!text(&elsewhere.path().join("x/y/report.html")).contains("href="));
    // A comparison within which its runs lie, as a sweep's.
    compare(&runs, &heading, place.path()).expect("draws");
    let page = text(&place.path().join("report.html"));
    assert!(page.contains("href=\"a%20b%23%C3%BC/report.html\""));
}
