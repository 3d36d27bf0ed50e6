//! The GPU executor against the CPU one on the same program: three steps, buffer by buffer.

use std::sync::Arc;

use gpu_train::exec::{CpuProgram, MAX_STEPS, Memory};
use gpu_train::graph::{Program, Role};
use gpu_train::kernels::Step;
use gpu_train::kernels::gather::ResidentLayout;
use gpu_train::nn::{
    AdamConfig, Network, NetworkType, ProgramOptions, initial_parameters, training_program,
};
use gpu_train::shape::ImageShape;
use gpu_train::train::TrainerOptions;
use gpu_train::tuning::Tuning;

use crate::support::{distance, rotated, session, small_cnn, split, trainer};

const IMAGE: ImageShape = ImageShape::new(3, 12, 13);
const BATCH: usize = 16;
/// The last batch is ragged.
const SAMPLES: usize = 41;

fn fill(cpu: &mut CpuProgram<f32>, program: &Program, role: Role, set: impl Fn(&mut Memory<f32>)) {
    let index = program.buffers.iter().position(|spec| spec.role == role);
    set(&mut cpu.memory[index.expect("in use")]);
}

#[test]
fn three_steps_are_those_of_the_twins() {
    assert_twins(None);
}

/// Tiles decide how many partial sums there are: the twins add up as many.
#[test]
fn three_tuned_steps_are_those_of_the_twins() {
    for number in [1, 4] {
        let tuning = rotated(&network(), IMAGE, BATCH, number);
        assert!(!tuning.is_empty());
        assert_twins(Some(&Arc::new(tuning)));
    }
}

fn network() -> Network {
    let activation = TrainerOptions::default().activation;
    Network::new(NetworkType::Cnn, &small_cnn(), activation, IMAGE).expect("fits")
}

fn assert_twins(tuning: Option<&Arc<Tuning>>) {
    let options = TrainerOptions {
        batch_size: BATCH,
        shuffle: false,
        tuning: tuning.cloned(),
        ..TrainerOptions::default()
    };
    let network = network();
    let target = session().gpu().target().clone();
    let data = split(SAMPLES, 5, IMAGE);
    let elements = IMAGE.elements();
    let layout = ResidentLayout::new(SAMPLES, elements, 1 << 27).expect("fits");
    let program = training_program(
        &network,
        &layout,
        &ProgramOptions {
            capacity: BATCH,
            rows: MAX_STEPS,
            target: match tuning {
                Some(tuning) => target.with_tuning(tuning, BATCH),
                None => target,
            },
            fuse: true,
        },
        &AdamConfig::default(),
    );
    let program = Arc::new(program.expect("fits"));
    let mut cpu = CpuProgram::<f32>::new(Arc::clone(&program));
    let initial = initial_parameters(&network.parameters, 0);
    fill(&mut cpu, &program, Role::Parameters, |memory| {
        memory
            .real()
            .copy_from_slice(&network.parameters.pack(&initial));
    });
    fill(&mut cpu, &program, Role::Images(0), |memory| {
        let mut bytes = vec![0; layout.part_words(0) * 4];
        for (slot, image) in bytes
            .chunks_mut(layout.image_words * 4)
            .zip(data.train.images().chunks(elements))
        {
            slot[..elements].copy_from_slice(image);
        }
        let words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
        memory.word().copy_from_slice(&words);
    });
    fill(&mut cpu, &program, Role::Targets, |memory| {
        memory.real().copy_from_slice(data.train.targets());
    });
    fill(&mut cpu, &program, Role::Order, |memory| {
        let order = memory.word().iter_mut().zip(0..);
        order.for_each(|(slot, index)| *slot = index);
    });

    let mut gpu = trainer(session(), data, NetworkType::Cnn, options);
    for t in 1..=3_u32 {
        let start = (t as usize - 1) * BATCH;
        let (step_size, second_correction) = AdamConfig::default().factors(1e-3, t.into());
        cpu.run(&Step {
            batch: BATCH.min(SAMPLES - start) as u32,
            batch_start: start as u32,
            step_size,
            second_correction,
            ..Step::default()
        });
        gpu.training_step().expect("trains");
    }
    let index = program
        .buffers
        .iter()
        .position(|it| it.role == Role::Parameters);
    let flat = cpu.memory[index.expect("in use")].real();
    let theirs = network.parameters.unpack(flat);
    let ours = gpu.parameters().expect("reads");
    let apart = distance(&ours, &theirs, &initial);
    assert!(apart <= 1e-5, "{apart:e}");
}
