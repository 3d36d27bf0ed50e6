use std::iter::repeat;

use gpu_train::activation::Activation;
use gpu_train::kernel::limits::bias_at;
use gpu_train::kernel::tile::WEIGHT_TILES;
use gpu_train::ops::conv2d::conv2d_backward_weight::launch_of;
use gpu_train::ops::conv2d::{conv2d_backward_weight, conv2d_forward};
use gpu_train::shape::ConvShape;

use crate::harness::{
    Launch, Random, Tolerance, assert_cases, assert_gradient, assert_twin, batch,
};
use crate::products::{Numbers, PORTABLE, conv, odd_convs, weighted_sum, wide};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&conv2d_backward_weight::KERNEL);
}

/// A batch of `samples` for a call made for `capacity`; what lies between is NaN.
fn launch(numbers: Numbers, samples: (usize, usize), shape: &ConvShape) -> Launch {
    let call = conv2d_backward_weight::call(samples.1, shape, &PORTABLE);
    launch_of(call, numbers, samples, shape)
}

#[test]
fn sums_of_integers_are_exact() {
    for shape in odd_convs() {
        for samples in [1, 7, 33] {
            let launch = launch(Numbers::Integers, (samples, samples), &shape);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

#[test]
fn sums_of_floats_are_close() {
    let large = conv([3, 32, 33], 17, [3, 2], 1);
    for (shape, samples) in odd_convs().into_iter().zip(repeat(33)).chain([(large, 33)]) {
        let terms = samples * shape.output().expect("the window fits").pixels();
        let launch = launch(Numbers::Floats, (samples, samples), &shape);
        assert_twin(&launch, Tolerance::Sum { terms });
    }
}

#[test]
fn samples_past_the_batch_count_nothing_and_splits_past_it_are_zero() {
    let shape = conv([3, 17, 16], 7, [3, 3], 1);
    assert!(conv2d_backward_weight::splits(33, &shape, &PORTABLE) > 2);
    for samples in [1, 5, 8, 31] {
        let launch = launch(Numbers::Integers, (samples, 33), &shape);
        assert_twin(&launch, Tolerance::Exact);
    }
}

#[test]
fn it_is_the_derivative_of_the_forward() {
    for shape in [
        conv([3, 5, 4], 5, [2, 3], 1),
        conv([2, 6, 8], 3, [2, 1], 3),
        conv([1, 5, 5], 2, [3, 3], 2),
        conv([3, 5, 4], 2, [3, 3], 1).padded_by(1),
        conv([2, 4, 5], 3, [3, 2], 2).padded_by(2),
    ] {
        let output = shape.output().expect("the window fits");
        let taps = shape.kernel_height * shape.kernel_width;
        let mut random = Random::new(10);
        let channels = shape.input.channels;
        let input = wide(&Numbers::Floats.rows(&mut random, 2 * shape.input.pixels(), channels));
        let weight = wide(&Numbers::Floats.weight(&mut random, taps, channels, output.channels));
        let grad_output =
            wide(&Numbers::Floats.rows(&mut random, 2 * output.pixels(), output.channels));
        let at = bias_at(weight.len());
        // Weight and bias as they lie in memory, with what pads the weight.
        let mut parameters = weight.clone();
        parameters.resize(at, 0.0);
        parameters.extend(wide(&Numbers::Floats.rows(&mut random, 1, output.channels)));

        let mut gradient = vec![0.0; parameters.len()];
        let backward = conv2d_backward_weight::call(2, &shape, &PORTABLE);
        conv2d_backward_weight::twin(
            backward.params(),
            &batch(2),
            &input,
            &grad_output,
            &mut gradient,
        );
        let forward = conv2d_forward::call(&shape, Activation::Linear, &PORTABLE);
        let loss = |parameters: &[f64]| {
            let (weight, bias) = parameters.split_at(at);
            let mut output = vec![0.0; grad_output.len()];
            let params = forward.params();
            conv2d_forward::twin(params, &batch(2), &input, weight, bias, &mut output);
            weighted_sum(&output, &grad_output)
        };
        assert_gradient(&parameters, &gradient, loss, &format!("{shape:?}"));
    }
}

/// With parts past the batch, whose sums are zero, and rows past it, which are NaN.
#[test]
fn every_tile_sums_any_shape() {
    for tile in &WEIGHT_TILES {
        for shape in odd_convs() {
            for (samples, capacity) in [(1, 1), (5, 33), (33, 33)] {
                let call = conv2d_backward_weight::call_tiled(capacity, &shape, tile);
                let launch = launch_of(call, Numbers::Integers, (samples, capacity), &shape);
                assert_twin(&launch, Tolerance::Exact);
            }
        }
        let shape = conv([5, 15, 16], 33, [3, 4], 1);
        let call = conv2d_backward_weight::call_tiled(33, &shape, tile);
        let launch = launch_of(call, Numbers::Floats, (31, 33), &shape);
        let terms = 31 * 13 * 13;
        assert_twin(&launch, Tolerance::Sum { terms });
    }
}
