use gpu_train::ops::pad::{pad2d_backward, pad2d_forward};
use gpu_train::shape::ImageShape;

use crate::harness::{assert_cases, assert_gradient, batch, distinct};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&pad2d_backward::KERNEL);
}

#[test]
fn the_gradient_is_the_derivative() {
    let (shape, samples) = (ImageShape::new(4, 3, 2), 2);
    let input = distinct(samples * shape.padded_elements());
    let padded = |input: &[f64]| {
        let mut output = vec![0.0; samples * 5 * 4 * 4];
        let call = pad2d_forward::call(shape, 1);
        pad2d_forward::twin(call.params(), &batch(samples), input, &mut output);
        output
    };
    let weights: Vec<f64> = (0..padded(&input).len()).map(|i| (i % 7) as f64).collect();
    let mut gradient = vec![0.0; input.len()];
    let call = pad2d_backward::call(shape, 1);
    pad2d_backward::twin(call.params(), &batch(samples), &weights, &mut gradient);
    let loss = |input: &[f64]| padded(input).iter().zip(&weights).map(|(y, w)| y * w).sum();
    assert_gradient(&input, &gradient, loss, "pad2d_backward");
}
