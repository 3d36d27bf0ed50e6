//! Launches of `sum_partials`.

use super::Case;
use crate::kernels::sum_partials;
use crate::verify::numbers::Random;
use crate::verify::{Argument, Launch, Tolerance, batch};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (splits, len) in [(1, 4), (2, 36), (7, 256), (33, 260), (257, 1028)] {
        let mut random = Random::new(13);
        let launch = |partials: Vec<f32>| Launch {
            call: sum_partials::call(splits, len),
            step: batch(1),
            arguments: vec![Argument::Floats(partials), Argument::Poisoned(len)],
        };
        cases.push(launch(random.integers(splits * len)).exact());
        let floats = launch(random.floats(splits * len));
        cases.push(floats.within(Tolerance::Sum { terms: splits }));
    }
    cases
}
