//! Defaults, and configurations of other versions.

use super::*;

/// Defaults are declared here for the command line, and there for the library.
#[test]
fn a_configuration_trains_as_the_library_does() {
    let options = |it: &TrainerOptions| format!("{it:?}");
    let ours = RunConfig::default().options();
    assert_eq!(options(&ours), options(&TrainerOptions::default()));
}

/// As checkpoints and sweeps hold it.
#[derive(Deserialize)]
struct Recorded {
    #[serde(deserialize_with = "RunConfig::recorded")]
    config: RunConfig,
}

#[test]
fn files_without_newer_keys_are_read_and_files_without_a_net_are_not() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("config.toml");
    let read = |text: &str| {
        std::fs::write(&path, text).expect("writes");
        RunConfig::read(&path)
    };
    let old = read("net = 'mlp'\nlr = 0.5").expect("is read");
    assert_eq!(old.configuration(), NetworkConfiguration::mlp(&[128, 128]));
    assert_eq!((old.lr, old.optimizer), (0.5, OptimizerKind::Adam));
    let seeds = |text: &str| {
        let config = read(text).expect("is read");
        (config.seed, config.data_seed)
    };
    assert_eq!(seeds("net = 'mlp'"), (0, 0));
    assert_eq!(seeds("net = 'mlp'\nseed = 3"), (3, 3));
    assert_eq!(seeds("net = 'mlp'\nseed = 3\ndata-seed = 0"), (3, 0));
    assert_eq!(seeds("net = 'mlp'\nseed = 3\ndata = 'svhn'"), (3, 0));
    let recorded: Recorded = toml::from_str("[config]\nseed = 3").expect("is read");
    assert_eq!(recorded.config.data_seed, 3);
    let stages = read("net = 'resnet'").expect("is read").channels;
    assert_eq!(stages, [16, 32, 64]);
    for (text, word) in [
        ("lr = 0.5", "no net"),
        ("net = 'cnn'\nlearning = 1", "learning"),
    ] {
        let error = read(text).expect_err(text).to_string();
        assert!(error.contains(word), "{error}");
    }
}
