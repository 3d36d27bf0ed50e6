use gpu_train::activation::Activation;
use gpu_train::kernels::linear_forward;
use gpu_train::kernels::tile::BATCH_TILES;
use gpu_train::shape::padded;

use crate::harness::{Argument, Launch, Random, Tolerance, assert_twin, batch, with_stale_rows};
use crate::products::{
    ACTIVATIONS, Numbers, ODD_LINEARS, SOFTWARE, register_tiles, workgroup_tiles,
};

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
    for tile in register_tiles(&BATCH_TILES) {
        for width in [1, 13, 71] {
            let mut launch = launch(Numbers::Integers, 27, (3, 9, width), Activation::Relu);
            launch.call = linear_forward::call_tiled(3, 9, width, Activation::Relu, tile);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

#[test]
fn tiles_in_workgroup_memory_sum_any_shape() {
    let shapes = ODD_LINEARS.into_iter().zip([1, 7, 33].into_iter().cycle());
    // Several tiles of every height, and long sums.
    let large = [((257, 7, 7), 2), ((1, 3072, 33), 9)];
    for tile in workgroup_tiles(&BATCH_TILES) {
        for (shape, samples) in shapes.clone().chain(large) {
            let (rows, inputs, outputs) = shape;
            let mut launch = launch(Numbers::Integers, samples, shape, Activation::Relu);
            launch.call = linear_forward::call_tiled(rows, inputs, outputs, Activation::Relu, tile);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

#[test]
fn tiles_in_workgroup_memory_are_close_on_floats_and_leave_stale_rows_alone() {
    let shape = (3, 255, 33);
    for tile in workgroup_tiles(&BATCH_TILES) {
        for activation in ACTIVATIONS {
            let mut launch = launch(Numbers::Floats, 5, shape, activation);
            launch.call = linear_forward::call_tiled(3, 255, 33, activation, tile);
            let Argument::Floats(input) = launch.arguments[0].clone() else {
                unreachable!("the first argument is the input");
            };
            launch.arguments[0] = Argument::Floats(with_stale_rows(input, 7 * 3 * 256));
            launch.arguments[3] = Argument::Poisoned(7 * 3 * 36);
            assert_twin(&launch, Tolerance::Sum { terms: 256 });
        }
    }
}

/// Workgroups past 65,535 are folded into a second row, whose last ones have nothing to do.
#[test]
fn more_workgroups_than_a_dimension_holds_are_folded() {
    let tile = workgroup_tiles(&BATCH_TILES)
        .last()
        .expect("there are tiles");
    let rows = 65_536 * tile.group_rows() + 1;
    let mut launch = launch(Numbers::Integers, 1, (rows, 1, 1), Activation::Relu);
    launch.call = linear_forward::call_tiled(rows, 1, 1, Activation::Relu, tile);
    let [x, y] = launch.call.grid.workgroups(1, 65_535);
    assert_eq!((x * y, y), (65_538, 2));
    assert_twin(&launch, Tolerance::Exact);
}
