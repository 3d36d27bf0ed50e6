//! The files that a run reads back, damaged thousands of times: an error or a sane value, never a
//! panic. Data sets have such tests beside their formats.

use std::fs;
use std::path::PathBuf;

use gpu_train::data::Classes;
use gpu_train::error::Error;
use gpu_train::export::{Meaning, OnnxNet, to_onnx, with_metadata};
use gpu_train::gpu::AdapterDescription;
use gpu_train::kernel::target::{AdapterKind, Target};
use gpu_train::kernel::tuning::{Problem, TileValues, Tuning};
use gpu_train::nn::{
    Activation, Network, NetworkConfiguration, NetworkType, TargetScale, initial_parameters,
};
use gpu_train::report::{Heading, RunRecord, compare};
use gpu_train::run::{Checkpoint, Environment, RunConfig, Task, load_weights, save_weights};
use gpu_train::shape::ImageShape;
use gpu_train::tune::TuningFile;
use tempfile::TempDir;

use crate::mutated::checkpoint_file::File;
use crate::support::{CPU, Workplace, open_sweep};

/// Files of each kind that are tried, unless `GPU_TRAIN_CASES` says how many.
const MUTANTS: u32 = 2000;

pub fn mutants() -> u32 {
    let asked = std::env::var("GPU_TRAIN_CASES").ok();
    asked.map_or(MUTANTS, |it| it.parse().expect("a number"))
}

const CONFIG: &str = r#"
net = "cnn"
channels = [16, 32]
kernel-sizes = [3, 3]
strides = [1, 2]
dense-hiddens = [128]
activation = "relu"
lr = 0.001
batch-size = 128
epochs = 50
seed = 0
data = "house-digits:100,20"
no-shuffle = false
no-fuse = false
no-tuned = false
checked = false
init = "weights.safetensors"
device = "0"
"#;

/// Numbers that follow from the one before: the same ones on every machine.
pub struct Numbers(pub u32);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        (self.0 >> 8) as usize % limit
    }
}

/// `file` with one to four changes: bytes replaced, cut, doubled, or a number made another.
pub fn mutate(file: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    const INSERTS: [&[u8]; 8] = [
        b"18446744073709551615",
        b"9223372036854775807",
        b"-1",
        b"1e308",
        b"nan",
        b"[[[[[[[[",
        b"\"\\u0000",
        b"\xFF\xFE",
    ];
    let mut mutant = file.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(mutant.len().max(1)).min(mutant.len());
        let end = (at + numbers.below(40)).min(mutant.len());
        match numbers.below(5) {
            0 if at < mutant.len() => mutant[at] = numbers.below(256) as u8,
            1 => mutant.truncate(at),
            2 => drop(mutant.drain(at..end)),
            3 => {
                let part = mutant[at..end].to_vec();
                mutant.splice(at..at, part);
            }
            _ => {
                let insert = INSERTS[numbers.below(INSERTS.len())];
                // In place of the digits that stand there, so that numbers become others.
                let digits = mutant[at..].iter().take_while(|it| it.is_ascii_digit());
                let end = at + digits.count();
                mutant.splice(at..end, insert.iter().copied());
            }
        }
    }
    mutant
}

/// Writes each mutant of `file` to `path` and gives it to `read`, which tells whether it was
/// accepted; expects that some were refused.
fn try_all(path: &PathBuf, file: &[u8], read: impl Fn() -> Result<(), Error>) {
    fs::write(path, file).expect("writes");
    assert!(read().is_ok(), "the undamaged file is read");
    let mut numbers = Numbers(7);
    let mut refused = 0;
    for _ in 0..mutants() {
        fs::write(path, mutate(file, &mut numbers)).expect("writes");
        if let Err(error) = read() {
            assert!(!error.hint().is_empty());
            refused += 1;
        }
    }
    assert!(refused > mutants() / 4, "{refused} were refused");
}

fn network(sizes: &NetworkConfiguration, net: NetworkType) -> Result<Network, Error> {
    Network::new(net, sizes, Activation::Relu, ImageShape::new(3, 32, 32))
}

