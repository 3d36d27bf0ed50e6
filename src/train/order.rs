//! The order in which an epoch visits the samples: a buffer of the trainer's own, filled where it trains.

use std::ops::Range;

use super::options::TrainerOptions;
use super::resident::ResidentDataset;
use crate::error::Result;
use crate::exec::{Buffer, Device, Executable, SharedBuffers};
use crate::graph::{BufferSlice, BufferSpec, Dispatch, Extent, Phase, Program, Role};
use crate::kernel::{Scalar, Step};
use crate::ops::batch::epoch_permutation;
use crate::random::{self, Purpose};

/// A data set's order, and the program that writes that of an epoch.
#[derive(Debug)]
pub(super) struct Order {
    program: Executable,
    buffer: Buffer,
    count: usize,
}

impl Order {
    /// The orders of `count` samples keyed by `seed`, or always file order where it is `None`; that
    /// of the first epoch is already written.
    pub(super) fn new(device: &Device, count: usize, seed: Option<u64>) -> Result<Self> {
        let buffer = device.storage("order", count as u64 * 4)?;
        let order = Self {
            program: program(device, count, seed, buffer.clone())?,
            buffer,
            count,
        };
        order.write(device, 0);
        Ok(order)
    }

    /// Goes on with the orders of another seed, in the same buffer.
    pub(super) fn rekey(&mut self, device: &Device, seed: Option<u64>) -> Result<()> {
        self.program = program(device, self.count, seed, self.buffer.clone())?;
        Ok(())
    }

    /// The buffer: image numbers by position.
    pub(super) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Writes the order of `epoch`, counted from 0.
    pub(super) fn write(&self, device: &Device, epoch: usize) {
        let step = Step {
            epoch: epoch as u32,
            ..Step::default()
        };
        device.run_once(&self.program, &step);
    }
}

fn program(device: &Device, count: usize, seed: Option<u64>, buffer: Buffer) -> Result<Executable> {
    let key = seed.map(|seed| random::key(seed, Purpose::Shuffle));
    let buffers = vec![BufferSpec {
        role: Role::Order,
        scalar: Scalar::U32,
        len: count,
    }];
    let shuffle = Dispatch {
        label: "shuffle".to_owned(),
        phase: Phase::Forward,
        call: epoch_permutation::call(count, key.unwrap_or_default(), key.is_some()),
        slices: vec![BufferSlice {
            buffer: 0,
            offset: 0,
            len: count,
            extent: Extent::Whole,
        }],
    };
    let program = Program::of(count, buffers, vec![shuffle]);
    let shared = SharedBuffers::from([(Role::Order, buffer)]);
    Executable::new(device, &program, &shared)
}

/// The buffers of programs that read `set` in the order of `order`.
pub(super) fn on_set(
    shared: &SharedBuffers,
    set: &ResidentDataset,
    order: &Order,
) -> SharedBuffers {
    let mut all = shared.clone();
    all.extend(set.buffers().clone());
    all.insert(Role::Order, order.buffer().clone());
    all
}

/// What keys the epochs' orders; `None` for file order.
pub(super) fn shuffle_seed(options: &TrainerOptions) -> Option<u64> {
    options.shuffle.then_some(options.seed)
}

/// Batches of positions `range`, the last one ragged.
pub(super) fn batches(range: Range<usize>, batch_size: usize) -> impl Iterator<Item = Step> {
    let end = range.end;
    let starts = range.step_by(batch_size);
    starts.map(move |start| Step::of(start, batch_size.min(end - start)))
}
