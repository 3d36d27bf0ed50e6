use std::iter::repeat;

use gpu_train::activation::Activation;
use gpu_train::gpu::Gpu;
use gpu_train::kernel::tile::BATCH_TILES;
use gpu_train::ops::activation::activation_backward;
use gpu_train::ops::activation::activation_forward::activate;
use gpu_train::ops::conv2d::conv2d_backward_input::{EXACT, launch};
use gpu_train::ops::conv2d::{conv2d_backward_input, conv2d_forward};
use gpu_train::shape::ConvShape;

use crate::harness::{
    Argument, Launch, Output, Random, Tolerance, assert_cases, assert_gradient, assert_twin, batch,
    gpu, run_gpu,
};
use crate::products::{ACTIVATIONS, Numbers, PORTABLE, conv, odd_convs, weighted_sum, wide};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&conv2d_backward_input::KERNEL);
}

#[test]
fn sums_of_integers_are_exact() {
    for shape in odd_convs() {
        for samples in [1, 7, 33] {
            for activation in EXACT {
                let launch = launch(Numbers::Integers, (samples, samples), &shape, activation);
                assert_twin(&launch, Tolerance::Exact);
            }
        }
    }
}

#[test]
fn sums_of_floats_are_close() {
    let large = conv([3, 13, 14], 41, [11, 9], 1);
    for (shape, samples) in odd_convs().into_iter().zip(repeat(7)).chain([(large, 3)]) {
        let taps = shape.kernel_height * shape.kernel_width;
        let terms = taps * shape.out_channels;
        for activation in ACTIVATIONS {
            let launch = launch(Numbers::Floats, (samples, samples), &shape, activation);
            assert_twin(&launch, Tolerance::Sum { terms });
        }
    }
}

