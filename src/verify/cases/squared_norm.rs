//! Launches of `squared_norm`.

use super::Case;
use crate::kernels::squared_norm::{self, PARTIALS};
use crate::verify::numbers::Random;
use crate::verify::{Argument, Launch, Tolerance, batch};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for len in [4, 28, 1_020, 1_028, 5_000, 70_004] {
        let mut random = Random::new(17);
        let launch = |gradients: Vec<f32>| Launch {
            call: squared_norm::call(len),
            step: batch(1),
            arguments: vec![Argument::Floats(gradients), Argument::Poisoned(PARTIALS)],
        };
        cases.push(launch(random.integers(len)).exact());
        let terms = len.div_ceil(PARTIALS).max(4);
        let floats = launch(random.floats(len));
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}
