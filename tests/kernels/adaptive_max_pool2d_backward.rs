use gpu_train::activation::Activation;
use gpu_train::ops::activation::activation_forward::activate;
use gpu_train::ops::pool::adaptive_max_pool2d_backward;
use gpu_train::ops::pool::adaptive_max_pool2d_backward::{call, forward};
use gpu_train::shape::ImageShape;

use crate::harness::{assert_cases, assert_gradient, batch, distinct};
use crate::products::ACTIVATIONS;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&adaptive_max_pool2d_backward::KERNEL);
}

/// By the sums before the activation. All values differ by more than the step of the differences, as at a tie the
/// maximum has a kink, and none is near relu's.
#[test]
fn the_gradient_is_the_derivative() {
    for (height, width) in [(1, 1), (2, 3), (4, 5), (7, 6)] {
        for activation in ACTIVATIONS {
            assert_derivative(ImageShape::new(4, height, width), activation);
        }
    }
}

fn assert_derivative(shape: ImageShape, activation: Activation) {
    let sums = distinct(2 * shape.padded_elements()).into_iter();
    let sums: Vec<f64> = sums.map(|x| 0.04 * x + 0.0002).collect();
    let activated = |sums: &[f64]| -> Vec<f64> {
        let sums = sums.iter();
        sums.map(|x| activate(activation, *x)).collect()
    };
    let input = activated(&sums);
    let (maxima, argmax) = forward(shape, 4, 2, &input);
    let weights: Vec<f64> = (0..maxima.len()).map(|i| (i % 7) as f64 - 3.0).collect();
    let mut gradient = vec![0.0; sums.len()];
    adaptive_max_pool2d_backward::twin(
        call(shape, 4, activation).params(),
        &batch(2),
        &weights,
        &argmax,
        &input,
        &mut gradient,
    );
    let loss = |sums: &[f64]| {
        let maxima = forward(shape, 4, 2, &activated(sums)).0;
        maxima.iter().zip(&weights).map(|(y, w)| y * w).sum()
    };
    assert_gradient(&sums, &gradient, loss, &format!("{shape:?} {activation:?}"));
}