#[test]
fn samples_past_the_batch_are_left_alone() {
    let shape = conv([3, 7, 5], 7, [3, 3], 1);
    for samples in [(1, 2), (5, 17)] {
        for activation in EXACT {
            let launch = launch(Numbers::Integers, samples, &shape, activation);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

/// The slope taken in this kernel gives the bits that [`activation_backward`] makes of the gradient,
/// whatever is infinite or no number.
#[test]
fn the_slope_is_taken_as_if_by_a_kernel_of_its_own() {
    let shapes = [
        conv([7, 4, 6], 5, [3, 3], 1),
        conv([13, 5, 4], 6, [2, 1], 1),
        conv([33, 1, 1], 9, [1, 1], 1),
        conv([7, 4, 6], 5, [3, 3], 2).padded_by(1),
    ];
    for activation in ACTIVATIONS {
        for shape in shapes {
            let mut fused = launch(Numbers::Floats, (5, 5), &shape, activation);
            if let Argument::Floats(grads) = &mut fused.arguments[0] {
                (grads[0], grads[1]) = (f32::INFINITY, f32::NAN);
            }
            if let (Argument::Floats(input), true) =
                (&mut fused.arguments[2], activation != Activation::Linear)
            {
                (input[0], input[1]) = (f32::NAN, f32::INFINITY);
            }
            let mut product = fused.clone();
            product.call = conv2d_backward_input::call(&shape, Activation::Linear, &PORTABLE);
            for checked in [true, false] {
                let gpu = gpu(checked);
                let apart = slope_apart(gpu, &product, &shape, activation);
                let what = format!("{shape:?} {activation:?}, checked {checked}");
                assert_bits(&run_gpu(gpu, &fused), &apart, &what);
            }
        }
    }
}

/// What `product`, which takes no slope, and then [`activation_backward`] compute.
fn slope_apart(
    gpu: &Gpu,
    product: &Launch,
    shape: &ConvShape,
    activation: Activation,
) -> Vec<Output> {
    let outputs = run_gpu(gpu, product);
    let [Output::Floats(gradient)] = &outputs[..] else {
        panic!("one output of floats");
    };
    if activation == Activation::Linear {
        return outputs;
    }
    let slope = Launch {
        call: activation_backward::call(shape.input, activation),
        step: product.step,
        arguments: vec![
            product.arguments[2].clone(),
            Argument::Floats(gradient.iter().map(|&x| x as f32).collect()),
            Argument::Poisoned(gradient.len()),
        ],
    };
    run_gpu(gpu, &slope)
}

/// Asserts that both hold the same numbers to the last bit, and any NaN where the other has one.
fn assert_bits(got: &[Output], want: &[Output], what: &str) {
    let ([Output::Floats(got)], [Output::Floats(want)]) = (got, want) else {
        panic!("one output of floats each: {what}");
    };
    assert_eq!(got.len(), want.len(), "{what}");
    for (index, (got, want)) in got.iter().zip(want).enumerate() {
        let same = got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan());
        assert!(same, "{what}, element {index}: {got} instead of {want}");
    }
}

/// Of the forward after the activation, by the sums before it. Relu's kink at 0 is skipped: no sum
/// lies near it but those of padding, which nothing depends on.
#[test]
fn it_is_the_derivative_of_the_forward() {
    for shape in [
        conv([3, 5, 4], 5, [2, 3], 1),
        conv([2, 6, 8], 3, [2, 1], 3),
        conv([1, 5, 5], 2, [3, 3], 2),
        conv([3, 5, 4], 2, [3, 3], 1).padded_by(1),
        conv([2, 4, 5], 3, [3, 2], 2).padded_by(2),
    ] {
        for activation in ACTIVATIONS {
            assert_derivative(&shape, activation);
        }
    }
}

fn assert_derivative(shape: &ConvShape, activation: Activation) {
    let output = shape.output().expect("the window fits");
    let taps = shape.kernel_height * shape.kernel_width;
    let mut random = Random::new(8);
    let channels = shape.input.channels;
    let sums = wide(&Numbers::Floats.rows(&mut random, 2 * shape.input.pixels(), channels));
    assert!(sums.iter().all(|x| *x == 0.0 || x.abs() > 1e-4));
    let weight = wide(&Numbers::Floats.weight(&mut random, taps, channels, output.channels));
    let grad_output =
        wide(&Numbers::Floats.rows(&mut random, 2 * output.pixels(), output.channels));
    let bias = vec![0.0; output.padded_channels()];
    let activated = |sums: &[f64]| -> Vec<f64> {
        let sums = sums.iter();
        sums.map(|&x| activate(activation, x)).collect()
    };

    let mut gradient = vec![0.0; sums.len()];
    let backward = conv2d_backward_input::call(shape, activation, &PORTABLE);
    conv2d_backward_input::twin(
        backward.params(),
        &batch(2),
        &grad_output,
        &weight,
        &activated(&sums),
        &mut gradient,
    );
    let forward = conv2d_forward::call(shape, Activation::Linear, &PORTABLE);
    let loss = |sums: &[f64]| {
        let mut output = vec![0.0; grad_output.len()];
        let (params, input) = (forward.params(), activated(sums));
        conv2d_forward::twin(params, &batch(2), &input, &weight, &bias, &mut output);
        weighted_sum(&output, &grad_output)
    };
    let what = format!("{shape:?} {activation:?}");
    assert_gradient(&sums, &gradient, loss, &what);
}

#[test]
fn every_tile_sums_any_shape() {
    for tile in &BATCH_TILES {
        for shape in odd_convs() {
            for activation in EXACT {
                let mut launch = launch(Numbers::Integers, (5, 7), &shape, activation);
                launch.call = conv2d_backward_input::call_tiled(&shape, activation, tile);
                assert_twin(&launch, Tolerance::Exact);
            }
        }
        // Several tiles of every height and width, and more than one chunk.
        let shape = conv([70, 2, 3], 33, [2, 2], 1);
        let activation = Activation::Tanh;
        let mut large = launch(Numbers::Floats, (257, 258), &shape, activation);
        large.call = conv2d_backward_input::call_tiled(&shape, activation, tile);
        let terms = 4 * shape.out_channels;
        assert_twin(&large, Tolerance::Sum { terms });
    }
}

/// Workgroups past 65,535 are folded into a second row, whose last ones have nothing to do.
#[test]
fn more_workgroups_than_a_dimension_holds_are_folded() {
    let [.., tile] = &BATCH_TILES;
    let shape = conv([1, 65_537, 1], 1, [1, 1], 1);
    let activation = Activation::Relu;
    let mut launch = launch(Numbers::Integers, (1, 1), &shape, activation);
    launch.call = conv2d_backward_input::call_tiled(&shape, activation, tile);
    assert_eq!(launch.call.grid.workgroups(1, 65_535), [32_769, 2]);
    assert_twin(&launch, Tolerance::Exact);
}
