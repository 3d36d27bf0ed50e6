//! Sweeps that search: ranges, samples, successive halving.

use crate::support::Workplace;

#[test]
fn a_search_draws_halves_and_names_the_best() {
    let place = Workplace::new();
    let search = [
        "sweep",
        "--net",
        "mlp",
        "--dense-hiddens",
        "8",
        "--data",
        "house-digits:200,50",
        "--lr",
        "1e-4..1e-1:log",
        "--batch-size",
        "16,32",
        "--samples",
        "4",
        "--valid-fraction",
        "0.2",
        "--halving",
        "2",
        "--epochs",
        "4",
        "--out",
        "search",
    ];
    let device = ["--device", "cpu"];
    let ended = place.run(&[&search[..], &device].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("rung 2 of 3: after 2 epochs, 1 of 2 runs go on"),
        "{}",
        ended.stderr
    );
    let summary = place.text("search/summary.csv");
    let status = |name: &str| summary.lines().filter(|line| line.ends_with(name)).count();
    assert_eq!((status(",dropped"), status(",done")), (3, 1), "{summary}");
    let best = summary
        .lines()
        .find(|line| line.ends_with(",done"))
        .expect("one is done");
    let best = best.split(',').next().expect("has a name");
    let again = format!("gpu-train --config search/{best}/config.toml");
    assert!(
        ended.stdout.contains(&format!("best: {best} with ")),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("by validation loss"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains(&again), "{}", ended.stdout);
    // Its config is ready to use, and comes to the same weights.
    let config = format!("search/{best}/config.toml");
    let ended = place.run(&["--config", &config, "--out", "again", "--no-report"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let model = |path: String| std::fs::read(place.path(&path)).expect("is there");
    assert!(
        model("again/model.safetensors".to_owned())
            == model(format!("search/{best}/model.safetensors"))
    );
    let refused = place.run(&["sweep", "--lr", "1e-4..1e-1:log"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("--samples"), "{}", refused.stderr);
}
