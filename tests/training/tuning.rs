//! Tuning: what is measured, and that tiles other than the defaults train the same net.

use std::collections::HashSet;
use std::sync::Arc;

use gpu_train::kernel::tuning::{Problem, TileValues, Tuning};
use gpu_train::nn::{Network, NetworkConfiguration, NetworkType};
use gpu_train::shape::ImageShape;
use gpu_train::train::{Plan, SplitLayout, TrainState, TrainerOptions};
use gpu_train::tune::{Finding, TuneEvent, tune};

use crate::support::{self, distance, gpu, session, small_cnn, split, trainer};

const IMAGE: ImageShape = ImageShape::new(3, 12, 13);
const BATCH: usize = 32;

fn network() -> Network {
    let activation = TrainerOptions::default().activation;
    Network::new(NetworkType::Cnn, &small_cnn(), activation, IMAGE).expect("fits")
}

fn options(tuning: Tuning) -> TrainerOptions {
    TrainerOptions {
        batch_size: BATCH,
        tuning: Some(Arc::new(tuning)),
        ..TrainerOptions::default()
    }
}

fn plan(tuning: Tuning) -> Plan {
    let target = session().device().target();
    let data = split(BATCH * 2, BATCH, IMAGE);
    let layout = SplitLayout::of(&data, target.limits.binding_bytes);
    Plan::new(&network(), &layout.expect("fits"), &options(tuning), target).expect("fits")
}

fn rotated(number: usize) -> Tuning {
    support::rotated(&network(), IMAGE, BATCH, number)
}

fn trained(tuning: Tuning) -> TrainState {
    let data = split(BATCH * 4 + 3, BATCH, IMAGE);
    let mut trainer = trainer(session(), data, NetworkType::Cnn, options(tuning));
    trainer.train_loop(3, |_| Ok(())).expect("trains");
    trainer.state().expect("reads")
}

/// Where the direct kernel of a gradient is the default, too: batches of 1024.
#[test]
fn a_tile_chosen_for_one_problem_leaves_all_problems_there() {
    let image = ImageShape::new(3, 32, 32);
    let activation = TrainerOptions::default().activation;
    let plain = NetworkConfiguration::default_for(NetworkType::Cnn);
    let padded = NetworkConfiguration {
        paddings: vec![1; 3],
        ..plain.clone()
    };
    for (sizes, batch) in [(&plain, 128), (&plain, 1024), (&padded, 128)] {
        let network = Network::new(NetworkType::Cnn, sizes, activation, image).expect("fits");
        let problems = |tuning: Tuning| -> HashSet<Problem> {
            let choices = support::choices(&network, image, batch, &Arc::new(tuning));
            choices.into_iter().map(|it| it.problem).collect()
        };
        let posed = problems(Tuning::default());
        for choice in support::choices(&network, image, batch, &Arc::default()) {
            for tile in choice.candidates {
                let tuning = [(choice.problem.clone(), TileValues::new(tile))];
                let now = problems(tuning.into_iter().collect());
                assert_eq!(now, posed, "{tile:?} for {:?}", choice.problem);
            }
        }
    }
}

#[test]
fn every_other_tile_trains_the_same_net_and_always_the_same_bits() {
    let initial = gpu_train::nn::initial_parameters(&network().parameters, 0);
    let untuned = trained(Tuning::default());
    for number in [1, 2, 3, 5] {
        assert!(!plan(rotated(number)).tuning().is_empty());
        let tuned = trained(rotated(number));
        let apart = distance(&tuned.parameters, &untuned.parameters, &initial);
        assert!(apart <= 1e-5, "tiles {number}: {apart:e}");
        assert_eq!(tuned, trained(rotated(number)), "tiles {number}");
    }
}

#[test]
fn a_plan_tells_the_tiles_that_are_not_the_defaults() {
    assert!(plan(Tuning::default()).tuning().is_empty());
    assert!(plan(rotated(0)).tuning().is_empty(), "all are defaults");
    let wanted = rotated(1);
    let used = plan(wanted.clone()).tuning();
    assert!(used.len() > 3);
    for (problem, tile) in used.iter() {
        assert_eq!(wanted.get(problem), Some(tile));
    }
}

#[test]
fn tune_measures_every_choice_of_the_step() {
    let mut refused = Vec::new();
    let mut announced = Vec::new();
    let mut found = 0;
    let findings = tune(gpu(session()), &network(), BATCH, |event| {
        match event {
            TuneEvent::Refused { problem, tile, why } => {
                refused.push(format!("{} {tile}: {why}", problem.kernel));
            }
            TuneEvent::Found(_) => found += 1,
            TuneEvent::Measuring { problem, of, .. } => announced.push(((*problem).clone(), *of)),
        }
        Ok(())
    });
    let findings = findings.expect("measures");
    assert!(refused.is_empty(), "{refused:?}");
    let plan = plan(Tuning::default());
    let dispatches = plan.training().dispatches.iter();
    let mut choices: Vec<_> = dispatches
        .filter_map(|it| it.call.choice.as_ref())
        .collect();
    choices.retain(|it| it.candidates.len() > 1);
    let problems: HashSet<_> = choices.iter().map(|it| &it.problem).collect();
    let of = problems.len();
    assert!(of > 3, "{problems:?}");
    assert_eq!((findings.len(), found, announced.len()), (of, of, of));
    for (finding, announced) in findings.iter().zip(announced) {
        assert_eq!(announced, (finding.problem.clone(), of));
    }
    for choice in choices {
        let same = |it: &&Finding| it.problem == choice.problem;
        let finding = findings.iter().find(same).expect("measured");
        assert!(finding.default.is(choice.candidates[0]));
        assert!(finding.default_seconds > 0.0 && finding.seconds > 0.0);
        match &finding.better {
            None => assert_eq!(finding.ratio, 1.0),
            Some(tile) => {
                assert!(finding.ratio <= 0.97, "{finding:?}");
                assert!(choice.candidates[1..].iter().any(|it| tile.is(it)));
            }
        }
    }
}

#[test]
fn tune_stops_where_it_is_told_to() {
    let mut measured = 0;
    let stopped = tune(gpu(session()), &network(), BATCH, |_| {
        measured += 1;
        Err(gpu_train::error::Error::usage("enough", "go on"))
    });
    assert!(stopped.is_err());
    assert_eq!(measured, 1);
}
