use gpu_train::activation::Activation;
use gpu_train::kernels::{conv2d_max_pool2d_backward_input, conv2d_max_pool2d_forward};
use gpu_train::reference;
use gpu_train::verify::cases::conv2d_max_pool2d_backward_input::launch;
use gpu_train::verify::cases::conv2d_max_pool2d_backward_weight::shapes;

use crate::harness::{Random, Tolerance, assert_cases, assert_gradient, assert_twin, batch};
use crate::products::{ACTIVATIONS, Numbers, PORTABLE, conv, weighted_sum, wide};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&conv2d_max_pool2d_backward_input::KERNEL);
}

#[test]
fn slopes_of_every_activation_are_taken() {
    for shape in &shapes() {
        for activation in ACTIVATIONS {
            let launch = launch(Numbers::Floats, (5, 7), shape, activation);
            let terms = shape.kernel_height * shape.kernel_width * shape.out_channels;
            assert_twin(&launch, Tolerance::Sum { terms });
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
        let bias = wide(&Numbers::Floats.rows(&mut random, 1, between.channels));
        let forward = conv2d_max_pool2d_forward::call(&shape, Activation::Linear, &PORTABLE);
        let windows = (between.height / 2) * (between.width / 2);
        let pooled = |input: &[f64]| {
            let mut maxima = vec![0.0; 2 * windows * between.padded_channels()];
            let mut argmax = vec![0; maxima.len()];
            reference::conv2d_max_pool2d_forward::run(
                forward.params(),
                &batch(2),
                input,
                &weight,
                &bias,
                &mut maxima,
                &mut argmax,
            );
            (maxima, argmax)
        };
        let grads = wide(&Numbers::Floats.rows(&mut random, 2 * windows, between.channels));
        let mut gradient = vec![0.0; input.len()];
        reference::conv2d_max_pool2d_backward_input::run(
            conv2d_max_pool2d_backward_input::call(&shape, Activation::Linear).params(),
            &batch(2),
            &grads,
            &pooled(&input).1,
            &weight,
            &[],
            &mut gradient,
        );
        let loss = |input: &[f64]| weighted_sum(&pooled(input).0, &grads);
        assert_gradient(&input, &gradient, loss, &format!("{shape:?}"));
    }
}
