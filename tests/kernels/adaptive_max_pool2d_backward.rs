use gpu_train::kernels::{adaptive_max_pool2d_backward, adaptive_max_pool2d_forward};
use gpu_train::reference;
use gpu_train::shape::ImageShape;

use crate::harness::{
    Argument, Launch, Random, Tolerance, assert_gradient, assert_twin, batch, distinct,
};

/// What the forward twin picks in `input`, and its maxima.
fn forward(shape: ImageShape, cells: usize, samples: usize, input: &[f64]) -> (Vec<f64>, Vec<u32>) {
    let mut maxima = vec![0.0; samples * cells * cells * shape.padded_channels()];
    let mut argmax = vec![0; maxima.len()];
    let call = adaptive_max_pool2d_forward::call(shape, cells);
    let params = call.params();
    reference::adaptive_max_pool2d_forward::run(
        params,
        &batch(samples),
        input,
        &mut maxima,
        &mut argmax,
    );
    (maxima, argmax)
}

/// Gradients are whole numbers, so that sums over overlapping cells are exact.
fn launch(shape: ImageShape, cells: usize, samples: usize) -> Launch {
    let mut random = Random::new(9);
    let len = samples * shape.padded_elements();
    let input: Vec<f64> = random.integers(len).into_iter().map(f64::from).collect();
    let (maxima, argmax) = forward(shape, cells, samples, &input);
    Launch {
        call: adaptive_max_pool2d_backward::call(shape, cells),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(random.integers(maxima.len())),
            Argument::Words(argmax),
            Argument::Poisoned(len),
        ],
    }
}

#[test]
fn odd_sizes_match_the_twin() {
    for (height, width) in [(1, 1), (2, 3), (4, 4), (5, 7), (6, 13), (32, 9), (1, 33)] {
        for (channels, cells, samples) in [(1, 4, 1), (7, 4, 3), (33, 4, 2), (5, 3, 2), (1, 4, 257)]
        {
            let shape = ImageShape::new(channels, height, width);
            let mut launch = launch(shape, cells, samples);
            assert_twin(&launch, Tolerance::Exact);
            launch.step.batch = launch.step.batch.div_ceil(2);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

/// All values differ by more than the step of the differences: at a tie the maximum has a kink.
#[test]
fn the_gradient_is_the_derivative() {
    for (height, width) in [(1, 1), (2, 3), (4, 5), (7, 6)] {
        let shape = ImageShape::new(4, height, width);
        let input = distinct(2 * shape.padded_elements());
        let (maxima, argmax) = forward(shape, 4, 2, &input);
        let weights: Vec<f64> = (0..maxima.len()).map(|i| (i % 7) as f64 - 3.0).collect();
        let mut gradient = vec![0.0; input.len()];
        reference::adaptive_max_pool2d_backward::run(
            adaptive_max_pool2d_backward::call(shape, 4).params(),
            &batch(2),
            &weights,
            &argmax,
            &mut gradient,
        );
        let loss = |input: &[f64]| {
            let maxima = forward(shape, 4, 2, input).0;
            maxima.iter().zip(&weights).map(|(y, w)| y * w).sum()
        };
        assert_gradient(&input, &gradient, loss, "adaptive_max_pool2d_backward");
    }
}
