//! Runs in their folders: what a lost device leaves, and what a run says that diverged.

use std::cell::Cell;
use std::path::Path;

use gpu_train::data::{Dataset, Split};
use gpu_train::error::{Error, Result};
use gpu_train::kernel::tuning::Tuning;
use gpu_train::nn::NetworkType;
use gpu_train::run::{
    Checkpoint, DataRecord, Environment, Run, RunConfig, RunFolder, load_weights,
};
use gpu_train::shape::ImageShape;
use gpu_train::train::{EpochMetrics, Session, TrainEvent, TrainState, Trainer, TrainerOptions};

use crate::support::{adapter, gpu, open, session, sessions, split};

const IMAGE: ImageShape = ImageShape::new(1, 4, 4);

pub fn config(epochs: usize) -> RunConfig {
    RunConfig {
        dense_hiddens: vec![3, 2],
        batch_size: 16,
        epochs,
        seed: 3,
        checkpoint_minutes: 0.0,
        ..RunConfig::default_for(NetworkType::Mlp)
    }
}

pub fn environment(session: &Session) -> Environment {
    Environment {
        version: "1".to_owned(),
        platform: "here".to_owned(),
        started: "now".to_owned(),
        train_fingerprint: String::new(),
        test_fingerprint: String::new(),
        train_images: 0,
        test_images: 0,
        image_shape: [0; 3],
        adapter: session.device().description().clone(),
        tuning: Tuning::default(),
    }
}

pub fn trainer<'s>(
    session: &'s Session,
    config: &RunConfig,
    data: Split,
    init: Option<Vec<Vec<f32>>>,
) -> Trainer<'s> {
    let options = TrainerOptions {
        init,
        ..config.options()
    };
    let data = session.upload_split(data).expect("fits");
    Trainer::new(session, data, config.net, &config.configuration(), options).expect("fits")
}

fn begin<'s>(
    session: &'s Session,
    path: &Path,
    config: &RunConfig,
    data: Split,
    init: Option<Vec<Vec<f32>>>,
) -> Run<'s> {
    let record = DataRecord::of(&data);
    let trainer = trainer(session, config, data, init);
    let paths = [path.to_path_buf()];
    Run::create(trainer, paths, config, &record, &environment(session)).expect("writes")
}

fn resume<'s>(session: &'s Session, path: &Path, config: &RunConfig, data: Split) -> Run<'s> {
    let folder = RunFolder::open(path).expect("is there");
    let checkpoint = folder.checkpoint().expect("reads");
    let record = DataRecord::of(&data);
    let trainer = trainer(session, config, data, None);
    let environment = environment(session);
    Run::resume(trainer, folder, checkpoint, config, &record, &environment).expect("is the run's")
}

#[expect(clippy::unnecessary_wraps, reason = "what Run::train takes")]
fn quiet(_: &TrainEvent) -> Result<()> {
    Ok(())
}

/// Everything but times.
fn result(run: &Run<'_>) -> (TrainState, Vec<EpochMetrics>) {
    let timeless = |epoch: &EpochMetrics| EpochMetrics {
        seconds: 0.0,
        samples_per_second: 0.0,
        ..epoch.clone()
    };
    let trainer = run.trainer();
    let logs = trainer.logs().iter().map(timeless);
    (trainer.state().expect("reads"), logs.collect())
}

/// One after the other, in every step of three epochs: also while it evaluates.
#[test]
fn a_run_that_is_stopped_after_every_step_goes_on_bit_for_bit() {
    for session in sessions() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let data = || split(60, 40, IMAGE);
        let config = config(3);
        let mut straight = begin(session, &place.path().join("a"), &config, data(), None);
        straight.train(|| false, quiet).expect("trains");
        let path = place.path().join("b");
        let mut run = begin(session, &path, &config, data(), None);
        let mut stops = 0;
        let places = loop {
            let asked = Cell::new(0);
            let interrupted = || {
                asked.set(asked.get() + 1);
                // Were the first question enough, no evaluation would ever end.
                asked.get() > stops % 4
            };
            match run.train(interrupted, quiet) {
                Ok(()) => break stops,
                Err(Error::Interrupted { what, hint }) => {
                    assert!(what.contains("is saved"), "{what}");
                    assert!(hint.contains("resume"), "{hint}");
                }
                Err(other) => panic!("{other}"),
            }
            stops += 1;
            drop(run);
            run = resume(session, &path, &config, data());
        };
        assert!(places > 6, "{places}");
        assert_eq!(result(&run), result(&straight));
        let csv = |name: &str| {
            let text = std::fs::read_to_string(place.path().join(name).join("metrics.csv"));
            text.expect("reads").lines().count()
        };
        assert_eq!((csv("a"), csv("b")), (4, 4));
    }
}

