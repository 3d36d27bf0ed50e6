//! Where shards meet, and where ranks exchange what each computed of its own shards.

use std::ops::Range;

use super::bound::{Bound, BoundSlice};
use crate::graph::{Extent, Half};

/// Dispatches between which shards need not meet, or one that needs the whole batch; and what ranks that share
/// the batch do in between.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    Shards(Range<usize>),
    Batch(usize),
    /// Sums over each rank's shards become those over all.
    Sum(Vec<BoundSlice>),
    /// Every rank gets the parts of all shards.
    Gather(Vec<BoundSlice>),
}

/// The stages of a step.
#[derive(Debug)]
pub(super) struct Stages {
    all: Vec<Stage>,
    /// The one with which the update begins.
    update: usize,
}

impl Stages {
    /// The stages of `dispatches`, of which number `update` begins the update.
    ///
    /// Sums go together in as few messages as there can be: each before the first dispatch that reads one of
    /// them.
    ///
    /// # Panics
    /// Where a shard could write what another still reads as something else: a bug of the graph.
    pub(super) fn new(dispatches: &[Bound], update: usize) -> Self {
        let mut stages: Vec<Stage> = Vec::new();
        let mut open: Vec<BoundSlice> = Vec::new();
        let mut update_stage = None;
        for (index, bound) in dispatches.iter().enumerate() {
            let is_read = |sum: &BoundSlice| bound.slices.iter().any(|it| it.overlaps(sum));
            if !open.is_empty() && (index == update || open.iter().any(is_read)) {
                stages.push(Stage::Sum(std::mem::take(&mut open)));
            }
            if index == update {
                update_stage = Some(stages.len());
            }
            if !bound.call.whole_batch {
                match stages.last_mut() {
                    Some(Stage::Shards(range)) if index != update => range.end = index + 1,
                    _ => stages.push(Stage::Shards(index..index + 1)),
                }
                continue;
            }
            if bound.call.sums_shards {
                let written = bound.slices.iter().filter(|it| it.written);
                open.extend(written.cloned());
            } else {
                let parts = bound.slices.iter();
                let parts = parts.filter(|it| matches!(it.extent, Extent::Shards(_)));
                let parts: Vec<_> = parts.map(BoundSlice::to_write).collect();
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
fn check(stages: &[Stage], dispatches: &[Bound]) {
    for stage in stages {
        let Stage::Shards(range) = stage else {
            continue;
        };
        let slices = || dispatches[range.clone()].iter().flat_map(|it| &it.slices);
        for written in slices().filter(|it| it.written && !it.local) {
            let others = slices().filter(|it| it.buffer == written.buffer);
            let parts = others.map(|it| (it.extent, it.offset));
            assert!(
                parts
                    .into_iter()
                    .all(|part| part == (written.extent, written.offset)),
                "shards part buffer {} in several ways",
                written.buffer
            );
        }
    }
}
