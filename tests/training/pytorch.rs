//! Every fixture: from PyTorch's weights in file order to PyTorch's weights and metrics.

use std::fmt::Write as _;
use std::sync::Arc;

use gpu_train::nn::{Adam, Network, Optimizer, Sgd};
use gpu_train::train::{EpochMetrics, Metrics, ScheduleConfig, Session, Trainer, TrainerOptions};

use crate::fixture::{self, Epoch, Fixture};
use crate::support::{cpu, distance, session, sessions};

const WEIGHTS: f64 = 1e-4;
const METRICS: f64 = 1e-5;
const GRADIENTS: f64 = 1e-5;

#[test]
fn every_fixture_ends_at_pytorchs_weights_and_metrics() {
    follow_all(&fixture::all(), session());
}

#[test]
fn every_fixture_ends_there_on_the_processor_too() {
    follow_all(&fixture::all(), cpu());
}

fn follow_all(fixtures: &[Fixture], session: &Session) {
    let mut report = String::new();
    let mut failed = false;
    for fixture in fixtures {
        for fuse in [true, false] {
            let (weights, metrics, accurate) = follow(fixture, session, fuse);
            let good = weights <= WEIGHTS && metrics <= METRICS && accurate;
            failed |= !good;
            let _ = writeln!(
                report,
                "{:<24} fuse {fuse:<5} weights {weights:.1e} metrics {metrics:.1e} accuracy {} {}",
                fixture.name,
                if accurate { "exact" } else { "off" },
                if good { "" } else { "  <-- FAILED" },
            );
        }
    }
    println!("{report}");
    assert!(!failed, "\n{report}");
}

/// Trains as the fixture says; returns the distance of the weights, the worst metric's relative
/// difference, and whether the accuracies are equal.
fn follow(fixture: &Fixture, session: &Session, fuse: bool) -> (f64, f64, bool) {
    let options = TrainerOptions {
        fuse,
        ..fixture.options(&names(fixture))
    };
    follow_with(fixture, session, options)
}

fn follow_with(fixture: &Fixture, session: &Session, options: TrainerOptions) -> (f64, f64, bool) {
    let names = names(fixture);
    let data = fixture.upload(session);
    let net = fixture.description.net;
    let mut trainer = Trainer::new(session, data, net, &fixture.configuration(), options)
        .unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
    if let Some(range) = fixture.lr_range() {
        // Changes nothing.
        trainer.find_lr(&range).expect("trains");
    }
    let best = train(&mut trainer, fixture.description.epochs);
    let ours = trainer.parameters().expect("reads");
    let initial = fixture.tensors("initial", &names);
    let mut weights = distance(&ours, &fixture.tensors("final", &names), &initial);
    assert_eq!(best.is_some(), fixture.description.valid > 0);
    if let Some(best) = best {
        let theirs = fixture.tensors("best", &names);
        weights = max(weights, distance(&best, &theirs, &initial));
    }
    // As many epochs, which patience decides too.
    let theirs = &fixture.description.epoch;
    assert_eq!(trainer.logs().len(), theirs.len(), "{}", fixture.name);
    let pairs = || trainer.logs().iter().zip(theirs);
    let metrics = pairs()
        .map(|(ours, theirs)| worst(ours, theirs))
        .fold(0.0, max);
    let accurate = !fixture.description.accuracy_is_exact
        || pairs().all(|(ours, theirs)| {
            (ours.train.get("accuracy"), ours.test.get("accuracy"))
                == (Some(theirs.train_accuracy), Some(theirs.test_accuracy))
                && ours.valid.as_ref().and_then(|it| it.get("accuracy")) == theirs.valid_accuracy
        });
    (weights, metrics, accurate)
}

/// Trains to the end; returns the weights of the best epoch, if anything judges them.
fn train(trainer: &mut Trainer<'_>, epochs: usize) -> Option<Vec<Vec<f32>>> {
    let mut best = None;
    while trainer.is_before(epochs) {
        let ended = trainer.train_epoch(epochs, &mut |_| Ok(()), |_| false);
        let epoch = ended.expect("trains").expect("nothing pauses it").epoch;
        let state = trainer.state().expect("reads");
        if state.selection.best.is_some_and(|best| best.epoch == epoch) {
            best = Some(state.parameters);
        }
    }
    best
}

/// The larger of two, NaN above everything.
fn max(a: f64, b: f64) -> f64 {
    if a >= b { a } else { b }
}

