use gpu_train::ops::pool::adaptive_max_pool2d_backward;
use gpu_train::ops::pool::adaptive_max_pool2d_backward::forward;
use gpu_train::shape::ImageShape;

use crate::harness::{assert_cases, assert_gradient, batch, distinct};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&adaptive_max_pool2d_backward::KERNEL);
}

/// All values differ by more than the step of the differences: at a tie the maximum has a kink.
#[test]
fn the_gradient_is_the_derivative() {
    for (height, width) in [(1, 1), (2, 3), (4, 5), (7, 6)] {
        let shape = ImageShape::new(4, height, width);
        let input = distinct(2 * shape.padded_elements());
        let (maxima, argmax) = forward(shape, 4, 2, &input);
        let weights: Vec<f64> = (0..maxima.len()).map(|i| (i % 7) as f64 - 3.0).collect();
        let mut gradient = vec![0.0; input.len()];
        adaptive_max_pool2d_backward::twin(
            adaptive_max_pool2d_backward::call(shape, 4).params(),
            &batch(2),
            &weights,
            &argmax,
            &mut gradient,
        );
        let loss = |input: &[f64]| {
            let maxima = forward(shape, 4, 2, input).0;
            maxima.iter().zip(&weights).map(|(y, w)| y * w).sum()
        };
        assert_gradient(&input, &gradient, loss, "adaptive_max_pool2d_backward");
    }
}
