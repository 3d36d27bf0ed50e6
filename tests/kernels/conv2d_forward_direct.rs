use gpu_train::activation::Activation;
use gpu_train::ops::conv2d::conv2d_forward_direct;
use gpu_train::ops::conv2d::conv2d_forward_direct::{DIRECT, launch, shapes};

use crate::harness::{Argument, Tolerance, assert_cases, assert_twin};
use crate::products::{ACTIVATIONS, Numbers, conv, odd_convs};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&conv2d_forward_direct::KERNEL);
}

#[test]
fn sums_of_integers_are_exact() {
    for direct in &DIRECT {
        let odd = odd_convs().into_iter().filter(|it| direct.serves(it));
        for shape in odd.chain(shapes(direct)) {
            for samples in [(1, 1), (5, 17), (33, 33)] {
                let relu = Activation::Relu;
                let launch = launch(Numbers::Integers, samples, &shape, relu, direct);
                assert_twin(&launch, Tolerance::Exact);
            }
        }
    }
}

/// The sizes that are trained, too.
#[test]
fn sums_of_floats_are_close() {
    for direct in &DIRECT {
        let large = [
            conv([3, 34, 34], 16, [3, 3], 1),
            conv([16, 15, 15], 32, [3, 3], 1),
            conv([3, 32, 32], 16, [3, 3], 1).padded_by(1),
            conv([16, 32, 32], 16, [3, 3], 1).padded_by(1),
        ];
        let large = large.into_iter().filter(|it| direct.serves(it));
        for shape in shapes(direct).into_iter().chain(large) {
            for activation in ACTIVATIONS {
                let launch = launch(Numbers::Floats, (3, 4), &shape, activation, direct);
                let terms = shape.padded_fan_in() + 1;
                assert_twin(&launch, Tolerance::Sum { terms });
            }
        }
    }
}

#[test]
fn padding_stays_zero_where_the_activation_of_zero_is_not() {
    for direct in &DIRECT {
        let [.., shape] = shapes(direct);
        let sigmoid = Activation::Sigmoid;
        let mut launch = launch(Numbers::Integers, (3, 3), &shape, sigmoid, direct);
        // All sums are 0, all outputs 1/2.
        launch.arguments[1] = Argument::Floats(vec![0.0; shape.weight_len()]);
        launch.arguments[2] = Argument::Floats(vec![0.0; 8]);
        assert_twin(&launch, Tolerance::Exact);
    }
}
