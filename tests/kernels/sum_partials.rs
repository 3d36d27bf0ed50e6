use gpu_train::kernels::sum_partials;

use crate::harness::{Argument, Launch, Random, Tolerance, assert_twin, batch};

#[test]
fn sums_match_the_twin() {
    for (splits, len) in [(1, 4), (2, 36), (7, 256), (33, 260), (257, 1028)] {
        let mut random = Random::new(13);
        let launch = |partials: Vec<f32>| Launch {
            call: sum_partials::call(splits, len),
            step: batch(1),
            arguments: vec![Argument::Floats(partials), Argument::Poisoned(len)],
        };
        let integers = launch(random.integers(splits * len));
        assert_twin(&integers, Tolerance::Exact);
        let floats = launch(random.floats(splits * len));
        assert_twin(&floats, Tolerance::Sum { terms: splits });
    }
}
