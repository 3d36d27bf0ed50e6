use gpu_train::kernel::Step;
use gpu_train::ops::elementwise::dropout;
use gpu_train::shape::ImageShape;

use crate::harness::{Output, assert_cases, assert_gradient, distinct, run_twin};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&dropout::KERNEL);
}

/// The gradient goes through the same kernel.
#[test]
fn the_gradient_is_the_derivative() {
    let shape = ImageShape::vector(12);
    let call = dropout::call(shape, 0.4, [5, 6]);
    let step = Step {
        batch_start: 7,
        epoch: 2,
        ..Step::of(7, 2)
    };
    let through = |input: &[f64]| {
        let mut output = vec![0.0; input.len()];
        dropout::twin(call.params(), &step, input, &mut output);
        output
    };
    let weights: Vec<f64> = (0..24).map(|it| f64::from(it % 7) - 3.0).collect();
    let loss = |input: &[f64]| {
        through(input)
            .iter()
            .zip(&weights)
            .map(|(y, w)| y * w)
            .sum()
    };
    let input = distinct(24);
    assert_gradient(&input, &through(&weights), loss, "dropout");
}

/// Shares of what is left out, over units, samples and epochs alike; and each has a mask of its own.
#[test]
fn as_many_are_left_out_as_asked_for() {
    let shape = ImageShape::vector(400);
    for p in [0.1, 0.5, 0.9] {
        let mask = |epoch, batch_start| {
            let mut launch = dropout::launch(shape, 50, p);
            launch.step.epoch = epoch;
            launch.step.batch_start = batch_start;
            let Output::Floats(values) = &run_twin::<f32>(&launch)[0] else {
                panic!("floats");
            };
            values[..50 * 400]
                .iter()
                .map(|it| *it == 0.0)
                .collect::<Vec<_>>()
        };
        let share =
            |mask: &[bool]| mask.iter().filter(|it| **it).count() as f64 / mask.len() as f64;
        let first = mask(0, 0);
        assert!((share(&first) - p).abs() < 0.02, "{p}: {}", share(&first));
        let unit: Vec<bool> = first.iter().step_by(400).copied().collect();
        assert!((share(&unit) - p).abs() < 0.3, "{p}: of a unit");
        assert_ne!(first, mask(1, 0));
        assert_eq!(
            first[10 * 400..],
            mask(0, 10)[..40 * 400],
            "a sample's place in its epoch counts"
        );
    }
}
