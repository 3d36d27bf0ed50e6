use gpu_train::activation::Activation;
use gpu_train::kernel::tile::BATCH_TILES;
use gpu_train::ops::linear::linear_forward;
use gpu_train::ops::linear::linear_forward::launch;

use crate::harness::{Argument, Tolerance, assert_cases, assert_twin};
use crate::products::{ACTIVATIONS, Numbers, ODD_LINEARS};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&linear_forward::KERNEL);
}

#[test]
fn sums_of_integers_are_exact() {
    for shape in ODD_LINEARS {
        for samples in [1, 7, 33] {
            let launch = launch(
                Numbers::Integers,
                (samples, samples),
                shape,
                Activation::Relu,
            );
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

#[test]
fn sums_of_floats_are_close() {
    for (shape, samples) in [((1, 33, 45), 7), ((3, 255, 7), 33), ((1, 3072, 9), 9)] {
        for activation in ACTIVATIONS {
            let launch = launch(Numbers::Floats, (samples, samples), shape, activation);
            assert_twin(&launch, Tolerance::Sum { terms: shape.1 + 1 });
        }
    }
}

#[test]
fn padding_stays_zero_where_the_activation_of_zero_is_not() {
    let mut launch = launch(Numbers::Integers, (3, 3), (1, 5, 9), Activation::Sigmoid);
    // All sums are 0, all outputs 1/2.
    launch.arguments[1] = Argument::Floats(vec![0.0; 8 * 12]);
    launch.arguments[2] = Argument::Floats(vec![0.0; 12]);
    assert_twin(&launch, Tolerance::Exact);
}

#[test]
fn every_tile_sums_any_shape() {
    let shapes = ODD_LINEARS.into_iter().zip([1, 7, 33].into_iter().cycle());
    // Several tiles of every height, and long sums.
    let large = [((257, 7, 7), 2), ((1, 3072, 33), 9)];
    for tile in &BATCH_TILES {
        for (shape, samples) in shapes.clone().chain(large) {
            let (rows, inputs, outputs) = shape;
            let mut launch = launch(
                Numbers::Integers,
                (samples, samples),
                shape,
                Activation::Relu,
            );
            launch.call = linear_forward::call_tiled(rows, inputs, outputs, Activation::Relu, tile);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

/// Workgroups past 65,535 are folded into a second row, whose last ones have nothing to do.
#[test]
fn more_workgroups_than_a_dimension_holds_are_folded() {
    let [.., tile] = &BATCH_TILES;
    let rows = 65_536 * tile.group_rows() + 1;
    let mut launch = launch(Numbers::Integers, (1, 1), (rows, 1, 1), Activation::Relu);
    launch.call = linear_forward::call_tiled(rows, 1, 1, Activation::Relu, tile);
    let [x, y] = launch.call.grid.workgroups(1, 65_535);
    assert_eq!((x * y, y), (65_538, 2));
    assert_twin(&launch, Tolerance::Exact);
}
