use gpu_train::activation::Activation;
use gpu_train::kernel_limits::bias_at;
use gpu_train::kernels::{
    conv2d_max_pool2d_backward_weight as backward, conv2d_max_pool2d_forward as forward,
};
use gpu_train::reference;
use gpu_train::verify::cases::conv2d_max_pool2d_backward_weight::{convs, launch, pooled};

use crate::harness::{
    Argument, Output, Random, Tolerance, assert_cases, assert_gradient, assert_twin, batch,
    distinct, gpu, run_gpu, run_twin,
};
use crate::products::{ALONE, GPU, Numbers, SOFTWARE, WIDTHS, conv, weighted_sum, wide};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&backward::KERNEL);
}

#[test]
fn sums_of_integers_are_exact() {
    for shape in convs() {
        for samples in [1, 7, 65] {
            for activation in [Activation::Linear, Activation::Relu] {
                let size = (samples, samples);
                let launch = launch(Numbers::Integers, size, &shape, activation);
                assert_twin(&launch, Tolerance::Exact);
            }
        }
    }
}

#[test]
fn sums_of_floats_are_close() {
    let large = conv([3, 66, 67], 17, [3, 3], 1);
    for shape in convs().into_iter().chain([large]) {
        let terms = 33 * pooled(&shape).pixels();
        let launch = launch(Numbers::Floats, (33, 33), &shape, Activation::Linear);
        assert_twin(&launch, Tolerance::Sum { terms });
    }
}

#[test]
fn every_width_gives_the_same_sums() {
    for inputs in WIDTHS {
        for outputs in WIDTHS {
            let shape = conv([inputs, 5, 8], outputs, [3, 3], 1);
            let launch = launch(Numbers::Integers, (5, 5), &shape, Activation::Relu);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

#[test]
fn samples_past_the_batch_count_nothing_and_splits_past_it_are_zero() {
    for shape in convs() {
        assert!(backward::splits(33, &shape) > 1);
        for samples in [1, 5, 8, 31] {
            let launch = launch(Numbers::Integers, (samples, 33), &shape, Activation::Relu);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

/// What no pixel of a square was picked for must not be touched: infinities beside it in the patch
/// leave no NaN behind.
#[test]
fn pixels_that_were_not_picked_do_not_count() {
    let shape = conv([3, 8, 8], 9, [3, 3], 1);
    let mut launch = launch(Numbers::Integers, (2, 2), &shape, Activation::Linear);
    // All squares pick their first pixel, whose windows never reach the last row and column.
    let output = pooled(&shape);
    let places = (0..2 * output.pixels()).flat_map(|place| {
        let (y, x) = (place / output.width % output.height, place % output.width);
        vec![(2 * y * 6 + 2 * x) as u32; output.padded_channels()]
    });
    launch.arguments[3] = Argument::Words(places.collect());
    let Argument::Floats(input) = &mut launch.arguments[0] else {
        panic!("the input is floats");
    };
    for (pixel, channels) in input.chunks_mut(4).enumerate() {
        if pixel % 8 == 7 || pixel / 8 % 8 == 7 {
            channels.fill(f32::INFINITY);
        }
    }
    let [Output::Floats(wanted)] = &run_twin::<f32>(&launch)[..] else {
        panic!("one output");
    };
    for checked in [true, false] {
        let [Output::Floats(sums)] = &run_gpu(gpu(checked), &launch)[..] else {
            panic!("one output");
        };
        for (index, (sum, wanted)) in sums.iter().zip(wanted).enumerate() {
            // The twin multiplies by the zeros of the dense gradient.
            assert!(sum.is_finite(), "element {index}");
            assert!(
                wanted.is_nan() || sum == wanted,
                "element {index}: {sum} instead of {wanted}"
            );
        }
    }
}

#[test]
fn it_serves_where_it_can() {
    let square = |kernel, stride| conv([3, 12, 12], 8, [kernel, kernel], stride);
    for kernel in 1..=5 {
        assert!(backward::serves(&square(kernel, 1), &SOFTWARE));
        assert!(!backward::serves(&square(kernel, 2), &SOFTWARE));
        for target in [ALONE, GPU] {
            assert!(!backward::serves(&square(kernel, 1), &target));
        }
    }
    assert!(!backward::serves(&square(6, 1), &SOFTWARE));
    assert!(!backward::serves(&conv([3, 9, 9], 8, [3, 2], 1), &SOFTWARE));
}

/// The pooling picks the same pixels at all points of the differences: sums lie further apart than
/// the steps move them. Sums near the rectifier's kink do as well.
#[test]
fn it_is_the_derivative_of_the_forward() {
    for (shape, activation) in [
        (conv([3, 6, 7], 5, [2, 2], 1), Activation::Relu),
        (conv([2, 7, 6], 3, [3, 3], 1), Activation::Relu),
        (conv([1, 8, 8], 2, [4, 4], 1), Activation::Linear),
    ] {
        let channels = shape.input.channels;
        let output = pooled(&shape);
        let mut random = Random::new(22);
        let taps = shape.kernel_height * shape.kernel_width;
        let input: Vec<f64> = distinct(2 * shape.input.padded_elements());
        let padding = |(at, value): (usize, &f64)| if at % 4 < channels { *value } else { 0.0 };
        let input: Vec<f64> = input.iter().enumerate().map(padding).collect();
        let weight = wide(&Numbers::Floats.weight(&mut random, taps, channels, output.channels));
        let weights =
            wide(&Numbers::Floats.rows(&mut random, 2 * output.pixels(), output.channels));
        let at = bias_at(weight.len());
        // Weight and bias as they lie in memory, with what pads the weight.
        let mut parameters = weight;
        parameters.resize(at, 0.0);
        parameters.extend(wide(&Numbers::Floats.rows(&mut random, 1, output.channels)));

        let call = forward::call(&shape, activation, &SOFTWARE);
        let run = |parameters: &[f64]| {
            let (weight, bias) = parameters.split_at(at);
            let mut maxima = vec![0.0; weights.len()];
            let mut argmax = vec![0; weights.len()];
            let (step, params) = (batch(2), call.params());
            reference::conv2d_max_pool2d_forward::run(
                params,
                &step,
                &input,
                weight,
                bias,
                &mut maxima,
                &mut argmax,
            );
            (maxima, argmax)
        };
        let (maxima, argmax) = run(&parameters);
        let mut splits = vec![0.0; backward::splits(2, &shape) * parameters.len()];
        reference::conv2d_max_pool2d_backward_weight::run(
            backward::call(2, &shape, activation).params(),
            &batch(2),
            &input,
            &weights,
            &maxima,
            &argmax,
            &mut splits,
        );
        let mut gradient = vec![0.0; parameters.len()];
        for split in splits.chunks(gradient.len()) {
            for (sum, part) in gradient.iter_mut().zip(split) {
                *sum += part;
            }
        }
        let loss = |parameters: &[f64]| weighted_sum(&run(parameters).0, &weights);
        assert_gradient(&parameters, &gradient, loss, &format!("{shape:?}"));
    }
}
