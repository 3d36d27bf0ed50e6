//! Whole training steps: against the CPU executor, and twice for the same bits.

use std::sync::Arc;

use crate::data::{Dataset, Split, house_digits};
use crate::error::{Error, Result};
use crate::exec::{CpuProgram, MAX_STEPS, Memory};
use crate::graph::{Program, Role};
use crate::kernels::Step;
use crate::kernels::gather::ResidentLayout;
use crate::nn::{
    Network, NetworkConfiguration, NetworkType, ProgramOptions, initial_parameters,
    training_program,
};
use crate::train::{EpochMetrics, Session, SplitLayout, TrainState, Trainer, TrainerOptions};

/// How far three steps may be from the twins', by [`distance`].
const ALLOWED: f64 = 1e-5;

/// A training that is checked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Training {
    /// Three steps on the GPU and on the CPU twins.
    Twins(NetworkType),
    /// A hundred steps, twice.
    SameBits(NetworkType),
}

/// What was found about a training.
#[derive(Debug)]
pub struct TrainingReport {
    /// What was run.
    pub name: String,
    /// What was found to be right, or wrong, in words.
    pub outcome: Result<String, String>,
}

impl Training {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Twins(NetworkType::Mlp),
        Self::Twins(NetworkType::Cnn),
        Self::SameBits(NetworkType::Mlp),
        Self::SameBits(NetworkType::Cnn),
    ];

    /// What a report calls it.
    pub fn name(self) -> String {
        match self {
            Self::Twins(net) => format!("3 steps of the {} on CPU and GPU", net.name()),
            Self::SameBits(net) => format!("100 steps of the {}, twice", net.name()),
        }
    }

    /// Runs it on `session`, or reports why there is none.
    pub fn check(self, session: Result<&Session>) -> TrainingReport {
        let outcome = session.and_then(|session| match self {
            Self::Twins(net) => twins(session, net),
            Self::SameBits(net) => same_bits(session, net),
        });
        TrainingReport {
            name: self.name(),
            outcome: outcome.map_err(|error| error.to_string()),
        }
    }
}

/// Three steps, the last of a ragged batch.
fn twins(session: &Session, net: NetworkType) -> Result<String> {
    let options = TrainerOptions {
        batch_size: 8,
        shuffle: false,
        ..TrainerOptions::default()
    };
    let configuration = NetworkConfiguration::default_for(net);
    let data = house_digits::generate(21, 8, 0)?;
    let apart = distance_from_twins(session, data, net, &configuration, &options, 3)?;
    // A NaN compares as neither.
    if apart <= ALLOWED {
        Ok(format!("{apart:.1e} apart, of {ALLOWED:.0e} allowed"))
    } else {
        Err(wrong(format!(
            "{apart:.1e} apart, of {ALLOWED:.0e} allowed"
        )))
    }
}

/// Ten epochs of ten steps, shuffled, the last of a ragged batch.
fn same_bits(session: &Session, net: NetworkType) -> Result<String> {
    let run = || -> Result<Trained> {
        let options = TrainerOptions {
            batch_size: 32,
            ..TrainerOptions::default()
        };
        let data = session.upload_split(house_digits::generate(301, 77, 0)?)?;
        let configuration = NetworkConfiguration::default_for(net);
        let mut trainer = Trainer::new(session, data, net, &configuration, options)?;
        trainer.train_loop(10, |_| Ok(()))?;
        let mut logs = trainer.logs().to_vec();
        for epoch in &mut logs {
            (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0);
        }
        Ok((trainer.state()?, logs))
    };
    compare(&run()?, &run()?)
}

/// Where a training ended, and what it measured, times aside.
type Trained = (TrainState, Vec<EpochMetrics>);

/// Errors where two trainings are not the same to the bit, saying how much differs.
fn compare(first: &Trained, second: &Trained) -> Result<String> {
    if first == second {
        return Ok("the same bits: parameters, moments and metrics".to_owned());
    }
    let differ = |a: &[Vec<f32>], b: &[Vec<f32>]| {
        let pairs = a.iter().flatten().zip(b.iter().flatten());
        pairs.filter(|(a, b)| a.to_bits() != b.to_bits()).count()
    };
    let epochs = first.1.iter().zip(&second.1);
    Err(wrong(format!(
        "other bits in {} parameters, {} first and {} second moments, the metrics of {} epochs",
        differ(&first.0.parameters, &second.0.parameters),
        differ(&first.0.first_moments, &second.0.first_moments),
        differ(&first.0.second_moments, &second.0.second_moments),
        epochs.filter(|(a, b)| a != b).count(),
    )))
}

fn wrong(what: String) -> Error {
    Error::gpu(what, "report it; another --device may serve")
}

