//! Where shards meet.

use std::ops::Range;

use super::program::Bound;

/// Dispatches between which shards need not meet, or one that needs the whole batch.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    Shards(Range<usize>),
    Batch(usize),
}

/// Panics where a shard could write what another still reads as something else.
pub(super) fn check_stages(stages: &[Stage], dispatches: &[Bound]) {
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

/// Dispatches of shards, from one that needs the whole batch to the next.
pub(super) fn stages(dispatches: &[Bound]) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    for (index, bound) in dispatches.iter().enumerate() {
        if bound.call.whole_batch {
            stages.push(Stage::Batch(index));
        } else if let Some(Stage::Shards(range)) = stages.last_mut() {
            range.end = index + 1;
        } else {
            stages.push(Stage::Shards(index..index + 1));
        }
    }
    stages
}

/// How many stages come before dispatch `first`.
///
/// # Panics
/// If shards would have to go on into the middle of one: a bug of the graph.
pub(super) fn stages_before(stages: &[Stage], first: usize) -> usize {
    let start = |stage: &Stage| match stage {
        Stage::Shards(range) => range.start,
        Stage::Batch(dispatch) => *dispatch,
    };
    let count = stages.iter().filter(|stage| start(stage) < first).count();
    if let Some(Stage::Shards(range)) = count.checked_sub(1).map(|last| &stages[last]) {
        assert!(range.end <= first, "shards meet before the update");
    }
    count
}