#[test]
fn damaged_weights_are_refused_or_sane() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    let sizes = NetworkConfiguration::mlp(&[2]);
    let network = network(&sizes, NetworkType::Mlp).expect("fits");
    let table = &network.parameters;
    let lengths: Vec<usize> = table
        .iter()
        .map(|it| it.torch_shape.iter().product())
        .collect();
    let tensors: Vec<Vec<f32>> = lengths.iter().map(|&len| vec![0.5; len]).collect();
    save_weights(&path, table, &tensors).expect("writes");
    let whole = fs::read(&path).expect("reads");
    // The header is where damage does harm: the tensors are cut to a part of their own size.
    let read = || {
        let tensors = load_weights(&path, table)?;
        assert!(tensors.iter().map(Vec::len).eq(lengths.iter().copied()));
        assert!(tensors.iter().flatten().all(|float| float.is_finite()));
        Ok(())
    };
    try_all(&path, &whole, read);
    let header_bytes = u64::from_le_bytes(*whole.first_chunk().expect("a length")) as usize + 8;
    let mut numbers = Numbers(9);
    for _ in 0..mutants() {
        let header = mutate(&whole[..header_bytes], &mut numbers);
        fs::write(&path, [&header, &whole[header_bytes..]].concat()).expect("writes");
        let _ = read();
    }
    for length in [u64::MAX, 1 << 40, 1 << 30, 0] {
        let claim = [&length.to_le_bytes()[..], &whole[8..]].concat();
        fs::write(&path, claim).expect("writes");
        assert!(read().is_err(), "a header of {length} bytes");
    }
    let nested = "[".repeat(1 << 20);
    let deep = [&(nested.len() as u64).to_le_bytes()[..], nested.as_bytes()].concat();
    fs::write(&path, deep).expect("writes");
    assert!(read().is_err(), "a header nested a million deep");
}

#[test]
fn damaged_configurations_are_refused_or_sane() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("config.toml");
    let read = || {
        let config = RunConfig::read(&path)?;
        config.validate()?;
        network(&config.configuration(), config.net).map(drop)
    };
    try_all(&path, CONFIG.as_bytes(), read);
    for nested in [
        "x = ".to_owned() + &"[".repeat(500_000),
        "[a".repeat(300_000),
    ] {
        fs::write(&path, nested).expect("writes");
        assert!(read().is_err());
    }
}

#[test]
fn damaged_tunings_are_refused_or_sane() {
    let folder = TempDir::new().expect("a temporary folder");
    let adapter = AdapterDescription {
        index: 0,
        name: "an adapter".to_owned(),
        backend: "vulkan".to_owned(),
        kind: "software".to_owned(),
        driver: "driver".to_owned(),
        driver_version: "1".to_owned(),
        target: Target::portable(AdapterKind::Software),
    };
    let file = TuningFile::within(folder.path(), &adapter);
    let problem = Problem {
        kernel: "linear_forward".to_owned(),
        batch: 128,
        shape: vec![1, 64, 8],
    };
    let tile = TileValues::new(&[("ROWS", 8), ("COLUMNS", 2), ("LANES", 1)]);
    let tuning: Tuning = [(problem, tile)].into_iter().collect();
    file.write(tuning.clone()).expect("writes");
    let whole = fs::read(file.path()).expect("reads");
    try_all(&file.path().to_owned(), &whole, || file.read().map(drop));

    // The same tiles as a run records them.
    let path = folder.path().join("environment.toml");
    let text = String::from_utf8(whole).expect("text");
    let recorded = text.replace("[[choices]]", "[[tuning]]");
    let recorded = recorded.replace("[choices.", "[tuning.");
    fs::write(&path, &recorded).expect("writes");
    let read = Environment::read_tuning(&path).expect("is whole");
    assert_eq!(read, Some(tuning));
    try_all(&path, recorded.as_bytes(), || {
        Environment::read_tuning(&path).map(drop)
    });
}

