use gpu_train::kernel::limits::bias_at;
use gpu_train::ops::conv2d::conv2d_max_pool2d_backward_weight;
use gpu_train::ops::conv2d::conv2d_max_pool2d_backward_weight::{launch, shapes};

use crate::harness::{Tolerance, assert_cases, assert_gradient, assert_twin, batch};
use crate::products::{Numbers, PORTABLE, Pooled};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&conv2d_max_pool2d_backward_weight::KERNEL);
}

/// With splits past the batch.
#[test]
fn sums_of_integers_are_exact() {
    for shape in &shapes() {
        for samples in [(1, 1), (5, 33), (33, 33)] {
            let launch = launch(Numbers::Integers, samples, shape, &PORTABLE);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

#[test]
fn it_is_the_derivative_of_the_forward() {
    for pooled in Pooled::all() {
        let at = bias_at(pooled.weight.len());
        // Weight and bias as they lie in memory, with what pads the weight.
        let mut parameters = pooled.weight.clone();
        parameters.resize(at, 0.0);
        parameters.extend(&pooled.bias);
        let forward = |parameters: &[f64]| {
            let (weight, bias) = parameters.split_at(at);
            pooled.forward(&pooled.input, weight, bias)
        };
        let mut gradient = vec![0.0; parameters.len()];
        conv2d_max_pool2d_backward_weight::twin(
            conv2d_max_pool2d_backward_weight::call(2, pooled.shape(), &PORTABLE).params(),
            &batch(2),
            &pooled.input,
            &pooled.grads,
            &forward(&parameters).1,
            &mut gradient,
        );
        let what = format!("{:?}", pooled.shape());
        assert_gradient(&parameters, &gradient, |it| forward(it).0, &what);
    }
}
