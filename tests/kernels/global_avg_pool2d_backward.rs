use gpu_train::ops::pool::{global_avg_pool2d_backward, global_avg_pool2d_forward};
use gpu_train::shape::ImageShape;

use crate::harness::{assert_cases, assert_gradient, batch, distinct};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&global_avg_pool2d_backward::KERNEL);
}

#[test]
fn the_gradient_is_the_derivative() {
    let (shape, samples) = (ImageShape::new(4, 3, 5), 2);
    let input = distinct(samples * shape.padded_elements());
    let weights = [1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0, -8.0];
    let mut gradient = vec![0.0; input.len()];
    let call = global_avg_pool2d_backward::call(shape);
    global_avg_pool2d_backward::twin(call.params(), &batch(samples), &weights, &mut gradient);
    let loss = |input: &[f64]| {
        let mut means = vec![0.0; weights.len()];
        let call = global_avg_pool2d_forward::call(shape);
        global_avg_pool2d_forward::twin(call.params(), &batch(samples), input, &mut means);
        means.iter().zip(&weights).map(|(y, w)| y * w).sum()
    };
    assert_gradient(&input, &gradient, loss, "global_avg_pool2d_backward");
}
