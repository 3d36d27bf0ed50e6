use gpu_train::ops::activation::activation_forward::activate;
use gpu_train::ops::pool::{global_avg_pool2d_backward, global_avg_pool2d_forward};
use gpu_train::shape::ImageShape;

use crate::harness::{assert_cases, assert_gradient, batch, distinct};
use crate::products::ACTIVATIONS;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&global_avg_pool2d_backward::KERNEL);
}

/// By the sums before the activation, none of which is near relu's kink.
#[test]
fn the_gradient_is_the_derivative() {
    let (shape, samples) = (ImageShape::new(4, 3, 5), 2);
    let sums = distinct(samples * shape.padded_elements()).into_iter();
    let sums: Vec<f64> = sums.map(|x| 0.04 * x + 0.0002).collect();
    let weights = [1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0, -8.0];
    for activation in ACTIVATIONS {
        let activated = |sums: &[f64]| -> Vec<f64> {
            let sums = sums.iter();
            sums.map(|x| activate(activation, *x)).collect()
        };
        let mut gradient = vec![0.0; sums.len()];
        let call = global_avg_pool2d_backward::call(shape, activation);
        let (params, step, input) = (call.params(), batch(samples), activated(&sums));
        global_avg_pool2d_backward::twin(params, &step, &weights, &input, &mut gradient);
        let loss = |sums: &[f64]| {
            let mut means = vec![0.0; weights.len()];
            let call = global_avg_pool2d_forward::call(shape);
            let (params, step) = (call.params(), batch(samples));
            global_avg_pool2d_forward::twin(params, &step, &activated(sums), &mut means);
            means.iter().zip(&weights).map(|(y, w)| y * w).sum()
        };
        assert_gradient(&sums, &gradient, loss, activation.name());
    }
}
