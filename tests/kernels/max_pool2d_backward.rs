use gpu_train::activation::Activation;
use gpu_train::ops::pool::max_pool2d_backward;
use gpu_train::ops::pool::max_pool2d_backward::forward;
use gpu_train::ops::pool::max_pool2d_forward::pool_of;

use crate::harness::{assert_cases, assert_gradient, batch, distinct};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&max_pool2d_backward::KERNEL);
}

/// All values differ by more than the step of the differences: at a tie the maximum has a kink.
#[test]
fn the_gradient_is_the_derivative() {
    for shape in [pool_of(4, 5, 6, 2), pool_of(4, 5, 7, 3)] {
        let input = distinct(2 * shape.input.padded_elements());
        let (maxima, argmax) = forward(&shape, 2, &input);
        let weights: Vec<f64> = (0..maxima.len()).map(|i| (i % 7) as f64 - 3.0).collect();
        let mut gradient = vec![0.0; input.len()];
        max_pool2d_backward::twin(
            max_pool2d_backward::call(&shape, Activation::Linear).params(),
            &batch(2),
            &weights,
            &maxima,
            &argmax,
            &mut gradient,
        );
        let loss = |input: &[f64]| {
            let maxima = forward(&shape, 2, input).0;
            maxima.iter().zip(&weights).map(|(y, w)| y * w).sum()
        };
        assert_gradient(&input, &gradient, loss, "max_pool2d_backward");
    }
}
