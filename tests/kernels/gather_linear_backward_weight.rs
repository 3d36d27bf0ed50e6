use gpu_train::activation::Activation;
use gpu_train::kernel_limits::bias_at;
use gpu_train::kernels::{
    gather_linear_backward_weight as backward, gather_linear_forward as forward,
};
use gpu_train::reference;
use gpu_train::shape::padded;
use gpu_train::verify::cases::gather::images;
use gpu_train::verify::cases::inputs::seven_images;

use crate::harness::{Argument, Random, assert_cases, assert_gradient, batch};
use crate::products::{Numbers, weighted_sum, wide};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&backward::KERNEL);
}

#[test]
fn it_is_the_derivative_of_the_forward() {
    let (inputs, outputs, samples) = (7, 5, 3);
    let mut random = Random::new(33);
    let layout = seven_images(inputs, 7);
    let arguments = images(&mut random, &layout, inputs);
    let Argument::Words(words) = &arguments[0] else {
        panic!("images are words");
    };
    let order = [4, 0, 6];
    let weight = wide(&Numbers::Floats.weight(&mut random, 1, inputs, outputs));
    let grads = wide(&Numbers::Floats.rows(&mut random, samples, outputs));
    let step = batch(samples);
    let call = backward::call(samples, &layout, inputs, outputs);
    let mut partials = vec![0.0; bias_at(weight.len()) + padded(outputs)];
    let none: &[u32] = &[];
    reference::gather_linear_backward_weight::run(
        call.params(),
        &step,
        words,
        none,
        none,
        none,
        &order,
        &grads,
        &mut partials,
    );
    let call = forward::call(&layout, inputs, outputs, Activation::Linear);
    let loss = |weight: &[f64]| {
        let mut output = vec![0.0; grads.len()];
        let bias = vec![0.0; padded(outputs)];
        reference::gather_linear_forward::run(
            call.params(),
            &step,
            words,
            none,
            none,
            none,
            &order,
            weight,
            &bias,
            &mut output,
        );
        weighted_sum(&output, &grads)
    };
    assert_gradient(&weight, &partials[..weight.len()], loss, "the weight");
}
