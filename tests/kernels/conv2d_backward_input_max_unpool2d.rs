use gpu_train::activation::Activation;
use gpu_train::kernel::tile::BATCH_TILES;
use gpu_train::ops::activation::activation_forward::activate;
use gpu_train::ops::conv2d::conv2d_backward_input_max_unpool2d::{UNPOOLED, call, launch};
use gpu_train::ops::conv2d::{
    conv2d_backward_input, conv2d_backward_input_max_unpool2d, conv2d_forward,
};
use gpu_train::ops::pool::max_pool2d_backward;
use gpu_train::shape::{ConvShape, ImageShape, PoolShape};

use crate::harness::{
    Argument, Launch, Output, Random, assert_cases, assert_gradient, batch, distinct, gpu, run_gpu,
};
use crate::products::{ACTIVATIONS, Numbers, PORTABLE, conv, weighted_sum, wide};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&conv2d_backward_input_max_unpool2d::KERNEL);
}

/// Convolutions, and the shapes of the images that a pooling made their input of.
fn shapes() -> Vec<(ConvShape, ImageShape)> {
    let convs = [
        conv([7, 4, 5], 5, [3, 3], 1),
        conv([13, 4, 5], 6, [2, 1], 2),
        conv([33, 4, 5], 9, [1, 1], 1),
        conv([7, 4, 5], 5, [3, 3], 1).padded_by(1),
        conv([5, 4, 5], 6, [3, 2], 2).padded_by(2),
    ];
    let images = convs.into_iter().flat_map(|shape| {
        UNPOOLED.map(|[height, width]| {
            let unpooled = ImageShape::new(shape.input.channels, height, width);
            (shape, unpooled)
        })
    });
    // One window, and a line and a column beside it.
    let one = (conv([5, 1, 1], 3, [1, 1], 1), ImageShape::new(5, 3, 3));
    images.chain([one]).collect()
}

/// The bits of both kernels one after the other, whatever is infinite or no number.
#[test]
fn it_is_two_kernels_in_one() {
    for (shape, unpooled) in shapes() {
        for activation in ACTIVATIONS {
            let tile = &BATCH_TILES[0];
            let mut fused = launch(Numbers::Floats, (5, 6), &shape, activation, unpooled, tile);
            if let Argument::Floats(grads) = &mut fused.arguments[0] {
                (grads[0], grads[1]) = (f32::INFINITY, f32::NAN);
            }
            if let (Argument::Floats(input), true) =
                (&mut fused.arguments[2], activation != Activation::Linear)
            {
                (input[0], input[1]) = (f32::NAN, f32::INFINITY);
            }
            for checked in [true, false] {
                let [one, two] = [
                    run_gpu(gpu(checked), &fused),
                    apart(&fused, &shape, activation, unpooled, checked),
                ]
                .map(|it| match it.into_iter().next() {
                    Some(Output::Floats(values)) => values,
                    _ => panic!("one output of floats"),
                });
                let of_batch = 5 * unpooled.padded_elements();
                for (index, (one, two)) in one.iter().zip(&two).take(of_batch).enumerate() {
                    let same = one.to_bits() == two.to_bits() || (one.is_nan() && two.is_nan());
                    assert!(
                        same,
                        "{shape:?} {activation:?} {unpooled:?}, {index}: {one}, {two}"
                    );
                }
            }
        }
    }
}

fn apart(
    fused: &Launch,
    shape: &ConvShape,
    activation: Activation,
    unpooled: ImageShape,
    checked: bool,
) -> Vec<Output> {
    let [grads, weight, input, argmax, grad_input] = &fused.arguments[..] else {
        panic!("five arguments");
    };
    let len = 6 * shape.input.padded_elements();
    let product = Launch {
        call: conv2d_backward_input::call_tiled(shape, Activation::Linear, &BATCH_TILES[0]),
        step: fused.step,
        arguments: vec![
            grads.clone(),
            weight.clone(),
            input.clone(),
            Argument::Poisoned(len),
        ],
    };
    let pooled = run_gpu(gpu(checked), &product);
    let [Output::Floats(pooled)] = &pooled[..] else {
        panic!("one output of floats");
    };
    let pool = PoolShape {
        input: unpooled,
        window: 2,
    };
    let spread = Launch {
        call: max_pool2d_backward::call(&pool, activation),
        step: fused.step,
        arguments: vec![
            Argument::Floats(pooled.iter().map(|&x| x as f32).collect()),
            input.clone(),
            argmax.clone(),
            grad_input.clone(),
        ],
    };
    run_gpu(gpu(checked), &spread)
}

/// Of activation, pooling and convolution, by the sums before the activation.
#[test]
fn it_is_the_derivative_of_the_forward() {
    for (shape, unpooled) in shapes() {
        for activation in ACTIVATIONS {
            assert_derivative(&shape, activation, unpooled);
        }
    }
}

fn assert_derivative(shape: &ConvShape, activation: Activation, unpooled: ImageShape) {
    let output = shape.output().expect("the window fits");
    let taps = shape.kernel_height * shape.kernel_width;
    let channels = shape.input.channels;
    let mut random = Random::new(8);
    let weight = wide(&Numbers::Floats.weight(&mut random, taps, channels, output.channels));
    let grads = wide(&Numbers::Floats.rows(&mut random, output.pixels(), output.channels));
    let bias = vec![0.0; output.padded_channels()];
    let padded = unpooled.padded_channels();
    // No two alike, none near the kink of relu; zeros where channels are padding.
    let mut values = distinct(unpooled.pixels() * channels).into_iter();
    let sums: Vec<f64> = (0..unpooled.padded_elements())
        .map(|at| {
            let mut next = || 0.04 * values.next().expect("one for each") + 0.0002;
            if at % padded < channels { next() } else { 0.0 }
        })
        .collect();
    let pool = PoolShape {
        input: unpooled,
        window: 2,
    };
    let pooled = |sums: &[f64]| {
        let activated: Vec<f64> = sums.iter().map(|x| activate(activation, *x)).collect();
        max_pool2d_backward::forward(&pool, 1, &activated)
    };
    let (input, argmax) = pooled(&sums);
    let mut gradient = vec![0.0; sums.len()];
    conv2d_backward_input_max_unpool2d::twin(
        call(shape, activation, unpooled, &PORTABLE).params(),
        &batch(1),
        &grads,
        &weight,
        &input,
        &argmax,
        &mut gradient,
    );
    let forward = conv2d_forward::call(shape, Activation::Linear, &PORTABLE);
    let loss = |sums: &[f64]| {
        let mut output = vec![0.0; grads.len()];
        let (params, input) = (forward.params(), pooled(sums).0);
        conv2d_forward::twin(params, &batch(1), &input, &weight, &bias, &mut output);
        weighted_sum(&output, &grads)
    };
    let what = format!("{shape:?} {activation:?} {unpooled:?}");
    assert_gradient(&sums, &gradient, loss, &what);
}