/// How far `steps` training steps on the GPU are from those on the CPU twins, by [`distance`]:
/// in file order, from equal weights, over one epoch at most.
///
/// Errors where net, data and adapter do not fit each other, and where the GPU fails.
pub fn distance_from_twins(
    session: &Session,
    data: Split,
    net: NetworkType,
    configuration: &NetworkConfiguration,
    options: &TrainerOptions,
    steps: usize,
) -> Result<f64> {
    let train = &data.train;
    let (batch, samples) = (options.batch_size, train.len());
    let network = Network::new(net, configuration, options.activation, train.shape())?;
    let target = session.gpu().target().clone();
    let limit = target.limits.binding_bytes;
    let layout = SplitLayout::of(&data, limit)?.train;
    let program = training_program(
        &network,
        &layout,
        &ProgramOptions {
            capacity: batch,
            rows: MAX_STEPS,
            target: match &options.tuning {
                Some(tuning) => target.with_tuning(tuning, batch),
                None => target,
            },
            fuse: options.fuse,
        },
        &options.adam,
    )?;
    let program = Arc::new(program);
    let initial = initial_parameters(&network.parameters, options.seed);
    let mut cpu = CpuProgram::<f32>::new(Arc::clone(&program));
    fill(&mut cpu, &program, &layout, train);
    let weights = network.parameters.pack(&initial);
    set(&mut cpu, &program, Role::Parameters, |memory| {
        memory.real().copy_from_slice(&weights);
    });

    let in_order = TrainerOptions {
        shuffle: false,
        ..options.clone()
    };
    let resident = session.upload_split(data)?;
    let mut gpu = Trainer::new(session, resident, net, configuration, in_order)?;
    for (t, start) in (1..).zip((0..samples).step_by(batch).take(steps)) {
        gpu.training_step()?;
        let (step_size, second_correction) = options.adam.factors(options.lr, t);
        cpu.run(&Step {
            batch: batch.min(samples - start) as u32,
            batch_start: start as u32,
            step_size,
            second_correction,
            ..Step::default()
        });
    }
    let mut theirs = Vec::new();
    set(&mut cpu, &program, Role::Parameters, |memory| {
        theirs = network.parameters.unpack(memory.real());
    });
    Ok(distance(&gpu.parameters()?, &theirs, &initial))
}

/// Images, targets and file order of `data`, as they lie on the GPU.
fn fill(cpu: &mut CpuProgram<f32>, program: &Program, layout: &ResidentLayout, data: &Dataset) {
    let elements = data.shape().elements();
    let parts = data.images().chunks(elements * layout.images_per_part);
    for (part, images) in (0_u8..).zip(parts) {
        let mut bytes = vec![0; layout.part_words(part.into()) * 4];
        let slots = bytes.chunks_mut(layout.image_words * 4);
        for (slot, image) in slots.zip(images.chunks(elements)) {
            slot[..elements].copy_from_slice(image);
        }
        let words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
        set(cpu, program, Role::Images(part), |memory| {
            memory.word().copy_from_slice(&words);
        });
    }
    set(cpu, program, Role::Targets, |memory| {
        memory.real().copy_from_slice(data.targets());
    });
    set(cpu, program, Role::Order, |memory| {
        let order = memory.word().iter_mut().zip(0..);
        order.for_each(|(slot, index)| *slot = index);
    });
}

/// Hands the buffer of that role to `with`, if the program has one.
fn set(
    cpu: &mut CpuProgram<f32>,
    program: &Program,
    role: Role,
    with: impl FnOnce(&mut Memory<f32>),
) {
    let index = program.buffers.iter().position(|spec| spec.role == role);
    if let Some(index) = index {
        with(&mut cpu.memory[index]);
    }
}

/// `norm(a - b) / norm(b - from)`: how far two trainings are apart, by how far they came.
pub fn distance(a: &[Vec<f32>], b: &[Vec<f32>], from: &[Vec<f32>]) -> f64 {
    let norm = |x: &[Vec<f32>], y: &[Vec<f32>]| {
        let pairs = x.iter().flatten().zip(y.iter().flatten());
        let squares = pairs.map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2));
        squares.sum::<f64>().sqrt()
    };
    norm(a, b) / norm(b, from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::GpuOptions;
    use crate::train::Sums;

    #[test]
    fn other_bits_are_counted() {
        let state = |bits: u32| TrainState {
            parameters: vec![vec![1.0, f32::from_bits(bits)]],
            first_moments: vec![vec![2.0, 3.0]],
            second_moments: vec![vec![4.0, 5.0]],
            step: 100,
            epoch: 10,
            position: 0,
            sums: Sums::default(),
            seed: 0,
        };
        let first = (state(1.5_f32.to_bits()), Vec::<EpochMetrics>::new());
        assert!(compare(&first, &first.clone()).is_ok());
        let second = (state(1.5_f32.to_bits() + 1), Vec::new());
        let error = compare(&first, &second).expect_err("a bit differs");
        let wanted = "other bits in 1 parameters, 0 first and 0 second moments";
        assert!(error.to_string().starts_with(wanted), "{error}");
    }

    #[test]
    fn a_broken_kernel_keeps_trainings_from_the_twins() {
        let session = Session::open(&GpuOptions {
            break_kernel: Some("adam_step".to_owned()),
            ..GpuOptions::default()
        });
        let session = session.expect("this test needs a GPU adapter; `make test` sees to one");
        let found = Training::Twins(NetworkType::Mlp).check(Ok(&session));
        let what = found.outcome.expect_err("it learns nothing");
        assert!(what.contains("apart, of 1e-5 allowed"), "{what}");
    }
}