fn worst(ours: &EpochMetrics, theirs: &Epoch) -> f64 {
    assert_eq!(ours.valid.is_some(), theirs.valid_loss.is_some());
    let of = |metrics: Option<&Metrics>, loss: Option<f64>, mae: Option<f64>| {
        let ours = metrics.map(Metrics::loss);
        let mean = metrics.and_then(|it| it.get("mae"));
        assert_eq!(
            (ours.is_some(), mean.is_some()),
            (loss.is_some(), mae.is_some())
        );
        [ours.zip(loss), mean.zip(mae)]
    };
    let pairs = [
        of(Some(&ours.train), Some(theirs.train_loss), theirs.train_mae),
        of(Some(&ours.test), Some(theirs.test_loss), theirs.test_mae),
        of(ours.valid.as_ref(), theirs.valid_loss, theirs.valid_mae),
    ];
    // What is not explained: R-squared itself may be around 0.
    let rest = |r2: Option<f64>| r2.map(|it| 1.0 - it);
    let [r2, wanted] = [ours.test.get("r2"), theirs.test_r2].map(rest);
    assert_eq!(r2.is_some(), wanted.is_some());
    let pairs = pairs.into_iter().flatten().chain([r2.zip(wanted)]);
    let relative = pairs.flatten();
    let relative = relative.map(|(ours, theirs)| (ours - theirs).abs() / theirs.abs());
    relative.fold(0.0, max)
}

fn names(fixture: &Fixture) -> Vec<String> {
    let it = &fixture.description;
    let network = Network::new(
        it.net,
        &fixture.configuration(),
        it.activation,
        fixture.image(),
    );
    let network = network.unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
    let names = network.parameters.iter().map(|it| it.name.clone());
    names.collect()
}

/// The first batch's gradients, tensor by tensor: says which backward kernel is wrong where the
/// trajectory only says that one is.
#[test]
fn the_first_gradients_are_pytorchs() {
    for session in sessions() {
        for fixture in fixture::all() {
            let names = names(&fixture);
            let data = fixture.upload(session);
            let options = fixture.options(&names);
            let net = fixture.description.net;
            let mut trainer = Trainer::new(session, data, net, &fixture.configuration(), options)
                .unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
            trainer.training_step().expect("trains");
            let ours = trainer.gradients().expect("reads");
            // Statistics have none.
            let trained = trainer.network().parameters.trained();
            let names: Vec<String> = trained.iter().map(|it| it.name.clone()).collect();
            let theirs = fixture.tensors("gradient", &names);
            for ((name, ours), theirs) in names.iter().zip(&ours).zip(&theirs) {
                let norm = |floats: &[f64]| floats.iter().map(|x| x * x).sum::<f64>().sqrt();
                let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
                let (ours, theirs) = (wide(ours), wide(theirs));
                let apart: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a - b).collect();
                let difference = norm(&apart);
                assert!(
                    difference <= GRADIENTS * norm(&theirs) + 1e-9,
                    "{} {name}: {difference:e} of {:e}",
                    fixture.name,
                    norm(&theirs)
                );
            }
        }
    }
}

/// The range test of `--find-lr`, step by step.
#[test]
fn the_range_test_gives_pytorchs_losses() {
    for session in sessions() {
        let mut tested = 0;
        for fixture in fixture::all() {
            let Some(range) = fixture.lr_range() else {
                continue;
            };
            let options = fixture.options(&names(&fixture));
            let (net, sizes) = (fixture.description.net, fixture.configuration());
            let mut trainer =
                Trainer::new(session, fixture.upload(session), net, &sizes, options).expect("fits");
            let points = trainer.find_lr(&range).expect("trains");
            let theirs = &fixture.description.range_losses;
            assert_eq!((points.len(), theirs.len()), (range.steps, range.steps));
            let apart = points.iter().zip(theirs);
            let apart = apart.map(|(ours, theirs)| (ours.loss - theirs).abs() / theirs);
            let worst = apart.fold(0.0, max);
            assert!(worst <= METRICS, "{}: {worst:e}", fixture.name);
            tested += 1;
        }
        assert_eq!(tested, 1);
    }
}

/// Each option's fixture is one that training without it does not follow.
#[test]
fn the_options_of_the_fixtures_matter() {
    for session in sessions() {
        let changing = [
            "all",
            "clip_grad_norm",
            "cosine_warmup",
            "plateau",
            "sgd",
            "sgd_momentum",
            "sgd_nesterov",
            "step",
            "valid_plateau",
            "weight_decay",
        ];
        for name in changing {
            let fixture = Fixture::load(&format!("option_{name}"));
            // What an option of sgd is compared with is sgd without it.
            let optimizer: Arc<dyn Optimizer> = match name {
                "sgd_momentum" => Arc::new(Sgd::default()),
                "sgd_nesterov" => Arc::new(Sgd {
                    momentum: 0.8,
                    nesterov: false,
                    weight_decay: 1e-2,
                }),
                _ => Arc::new(Adam::default()),
            };
            let without = TrainerOptions {
                optimizer,
                clip_grad_norm: None,
                schedule: ScheduleConfig::default(),
                ..fixture.options(&names(&fixture))
            };
            let (weights, ..) = follow_with(&fixture, session, without);
            // Ten times what a fixture may be apart.
            assert!(weights > 10.0 * WEIGHTS, "{name}: {weights:e}");
        }
        let patient = Fixture::load("option_patience").description;
        assert!(patient.epoch.len() < patient.epochs, "patience ended it");
    }
}