#[test]
fn a_lost_device_costs_no_more_than_what_was_not_saved() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = || split(60, 40, IMAGE);
    let config = config(4);
    let mut straight = begin(session(), &place.path().join("a"), &config, data(), None);
    straight.train(|| false, quiet).expect("trains");
    let own = open(&adapter());
    let path = place.path().join("b");
    let mut run = begin(&own, &path, &config, data(), None);
    let lose = |event: &TrainEvent| {
        if let TrainEvent::EpochStarted { epoch: 3, .. } = event {
            gpu(&own).device().destroy();
        }
        Ok(())
    };
    let error = run.train(|| false, lose).expect_err("the device is lost");
    assert!(matches!(error, Error::Gpu { .. }), "{error}");
    assert_eq!(run.saved_step(), 8);
    drop(run);
    let mut run = resume(session(), &path, &config, data());
    run.train(|| false, quiet).expect("goes on");
    assert_eq!(result(&run), result(&straight));
}

/// What a run with these initial weights says, and the state in its folder's checkpoint.
fn diverged(
    session: &Session,
    config: &RunConfig,
    data: Split,
    init: Vec<Vec<f32>>,
) -> (String, Checkpoint, Vec<Vec<f32>>) {
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("run");
    let mut run = begin(session, &path, config, data, Some(init));
    let replayed = Cell::new(false);
    let error = run.train(
        || false,
        |event| {
            replayed.set(replayed.get() || matches!(event, TrainEvent::Replaying { .. }));
            Ok(())
        },
    );
    let error = error.expect_err("diverges");
    assert!(matches!(error, Error::Diverged { .. }), "{error}");
    assert!(replayed.get());
    assert!(error.hint().contains("lower `lr`"), "{}", error.hint());
    let table = run.trainer().network().parameters.clone();
    let model = load_weights(&path.join("model.safetensors"), &table).expect("is finite");
    let checkpoint = run
        .folder()
        .expect("writes one")
        .checkpoint()
        .expect("is whole");
    (error.to_string(), checkpoint, model)
}

/// Weights of the mlp 16-3-2-1 that pass their first input on, times one number per layer.
fn chain([first, second, last]: [f32; 3]) -> Vec<Vec<f32>> {
    let weight = |len: usize, value: f32| {
        let mut weight = vec![0.0; len];
        weight[0] = value;
        weight
    };
    vec![
        weight(48, first),
        vec![0.0; 3],
        weight(6, second),
        vec![0.0; 2],
        weight(2, last),
        vec![0.0],
    ]
}

/// Images of one brightness each for training and test.
fn flat(train: u8, test: u8) -> Split {
    let set = |brightness| {
        let images = vec![brightness; 20 * IMAGE.elements()];
        Dataset::new(images, vec![1.0; 20], IMAGE).expect("a data set")
    };
    Split::new(set(train), set(test))
}

#[test]
fn a_run_that_diverges_names_what_was_not_finite_first() {
    for session in sessions() {
        let config = config(2);
        // 1e30 times 1e30, in the second layer.
        let init = chain([1e30, 1e30, 0.0]);
        let (said, checkpoint, model) = diverged(session, &config, flat(255, 255), init.clone());
        assert!(
            said.contains("the output of dense layer 2 is the first"),
            "{said}"
        );
        assert!(said.contains("epoch 1 (step 1)"), "{said}");
        assert_eq!((checkpoint.state.step, &model), (0, &init));

        // A prediction of 1e18, a finite loss, and a gradient of 1e18 times the 1e30 before it.
        let init = chain([1e15, 1e15, 1e-12]);
        let (said, _, model) = diverged(session, &config, flat(255, 255), init.clone());
        assert!(said.contains("1 gradient became NaN or infinite"), "{said}");
        assert!(
            said.contains("the gradient of output layer is the first"),
            "{said}"
        );
        assert_eq!(model, init);

        // Black training images never show what white test images do.
        let init = chain([1e30, 1e30, 0.0]);
        let (said, checkpoint, _) = diverged(session, &config, flat(0, 255), init);
        assert!(
            said.contains("the test loss became NaN in epoch 1"),
            "{said}"
        );
        assert!(
            said.contains("the output of dense layer 2 is the first"),
            "{said}"
        );
        assert_eq!(checkpoint.state.step, 0);

        // A learning rate whose first update is beyond f32: the next step shows it.
        let steep = RunConfig { lr: 3e38, ..config };
        let init = chain([1.0, 1.0, 1.0]);
        let (said, _, model) = diverged(session, &steep, flat(255, 255), init.clone());
        assert!(
            said.contains("the update of step 1 made 1.weight so"),
            "{said}"
        );
        assert_eq!(model, init);
    }
}
