use gpu_train::activation::Activation;
use gpu_train::kernels::tile::BATCH_TILES;
use gpu_train::kernels::{conv2d_backward_input, conv2d_forward};
use gpu_train::reference;
use gpu_train::shape::ConvShape;

use crate::harness::{
    Argument, Launch, Random, Tolerance, assert_gradient, assert_twin, batch, with_stale_rows,
};
use crate::products::{
    FAMILIES, Numbers, SOFTWARE, WIDTHS, conv, odd_convs, weighted_sum, wide, workgroup_tiles,
};

/// A batch of `samples` in buffers for `capacity`; what lies between is NaN.
fn launch(numbers: Numbers, (samples, capacity): (usize, usize), shape: &ConvShape) -> Launch {
    let mut random = Random::new(7);
    let input = shape.input;
    let output = shape.output().expect("the window fits");
    let taps = shape.kernel_height * shape.kernel_width;
    let grads = numbers.rows(&mut random, samples * output.pixels(), output.channels);
    Launch {
        call: conv2d_backward_input::call(shape, &SOFTWARE),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(with_stale_rows(grads, capacity * output.padded_elements())),
            Argument::Floats(numbers.weight(&mut random, taps, input.channels, output.channels)),
            Argument::Poisoned(capacity * input.padded_elements()),
        ],
    }
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
    let large = conv([3, 13, 14], 41, [11, 9], 1);
    for (shape, samples) in odd_convs().into_iter().zip([7; 9]).chain([(large, 3)]) {
        let taps = shape.kernel_height * shape.kernel_width;
        let terms = taps * shape.out_channels;
        let launch = launch(Numbers::Floats, (samples, samples), &shape);
        assert_twin(&launch, Tolerance::Sum { terms });
    }
}

#[test]
fn samples_past_the_batch_are_left_alone() {
    let shape = conv([3, 7, 5], 7, [3, 3], 1);
    for samples in [(1, 2), (5, 17)] {
        let launch = launch(Numbers::Integers, samples, &shape);
        assert_twin(&launch, Tolerance::Exact);
    }
}

#[test]
fn every_tile_gives_the_same_sums() {
    for target in FAMILIES {
        for width in WIDTHS {
            let shape = conv([width, 4, 5], 5, [3, 2], 1);
            let mut launch = launch(Numbers::Integers, (7, 7), &shape);
            launch.call = conv2d_backward_input::call(&shape, &target);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

/// Lines as long as a tile and shorter ones, batches that leave lanes over.
#[test]
fn every_sliding_tile_gives_the_same_sums() {
    let mut variants = std::collections::BTreeSet::new();
    for length in [1, 4, 6, 10, 13] {
        for taps in [3, 5] {
            for channels in [7, 13, 27] {
                let image = [channels, 4, length + taps - 1];
                let shape = conv(image, 5, [3, taps], 1);
                let launch = launch(Numbers::Integers, (11, 12), &shape);
                variants.insert(launch.call.variant);
                assert_twin(&launch, Tolerance::Exact);
            }
        }
    }
    let sliding = conv2d_backward_input::KERNEL.variants.iter();
    let sliding = sliding.filter(|variant| variant.iter().any(|value| value.0 == "TAPS"));
    assert_eq!(variants.len(), sliding.count());
}

#[test]
fn it_is_the_derivative_of_the_forward() {
    for shape in [
        conv([3, 5, 4], 5, [2, 3], 1),
        conv([2, 6, 8], 3, [2, 1], 3),
        conv([1, 5, 5], 2, [3, 3], 2),
    ] {
        let output = shape.output().expect("the window fits");
        let taps = shape.kernel_height * shape.kernel_width;
        let mut random = Random::new(8);
        let channels = shape.input.channels;
        let input = wide(&Numbers::Floats.rows(&mut random, 2 * shape.input.pixels(), channels));
        let weight = wide(&Numbers::Floats.weight(&mut random, taps, channels, output.channels));
        let grad_output =
            wide(&Numbers::Floats.rows(&mut random, 2 * output.pixels(), output.channels));
        let bias = vec![0.0; output.padded_channels()];

        let mut grad_input = vec![0.0; input.len()];
        let backward = conv2d_backward_input::call(&shape, &SOFTWARE);
        reference::conv2d_backward_input::run(
            backward.params(),
            &batch(2),
            &grad_output,
            &weight,
            &mut grad_input,
        );
        let forward = conv2d_forward::call(&shape, Activation::Linear, &SOFTWARE);
        let loss = |input: &[f64]| {
            let mut output = vec![0.0; grad_output.len()];
            let params = forward.params();
            reference::conv2d_forward::run(params, &batch(2), input, &weight, &bias, &mut output);
            weighted_sum(&output, &grad_output)
        };
        assert_gradient(&input, &grad_input, loss, &format!("{shape:?}"));
    }
}

#[test]
fn tiles_in_workgroup_memory_sum_any_shape() {
    for tile in workgroup_tiles(&BATCH_TILES) {
        for shape in odd_convs() {
            let mut launch = launch(Numbers::Integers, (5, 7), &shape);
            launch.call = conv2d_backward_input::call_tiled(&shape, tile);
            assert_twin(&launch, Tolerance::Exact);
        }
        // Several tiles of every height and width, and more than one chunk.
        let shape = conv([70, 2, 3], 33, [2, 2], 1);
        let mut large = launch(Numbers::Floats, (257, 258), &shape);
        large.call = conv2d_backward_input::call_tiled(&shape, tile);
        let terms = 4 * shape.out_channels;
        assert_twin(&large, Tolerance::Sum { terms });
    }
}

/// Workgroups past 65,535 are folded into a second row, whose last ones have nothing to do.
#[test]
fn more_workgroups_than_a_dimension_holds_are_folded() {
    let tile = workgroup_tiles(&BATCH_TILES)
        .last()
        .expect("there are tiles");
    let shape = conv([1, 65_537, 1], 1, [1, 1], 1);
    let mut launch = launch(Numbers::Integers, (1, 1), &shape);
    launch.call = conv2d_backward_input::call_tiled(&shape, tile);
    assert_eq!(launch.call.grid.workgroups(1, 65_535), [32_769, 2]);
    assert_twin(&launch, Tolerance::Exact);
}
