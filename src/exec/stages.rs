//! Where the shards of a batch meet, and where ranks exchange what each computed of its own.

use std::ops::Range;

use crate::graph::{BufferSlice, Dispatch, Extent, Half, Program};

/// Dispatches between which shards need not meet, or one that needs the whole batch; and what ranks that share
/// the batch do in between.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    Shards(Range<usize>),
    Batch(usize),
    /// Sums over each rank's shards become those over all.
    Sum(Vec<BufferSlice>),
    /// Every rank gets the parts of all shards.
    Gather(Vec<BufferSlice>),
}

/// The stages of a step.
#[derive(Debug)]
pub(super) struct Stages {
    all: Vec<Stage>,
    /// The one with which the update begins.
    update: usize,
}

impl Stages {
    /// The stages of `program`, which is computed by shards.
    ///
    /// Sums go together in as few messages as there can be: each before the first dispatch that reads one of
    /// them.
    ///
    /// # Panics
    /// Where a shard could write what another still reads as something else: a bug of the graph.
    pub(super) fn new(program: &Program) -> Self {
        let (dispatches, update) = (&program.dispatches, program.half(Half::Update).start);
        let mut stages: Vec<Stage> = Vec::new();
        let mut open: Vec<BufferSlice> = Vec::new();
        let mut update_stage = None;
        for (index, dispatch) in dispatches.iter().enumerate() {
            let is_read = |sum: &BufferSlice| dispatch.slices.iter().any(|it| it.overlaps(sum));
            if !open.is_empty() && (index == update || open.iter().any(is_read)) {
                stages.push(Stage::Sum(std::mem::take(&mut open)));
            }
            if index == update {
                update_stage = Some(stages.len());
            }
            if !dispatch.call.whole_batch {
                match stages.last_mut() {
                    Some(Stage::Shards(range)) if index != update => range.end = index + 1,
                    _ => stages.push(Stage::Shards(index..index + 1)),
                }
                continue;
            }
            if dispatch.call.sums_shards {
                open.extend(dispatch.written());
            } else {
                let parts = dispatch.slices.iter().copied();
                let parts = parts.filter(|it| matches!(it.extent, Extent::Shards(_)));
                let parts: Vec<_> = parts.collect();
                stages.extend((!parts.is_empty()).then_some(Stage::Gather(parts)));
            }
            stages.push(Stage::Batch(index));
        }
        if !open.is_empty() {
            stages.push(Stage::Sum(open));
        }
        check(&stages, dispatches);
        Self {
            update: update_stage.unwrap_or(stages.len()),
            all: stages,
        }
    }

    pub(super) fn all(&self) -> &[Stage] {
        &self.all
    }

    pub(super) fn half(&self, half: Half) -> &[Stage] {
        match half {
            Half::Gradients => &self.all[..self.update],
            Half::Update => &self.all[self.update..],
        }
    }
}

/// Panics where a shard could write what another still reads as something else.
fn check(stages: &[Stage], dispatches: &[Dispatch]) {
    for stage in stages {
        let Stage::Shards(range) = stage else {
            continue;
        };
        let dispatches = || dispatches[range.clone()].iter();
        let written = dispatches().flat_map(Dispatch::written);
        for written in written.filter(|it| !matches!(it.extent, Extent::OfShard(_))) {
            let others = dispatches().flat_map(|it| &it.slices);
            let mut others = others.filter(|it| it.buffer == written.buffer);
            assert!(
                others.all(|it| (it.extent, it.offset) == (written.extent, written.offset)),
                "shards part buffer {} in several ways",
                written.buffer
            );
        }
    }
}
