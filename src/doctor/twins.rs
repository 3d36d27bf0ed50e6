//! Training steps on a device and on the CPU twins, from the same weights.

use std::sync::Arc;

use crate::data::{Dataset, Split};
use crate::error::Result;
use crate::exec::{MAX_STEPS, Memory, TwinProgram};
use crate::graph::{Program, Role};
use crate::kernel::Real;
use crate::kernel::Step;
use crate::kernel::target::{AdapterKind, Target};
use crate::nn::{
    Network, NetworkConfiguration, NetworkType, ProgramOptions, initial_parameters,
    training_program,
};
use crate::ops::batch::gather::ResidentLayout;
use crate::train::{Session, SplitLayout, Trainer, TrainerOptions};

/// How far `steps` training steps on a device are from those on the CPU twins in precision `T`, by
/// [`distance`]: in file order, from equal weights, over one epoch at most.
///
/// Errors where net, data and device do not fit each other, and where the device fails.
pub fn distance_from_twins<T: Real>(
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
    // Twins run on whole batches, as GPUs do, and know nothing of shards.
    let target = if target.is_cpu() {
        Target::portable(AdapterKind::Gpu)
    } else {
        target
    };
    let limit = target.limits.binding_bytes;
    let layout = SplitLayout::of(&data, limit)?.train;
    let program = training_program(
        &network,
        &layout,
        &ProgramOptions {
            objective: Arc::clone(&options.objective),
            capacity: batch,
            rows: MAX_STEPS,
            target: match &options.tuning {
                Some(tuning) => target.with_tuning(tuning, batch),
                None => target,
            },
            fuse: options.fuse,
        },
        options.update(train.shape()),
    )?;
    let program = Arc::new(program);
    let initial = initial_parameters(&network.parameters, options.seed);
    let mut twins = TwinProgram::<T>::new(Arc::clone(&program));
    fill(&mut twins, &program, &layout, train);
    let [weights, statistics] = network.parameters.pack(&initial);
    for (role, flat) in [(Role::Parameters, weights), (Role::Statistics, statistics)] {
        set(&mut twins, &program, role, |memory| {
            // What aligns the last segment, no kernel binds.
            let memory = memory.real();
            copy(&flat[..memory.len()], memory);
        });
    }

    set(&mut twins, &program, Role::Constants, |memory| {
        copy(&options.objective.constants(), memory.real());
    });

    let in_order = TrainerOptions {
        shuffle: false,
        ..options.clone()
    };
    let resident = session.upload_split(data)?;
    let mut trainer = Trainer::new(session, resident, net, configuration, in_order)?;
    for (t, start) in (1..).zip((0..samples).step_by(batch).take(steps)) {
        trainer.training_step()?;
        let step = Step::of(start, batch.min(samples - start));
        twins.run(&options.optimizer.step(step, options.lr, t));
    }
    let theirs = [Role::Parameters, Role::Statistics].map(|role| {
        let mut floats = Vec::new();
        set(&mut twins, &program, role, |memory| {
            floats = memory.real().iter().map(|it| it.wide() as f32).collect();
        });
        floats
    });
    let theirs = network.parameters.unpack([&theirs[0], &theirs[1]]);
    Ok(distance(&trainer.parameters()?, &theirs, &initial))
}

/// Images, targets and file order of `data`, as they lie on the GPU.
fn fill<T: Real>(
    twins: &mut TwinProgram<T>,
    program: &Program,
    layout: &ResidentLayout,
    data: &Dataset,
) {
    let elements = data.shape().elements();
    let parts = data.images().chunks(elements * layout.images_per_part);
    for (part, images) in (0_u8..).zip(parts) {
        let mut bytes = vec![0; layout.part_words(part.into()) * 4];
        let slots = bytes.chunks_mut(layout.image_words * 4);
        for (slot, image) in slots.zip(images.chunks(elements)) {
            slot[..elements].copy_from_slice(image);
        }
        let words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
        set(twins, program, Role::Images(part), |memory| {
            memory.word().copy_from_slice(&words);
        });
    }
    set(twins, program, Role::Targets, |memory| {
        copy(data.targets(), memory.real());
    });
    set(twins, program, Role::Order, |memory| {
        let order = memory.word().iter_mut().zip(0..);
        order.for_each(|(slot, index)| *slot = index);
    });
}

/// Copies floats into the twins' precision.
fn copy<T: Real>(from: &[f32], to: &mut [T]) {
    assert_eq!(from.len(), to.len(), "of one buffer");
    for (to, from) in to.iter_mut().zip(from) {
        *to = T::of(f64::from(*from));
    }
}

/// Hands the buffer of that role to `with`, if the program has one.
fn set<T: Real>(
    twins: &mut TwinProgram<T>,
    program: &Program,
    role: Role,
    with: impl FnOnce(&mut Memory<T>),
) {
    let index = program.buffers.iter().position(|spec| spec.role == role);
    if let Some(index) = index {
        with(&mut twins.memory[index]);
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
