use std::iter::repeat;

use gpu_train::activation::Activation;
use gpu_train::kernel::tile::BATCH_TILES;
use gpu_train::ops::conv2d::conv2d_forward;
use gpu_train::ops::conv2d::conv2d_forward::launch;

use crate::harness::{Argument, Tolerance, assert_cases, assert_twin};
use crate::products::{ACTIVATIONS, Numbers, conv, odd_convs};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&conv2d_forward::KERNEL);
}

#[test]
fn sums_of_integers_are_exact() {
    for shape in odd_convs() {
        for samples in [1, 7, 33] {
            let samples = (samples, samples);
            let launch = launch(Numbers::Integers, samples, &shape, Activation::Relu);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

#[test]
fn sums_of_floats_are_close() {
    let large = conv([3, 33, 32], 7, [28, 28], 1);
    for (shape, samples) in odd_convs().into_iter().zip(repeat(7)).chain([(large, 2)]) {
        for activation in ACTIVATIONS {
            let launch = launch(Numbers::Floats, (samples, samples), &shape, activation);
            let terms = shape.padded_fan_in() + 1;
            assert_twin(&launch, Tolerance::Sum { terms });
        }
    }
}

#[test]
fn padding_stays_zero_where_the_activation_of_zero_is_not() {
    let shape = conv([3, 5, 5], 5, [2, 2], 1);
    let mut launch = launch(Numbers::Integers, (3, 3), &shape, Activation::Sigmoid);
    // All sums are 0, all outputs 1/2.
    launch.arguments[1] = Argument::Floats(vec![0.0; shape.weight_len()]);
    launch.arguments[2] = Argument::Floats(vec![0.0; 8]);
    assert_twin(&launch, Tolerance::Exact);
}

#[test]
fn pixels_past_the_batch_are_left_alone() {
    let shape = conv([3, 7, 5], 7, [3, 3], 1);
    for samples in [(1, 2), (5, 17)] {
        let launch = launch(Numbers::Integers, samples, &shape, Activation::Linear);
        assert_twin(&launch, Tolerance::Exact);
    }
}

#[test]
fn every_tile_sums_any_shape() {
    for tile in &BATCH_TILES {
        // The last makes several tiles of every height.
        let large = conv([3, 18, 19], 7, [3, 2], 1);
        for shape in odd_convs().into_iter().chain([large]) {
            let mut launch = launch(Numbers::Integers, (5, 7), &shape, Activation::Relu);
            launch.call = conv2d_forward::call_tiled(&shape, Activation::Relu, tile);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

#[test]
fn every_tile_is_close_on_floats() {
    let shape = conv([3, 19, 18], 33, [13, 15], 2);
    for tile in &BATCH_TILES {
        for activation in ACTIVATIONS {
            let mut launch = launch(Numbers::Floats, (3, 4), &shape, activation);
            launch.call = conv2d_forward::call_tiled(&shape, activation, tile);
            let terms = shape.padded_fan_in() + 1;
            assert_twin(&launch, Tolerance::Sum { terms });
        }
    }
}
