//! What trainers of one session share, and what each has of its own; what a device is asked for.

use std::sync::Arc;

use gpu_train::nn::NetworkType;
use gpu_train::shape::ImageShape;
use gpu_train::train::{
    ResidentSplit, Session, Subset, TrainEvent, TrainState, Trainer, TrainerOptions,
};

use crate::support::{adapter, gpu, open, processor, session, sessions, small_cnn, split, trainer};

const IMAGE: ImageShape = ImageShape::new(3, 12, 13);

fn on<'s>(session: &'s Session, data: &Arc<ResidentSplit>, seed: u64) -> Trainer<'s> {
    let options = TrainerOptions {
        batch_size: 16,
        seed,
        ..TrainerOptions::default()
    };
    let data = Arc::clone(data);
    Trainer::new(session, data, NetworkType::Cnn, &small_cnn(), options).expect("fits")
}

/// Steps and evaluations of all `trainers` in turn.
fn interleaved(mut trainers: Vec<Trainer<'_>>) -> Vec<TrainState> {
    for _ in 0..9 {
        for trainer in &mut trainers {
            trainer.training_step().expect("trains");
            trainer.evaluate(Subset::Train).expect("evaluates");
        }
    }
    let states = trainers.iter().map(Trainer::state);
    states.map(|state| state.expect("reads")).collect()
}

#[test]
fn trainers_that_take_turns_on_one_data_set_do_not_disturb_each_other() {
    for session in sessions() {
        let data = session.upload_split(split(101, 20, IMAGE)).expect("fits");
        let alone = |seed| interleaved(vec![on(session, &data, seed)]).remove(0);
        let both = vec![on(session, &data, 1), on(session, &data, 2)];
        assert_eq!(interleaved(both), [alone(1), alone(2)]);
    }
}

#[test]
fn a_second_trainer_of_the_same_net_compiles_nothing() {
    let session = open(&adapter());
    let data = session.upload_split(split(101, 20, IMAGE)).expect("fits");
    let first = on(&session, &data, 1);
    let compiled = gpu(&session).pipeline_count();
    assert!(compiled > 10, "{compiled}");
    let _second = on(&session, &data, 2);
    assert_eq!(gpu(&session).pipeline_count(), compiled);
    drop(first);
}

/// One wait per submission, at most three of them queued, and nothing else: no row, no metric and
/// no parameter is read back in another way.
#[test]
fn epochs_wait_for_the_gpu_only_to_bound_the_submissions_in_flight() {
    let session = open(&adapter());
    let options = TrainerOptions {
        batch_size: 4,
        ..TrainerOptions::default()
    };
    let data = split(801, 90, IMAGE);
    let mut trainer = trainer(&session, data, NetworkType::Mlp, options);
    // The first epoch begins with having the shaders compiled.
    trainer.train_loop(1, |_| Ok(())).expect("trains");
    let before = gpu(&session).waits() - trainer.traffic().retired;
    trainer.train_loop(3, |_| Ok(())).expect("trains");
    let traffic = trainer.traffic();
    assert_eq!(gpu(&session).waits() - before, traffic.retired);
    assert_eq!(traffic.submitted, traffic.retired);
    assert_eq!(traffic.most_in_flight, 3);
    let steps = 3 * (801_usize.div_ceil(4) + 90_usize.div_ceil(4));
    assert!(
        traffic.submitted < steps / 2,
        "{traffic:?} of {steps} steps"
    );
    // The count sees what an epoch must not do.
    trainer.parameters().expect("reads");
    assert_eq!(gpu(&session).waits() - before, traffic.retired + 1);
}

/// No epoch's time contains it; the processor has nothing to compile.
#[test]
fn shaders_are_compiled_before_the_first_epoch() {
    for (session, begins) in [
        (
            open(&adapter()),
            &["compiling", "compiled", "epoch", "epoch"][..],
        ),
        (open(&processor()), &["epoch", "epoch"]),
    ] {
        let data = session.upload_split(split(101, 20, IMAGE)).expect("fits");
        let mut trainer = on(&session, &data, 1);
        let mut seen = Vec::new();
        let watch = |event: &TrainEvent| {
            match event {
                TrainEvent::Compiling => seen.push("compiling"),
                TrainEvent::Compiled { .. } => seen.push("compiled"),
                TrainEvent::EpochStarted { .. } => seen.push("epoch"),
                _ => {}
            }
            Ok(())
        };
        trainer.train_loop(2, watch).expect("trains");
        assert_eq!(seen, begins);
    }
}

#[test]
fn sets_of_different_shapes_make_no_split() {
    let upload = |shape| session().upload(&split(20, 1, shape).train).expect("fits");
    let other = upload(ImageShape::new(3, 13, 12));
    let error = ResidentSplit::new(upload(IMAGE), other).expect_err("differ");
    for shape in ["3x12x13", "3x13x12"] {
        assert!(error.to_string().contains(shape), "{error}");
    }
}

/// The limits that programs are checked against are those that the device was opened with.
#[test]
fn a_device_has_the_limits_of_its_target() {
    let gpu = gpu(session());
    let (ours, granted) = (gpu.target().limits, gpu.device().limits());
    assert_eq!(ours.binding_bytes, granted.max_storage_buffer_binding_size);
    assert_eq!(ours.buffer_bytes, granted.max_buffer_size);
    assert_eq!(
        ours.workgroups,
        granted.max_compute_workgroups_per_dimension
    );
    assert_eq!(
        ours.workgroup_threads,
        granted.max_compute_invocations_per_workgroup
    );
    assert_eq!(ours.workgroup_threads, granted.max_compute_workgroup_size_x);
    assert_eq!(
        ours.workgroup_bytes,
        granted.max_compute_workgroup_storage_size
    );
    assert_eq!(
        ours.storage_buffers,
        granted.max_storage_buffers_per_shader_stage
    );
}
