//! Launches of `epoch_permutation`.

use super::Case;
use crate::kernels::{Step, epoch_permutation};
use crate::random::{Purpose, key};
use crate::verify::{Argument, Launch};

/// Lengths of epochs: the smallest, odd ones, powers of two, and SVHN's.
pub const COUNTS: [usize; 10] = [1, 2, 3, 7, 33, 255, 257, 1_000, 8_192, 73_257];

fn launch(count: usize, epoch: u32, shuffle: bool) -> Launch {
    Launch {
        call: epoch_permutation::call(count, key(1, Purpose::Shuffle), shuffle),
        step: Step {
            epoch,
            ..Step::default()
        },
        arguments: vec![Argument::Poisoned(count)],
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for count in COUNTS {
        for epoch in [0, 1, 49] {
            cases.push(launch(count, epoch, true).exact());
        }
        cases.push(launch(count, 3, false).exact());
    }
    cases
}
