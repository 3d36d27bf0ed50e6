use gpu_train::activation::Activation;
use gpu_train::kernels::linear_forward;
use gpu_train::shape::padded;

use crate::harness::{Argument, Launch, Random, Tolerance, assert_twin, batch, with_stale_rows};
use crate::products::{ACTIVATIONS, FAMILIES, Numbers, ODD_LINEARS, SOFTWARE, WIDTHS};

fn launch(
    numbers: Numbers,
    samples: usize,
    (rows_per_sample, inputs, outputs): (usize, usize, usize),
    activation: Activation,
) -> Launch {
    let mut random = Random::new(1);
    let rows = samples * rows_per_sample;
    Launch {
        call: linear_forward::call(rows_per_sample, inputs, outputs, activation, &SOFTWARE),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(numbers.rows(&mut random, rows, inputs)),
            Argument::Floats(numbers.weight(&mut random, 1, inputs, outputs)),
            Argument::Floats(numbers.rows(&mut random, 1, outputs)),
            Argument::Poisoned(rows * padded(outputs)),
        ],
    }
}

#[test]
fn sums_of_integers_are_exact() {
    for shape in ODD_LINEARS {
        for samples in [1, 7, 33] {
            let launch = launch(Numbers::Integers, samples, shape, Activation::Relu);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

#[test]
fn sums_of_floats_are_close() {
    for (shape, samples) in [((1, 33, 45), 7), ((3, 255, 7), 33), ((1, 3072, 9), 9)] {
        for activation in ACTIVATIONS {
            let launch = launch(Numbers::Floats, samples, shape, activation);
            assert_twin(&launch, Tolerance::Sum { terms: shape.1 + 1 });
        }
    }
}

#[test]
fn padding_stays_zero_where_the_activation_of_zero_is_not() {
    let mut launch = launch(Numbers::Integers, 3, (1, 5, 9), Activation::Sigmoid);
    // All sums are 0, all outputs 1/2.
    launch.arguments[1] = Argument::Floats(vec![0.0; 8 * 12]);
    launch.arguments[2] = Argument::Floats(vec![0.0; 12]);
    assert_twin(&launch, Tolerance::Exact);
}

#[test]
fn rows_past_the_batch_are_left_alone() {
    for (samples, capacity) in [(1, 2), (5, 17)] {
        let mut launch = launch(Numbers::Integers, samples, (3, 7, 33), Activation::Linear);
        let Argument::Floats(input) = launch.arguments[0].clone() else {
            unreachable!("the first argument is the input");
        };
        launch.arguments[0] = Argument::Floats(with_stale_rows(input, capacity * 3 * 8));
        launch.arguments[3] = Argument::Poisoned(capacity * 3 * 36);
        assert_twin(&launch, Tolerance::Exact);
    }
}

#[test]
fn every_tile_gives_the_same_sums() {
    for target in FAMILIES {
        for width in WIDTHS {
            let mut launch = launch(Numbers::Integers, 11, (3, 9, width), Activation::Relu);
            launch.call = linear_forward::call(3, 9, width, Activation::Relu, &target);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}
