//! Training steps on the GPU and on the CPU twins, from the same weights.

use std::sync::Arc;

use crate::data::{Dataset, Split};
use crate::error::Result;
use crate::exec::{MAX_STEPS, Memory, TwinProgram};
use crate::graph::{Program, Role};
use crate::kernels::Step;
use crate::kernels::gather::ResidentLayout;
use crate::nn::{
    Network, NetworkConfiguration, NetworkType, ProgramOptions, initial_parameters,
    training_program,
};
use crate::train::{Session, SplitLayout, Trainer, TrainerOptions};

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
    let target = session.device().target().clone();
    let limit = target.limits.binding_bytes;
    let layout = SplitLayout::of(&data, None, limit)?.train;
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
    let mut cpu = TwinProgram::<f32>::new(Arc::clone(&program));
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
        let factors = options.adam.factors(options.lr, t);
        cpu.run(&factors.of_step(Step {
            batch: batch.min(samples - start) as u32,
            batch_start: start as u32,
            ..Step::default()
        }));
    }
    let mut theirs = Vec::new();
    set(&mut cpu, &program, Role::Parameters, |memory| {
        theirs = network.parameters.unpack(memory.real());
    });
    Ok(distance(&gpu.parameters()?, &theirs, &initial))
}

/// Images, targets and file order of `data`, as they lie on the GPU.
fn fill(cpu: &mut TwinProgram<f32>, program: &Program, layout: &ResidentLayout, data: &Dataset) {
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
    cpu: &mut TwinProgram<f32>,
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
