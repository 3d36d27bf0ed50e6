use gpu_train::activation::Activation;
use gpu_train::kernels::linear_backward_input;
use gpu_train::kernels::linear_forward;
use gpu_train::reference;
use gpu_train::shape::padded;

use crate::harness::{
    Argument, Launch, Random, Tolerance, assert_gradient, assert_twin, batch, with_stale_rows,
};
use crate::products::{FAMILIES, Numbers, ODD_LINEARS, SOFTWARE, WIDTHS, weighted_sum, wide};

fn launch(
    numbers: Numbers,
    samples: usize,
    (rows_per_sample, inputs, outputs): (usize, usize, usize),
) -> Launch {
    let mut random = Random::new(2);
    let rows = samples * rows_per_sample;
    Launch {
        call: linear_backward_input::call(rows_per_sample, inputs, outputs, &SOFTWARE),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(numbers.rows(&mut random, rows, outputs)),
            Argument::Floats(numbers.weight(&mut random, 1, inputs, outputs)),
            Argument::Poisoned(rows * padded(inputs)),
        ],
    }
}

#[test]
fn sums_of_integers_are_exact() {
    for shape in ODD_LINEARS {
        for samples in [1, 7, 33] {
            assert_twin(&launch(Numbers::Integers, samples, shape), Tolerance::Exact);
        }
    }
}

#[test]
fn sums_of_floats_are_close() {
    for (shape, samples) in [((1, 33, 45), 7), ((3, 7, 255), 33), ((1, 9, 3072), 9)] {
        let launch = launch(Numbers::Floats, samples, shape);
        assert_twin(&launch, Tolerance::Sum { terms: shape.2 });
    }
}

#[test]
fn rows_past_the_batch_are_left_alone() {
    for (samples, capacity) in [(1, 2), (5, 17)] {
        let mut launch = launch(Numbers::Integers, samples, (3, 33, 7));
        let Argument::Floats(grads) = launch.arguments[0].clone() else {
            unreachable!("the first argument is grad_output");
        };
        launch.arguments[0] = Argument::Floats(with_stale_rows(grads, capacity * 3 * 8));
        launch.arguments[2] = Argument::Poisoned(capacity * 3 * 36);
        assert_twin(&launch, Tolerance::Exact);
    }
}

#[test]
fn every_tile_gives_the_same_sums() {
    for target in FAMILIES {
        for width in WIDTHS {
            let mut launch = launch(Numbers::Integers, 11, (3, width, 9));
            launch.call = linear_backward_input::call(3, width, 9, &target);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

#[test]
fn it_is_the_derivative_of_the_forward() {
    let (rows, inputs, outputs) = (6, 5, 7);
    let mut random = Random::new(3);
    let input = wide(&Numbers::Floats.rows(&mut random, rows, inputs));
    let weight = wide(&Numbers::Floats.weight(&mut random, 1, inputs, outputs));
    let grad_output = wide(&Numbers::Floats.rows(&mut random, rows, outputs));
    let bias = vec![0.0; padded(outputs)];

    let mut grad_input = vec![0.0; input.len()];
    let backward = linear_backward_input::call(2, inputs, outputs, &SOFTWARE);
    reference::linear_backward_input::run(
        backward.params(),
        &batch(3),
        &grad_output,
        &weight,
        &mut grad_input,
    );
    let forward = linear_forward::call(2, inputs, outputs, Activation::Linear, &SOFTWARE);
    let loss = |input: &[f64]| {
        let mut output = vec![0.0; grad_output.len()];
        let params = forward.params();
        reference::linear_forward::run(params, &batch(3), input, &weight, &bias, &mut output);
        weighted_sum(&output, &grad_output)
    };
    assert_gradient(&input, &grad_input, loss, "grad_input");
}
