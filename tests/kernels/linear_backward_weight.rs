use gpu_train::activation::Activation;
use gpu_train::kernel::limits::bias_at;
use gpu_train::kernel::tile::WEIGHT_TILES;
use gpu_train::ops::linear::linear_backward_weight::launch_of;
use gpu_train::ops::linear::{linear_backward_weight, linear_forward};

use crate::harness::{
    Launch, Random, Tolerance, assert_cases, assert_gradient, assert_twin, batch,
};
use crate::products::{Numbers, ODD_LINEARS, PORTABLE, weighted_sum, wide};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&linear_backward_weight::KERNEL);
}

/// A batch of `samples` for a call made for `capacity`; what lies between is NaN.
fn launch(numbers: Numbers, samples: (usize, usize), shape: (usize, usize, usize)) -> Launch {
    let (rows_per_sample, inputs, outputs) = shape;
    let call = linear_backward_weight::call(samples.1, rows_per_sample, inputs, outputs, &PORTABLE);
    launch_of(call, numbers, samples, shape)
}

#[test]
fn sums_of_integers_are_exact() {
    for shape in ODD_LINEARS {
        for samples in [1, 7, 33] {
            let launch = launch(Numbers::Integers, (samples, samples), shape);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

#[test]
fn sums_of_floats_are_close() {
    for (shape, samples) in [((1, 33, 45), 257), ((257, 7, 33), 33)] {
        let launch = launch(Numbers::Floats, (samples, samples), shape);
        let terms = samples * shape.0;
        assert_twin(&launch, Tolerance::Sum { terms });
    }
}

#[test]
fn samples_past_the_batch_count_nothing_and_splits_past_it_are_zero() {
    let shape = (257, 7, 33);
    assert!(linear_backward_weight::splits(33, 257, 7, 33, &PORTABLE) > 2);
    for samples in [1, 5, 8, 31] {
        let launch = launch(Numbers::Integers, (samples, 33), shape);
        assert_twin(&launch, Tolerance::Exact);
    }
}

#[test]
fn it_is_the_derivative_of_the_forward() {
    let (rows, inputs, outputs) = (6, 5, 7);
    let mut random = Random::new(5);
    let input = wide(&Numbers::Floats.rows(&mut random, rows, inputs));
    let weight = wide(&Numbers::Floats.weight(&mut random, 1, inputs, outputs));
    let grad_output = wide(&Numbers::Floats.rows(&mut random, rows, outputs));
    let at = bias_at(weight.len());
    // Weight and bias as they lie in memory, with what pads the weight.
    let mut parameters = weight.clone();
    parameters.resize(at, 0.0);
    parameters.extend(wide(&Numbers::Floats.rows(&mut random, 1, outputs)));

    let mut gradient = vec![0.0; parameters.len()];
    let backward = linear_backward_weight::call(3, 2, inputs, outputs, &PORTABLE);
    linear_backward_weight::twin(
        backward.params(),
        &batch(3),
        &input,
        &grad_output,
        &mut gradient,
    );
    let forward = linear_forward::call(2, inputs, outputs, Activation::Linear, &PORTABLE);
    let loss = |parameters: &[f64]| {
        let (weight, bias) = parameters.split_at(at);
        let mut output = vec![0.0; grad_output.len()];
        let params = forward.params();
        linear_forward::twin(params, &batch(3), &input, weight, bias, &mut output);
        weighted_sum(&output, &grad_output)
    };
    assert_gradient(&parameters, &gradient, loss, "weight and bias");
}

/// With parts past the batch, whose sums are zero, and rows past it, which are NaN.
#[test]
fn every_tile_sums_any_shape() {
    for tile in &WEIGHT_TILES {
        let large = (33, 70, 70);
        for shape @ (rows, inputs, outputs) in ODD_LINEARS.into_iter().chain([large]) {
            for (samples, capacity) in [(1, 1), (5, 33), (33, 33)] {
                let call =
                    linear_backward_weight::call_tiled(capacity, rows, inputs, outputs, tile);
                let launch = launch_of(call, Numbers::Integers, (samples, capacity), shape);
                assert_twin(&launch, Tolerance::Exact);
            }
        }
        let call = linear_backward_weight::call_tiled(129, 9, 33, 17, tile);
        let launch = launch_of(call, Numbers::Floats, (127, 129), (9, 33, 17));
        assert_twin(&launch, Tolerance::Sum { terms: 127 * 9 });
    }
}