/// The text in a checkpoint's header names the net and its sizes, from which everything follows. Its checksum
/// is made to fit, so that what is behind it sees the damage too.
#[test]
fn damaged_checkpoints_are_refused_or_sane() {
    let place = Workplace::new();
    place.train("run", &["--epochs", "1"]);
    let path = place.path("run/checkpoint.safetensors");
    let file = File::read(&path);
    file.forged(&file.text).write(&path);
    Checkpoint::read(&path).expect("the forger knows how");
    let mut numbers = Numbers(11);
    let (mut refused, mut damaged) = (0, 0);
    for _ in 0..mutants() {
        let mutant = mutate(file.text.as_bytes(), &mut numbers);
        file.forged(&String::from_utf8_lossy(&mutant)).write(&path);
        if let Err(error) = Checkpoint::read(&path) {
            refused += 1;
            assert!(
                !error.to_string().contains("checksum does not fit"),
                "{error}"
            );
            damaged += u32::from(error.to_string().contains("its checksum does not tell"));
        }
    }
    assert!(refused > mutants() / 4, "{refused} were refused");
    assert!(damaged > 0, "what is behind the checksum sees some");
}

/// What runs are drawn from; every hundredth that is taken is drawn.
#[test]
fn damaged_files_of_drawn_runs_are_refused_or_sane() {
    let place = Workplace::new();
    place.train("run", &["--epochs", "2", "--device", "cpu"]);
    let run = place.path("run");
    for name in [
        "metrics.csv",
        "predictions.csv",
        "config.toml",
        "environment.toml",
        "model.safetensors",
    ] {
        let path = run.join(name);
        let whole = fs::read(&path).expect("there is one");
        let mut numbers = Numbers(13);
        for round in 0..mutants() / 5 {
            fs::write(&path, mutate(&whole, &mut numbers)).expect("writes");
            match RunRecord::read(&run) {
                Ok(_) if round % 100 > 0 => {}
                Ok(_) => {
                    let runs = [run.clone()];
                    let drawn = compare(&runs, &Heading::default(), &place.path("out"));
                    drawn.expect("is drawn");
                }
                Err(error) => assert!(!error.hint().is_empty(), "{error}"),
            }
        }
        fs::write(&path, whole).expect("writes");
    }
}

#[test]
fn damaged_sweeps_are_refused_or_sane() {
    let place = Workplace::new();
    let options = ["--seed", "0,1", "--epochs", "1", "--out", "sweep"];
    let data = ["sweep", "--data", "house-digits:64,16", "--net", "mlp"];
    let ended = place.run(&[&data[..], CPU, &options].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let folder = place.path("sweep");
    let text = place.text("sweep/sweep.toml");
    // Without format and checksum, as an earlier version wrote it: the parser is reached.
    let old: Vec<&str> = text.lines().skip(2).collect();
    let path = folder.join("sweep.toml");
    try_all(&path, old.join("\n").as_bytes(), || {
        open_sweep(&folder).map(drop)
    });
    fs::write(&path, text).expect("writes");
    let summary = folder.join("summary.csv");
    let whole = fs::read(&summary).expect("reads");
    let mut numbers = Numbers(15);
    for _ in 0..mutants() {
        fs::write(&summary, mutate(&whole, &mut numbers)).expect("writes");
        let sweep = open_sweep(&folder).expect("a summary is no need");
        assert_eq!(sweep.summary().len(), 2);
    }
}

/// What `predict` takes of others: a graph that is run.
#[test]
fn damaged_onnx_files_are_refused_or_run() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("net.onnx");
    let image = ImageShape::new(1, 7, 6);
    let classes = Classes::new(["cat", "dog"].map(str::to_owned).to_vec());
    let config = RunConfig {
        task: Some(Task::Classify),
        classes: Some(classes.clone()),
        ..RunConfig::default()
    };
    let sizes = NetworkConfiguration {
        n_channels: vec![2, 3],
        kernel_sizes: vec![3, 2],
        strides: vec![1, 1],
        paddings: vec![1, 0],
        batch_norm: true,
        outputs: 2,
        ..NetworkConfiguration::mlp(&[3])
    };
    let network = Network::new(NetworkType::Cnn, &sizes, Activation::Relu, image).expect("fits");
    let tensors = initial_parameters(&network.parameters, 0);
    let meaning = Meaning::Probabilities(classes);
    let bytes = to_onnx(&network, image, &tensors, &meaning, TargetScale::NONE).expect("fits");
    let bytes = with_metadata(bytes, &config.metadata(image));
    let read = || {
        let net = OnnxNet::read(&path)?;
        let elements = net.image.elements();
        // A larger picture takes its time, and tells nothing else.
        if elements <= 10_000 {
            net.predict(&vec![99; elements])?;
        }
        Ok(())
    };
    try_all(&path, &bytes, read);
}
