use gpu_train::activation::Activation;
use gpu_train::ops::conv2d::conv2d_max_pool2d_backward_input;
use gpu_train::ops::conv2d::conv2d_max_pool2d_backward_input::launch;
use gpu_train::ops::conv2d::conv2d_max_pool2d_backward_weight::shapes;

use crate::harness::{Tolerance, assert_cases, assert_gradient, assert_twin, batch};
use crate::products::{ACTIVATIONS, Numbers, Pooled};

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
    for pooled in Pooled::all() {
        let forward = |input: &[f64]| pooled.forward(input, &pooled.weight, &pooled.bias);
        let mut gradient = vec![0.0; pooled.input.len()];
        conv2d_max_pool2d_backward_input::twin(
            conv2d_max_pool2d_backward_input::call(pooled.shape(), Activation::Linear).params(),
            &batch(2),
            &pooled.grads,
            &forward(&pooled.input).1,
            &pooled.weight,
            &[],
            &mut gradient,
        );
        let what = format!("{:?}", pooled.shape());
        assert_gradient(&pooled.input, &gradient, |it| forward(it).0, &what);
    }
}
