use gpu_train::activation::Activation;
use gpu_train::kernel_limits::bias_at;
use gpu_train::kernels::{conv2d_max_pool2d_backward_weight, conv2d_max_pool2d_forward};
use gpu_train::reference;
use gpu_train::verify::cases::conv2d_max_pool2d_backward_weight::{launch, shapes};

use crate::harness::{Random, Tolerance, assert_cases, assert_gradient, assert_twin, batch};
use crate::products::{Numbers, PORTABLE, conv, weighted_sum, wide};

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
    for shape in [
        conv([3, 5, 4], 5, [2, 3], 1),
        conv([2, 6, 8], 3, [2, 1], 1),
        conv([1, 8, 8], 2, [3, 3], 2),
    ] {
        let between = shape.output().expect("the window fits");
        let taps = shape.kernel_height * shape.kernel_width;
        let mut random = Random::new(10);
        let channels = shape.input.channels;
        let input = wide(&Numbers::Floats.rows(&mut random, 2 * shape.input.pixels(), channels));
        let weight = wide(&Numbers::Floats.weight(&mut random, taps, channels, between.channels));
        let at = bias_at(weight.len());
        let mut parameters = weight.clone();
        parameters.resize(at, 0.0);
        parameters.extend(wide(&Numbers::Floats.rows(
            &mut random,
            1,
            between.channels,
        )));
        let forward = conv2d_max_pool2d_forward::call(&shape, Activation::Linear, &PORTABLE);
        let windows = (between.height / 2) * (between.width / 2);
        let pooled = |parameters: &[f64]| {
            let (weight, bias) = parameters.split_at(at);
            let mut maxima = vec![0.0; 2 * windows * between.padded_channels()];
            let mut argmax = vec![0; maxima.len()];
            reference::conv2d_max_pool2d_forward::run(
                forward.params(),
                &batch(2),
                &input,
                weight,
                bias,
                &mut maxima,
                &mut argmax,
            );
            (maxima, argmax)
        };
        let grads = wide(&Numbers::Floats.rows(&mut random, 2 * windows, between.channels));
        let mut gradient = vec![0.0; parameters.len()];
        reference::conv2d_max_pool2d_backward_weight::run(
            conv2d_max_pool2d_backward_weight::call(2, &shape, &PORTABLE).params(),
            &batch(2),
            &input,
            &grads,
            &pooled(&parameters).1,
            &mut gradient,
        );
        let loss = |parameters: &[f64]| weighted_sum(&pooled(parameters).0, &grads);
        assert_gradient(&parameters, &gradient, loss, &format!("{shape:?}"));
    }
}
