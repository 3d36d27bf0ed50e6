//! Launches of `clip_gradients`.

use super::Case;
use crate::kernels::clip_gradients;
use crate::kernels::squared_norm::PARTIALS;
use crate::verify::numbers::Random;
use crate::verify::{Argument, Launch, Tolerance, batch};

/// Norms of 16 times the root of `square`: longer than allowed, shorter, and nothing at all.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for len in [4, 60, 64, 68, 1_028, 70_004] {
        for (square, max_norm) in [(1.0, 1.5), (1.0, 100.0), (0.0, 1.0), (3e-9, 1e-3)] {
            let mut random = Random::new(19);
            let launch = Launch {
                call: clip_gradients::call(len, max_norm),
                step: batch(1),
                arguments: vec![
                    Argument::Floats(vec![square; PARTIALS]),
                    Argument::Floats(random.floats(len)),
                ],
            };
            cases.push(launch.within(Tolerance::Elementwise));
        }
    }
    cases
}
