use gpu_train::activation::Activation;
use gpu_train::kernels::{max_pool2d_backward, max_pool2d_forward};
use gpu_train::reference;
use gpu_train::shape::{ImageShape, PoolShape};

use crate::harness::{
    Argument, Launch, Random, Tolerance, assert_gradient, assert_twin, batch, distinct,
};

const fn pool(channels: usize, height: usize, width: usize, window: usize) -> PoolShape {
    PoolShape {
        input: ImageShape::new(channels, height, width),
        window,
    }
}

/// What the forward twin picks in `input`, and its maxima.
fn forward(shape: &PoolShape, samples: usize, input: &[f64]) -> (Vec<f64>, Vec<u32>) {
    let output = shape.output().expect("the window fits");
    let mut maxima = vec![0.0; samples * output.padded_elements()];
    let mut argmax = vec![0; maxima.len()];
    let call = max_pool2d_forward::call(shape);
    let params = call.params();
    reference::max_pool2d_forward::run(params, &batch(samples), input, &mut maxima, &mut argmax);
    (maxima, argmax)
}

fn launch(shape: &PoolShape, samples: usize, activation: Activation) -> Launch {
    let mut random = Random::new(9);
    let len = samples * shape.input.padded_elements();
    let input: Vec<f64> = random.integers(len).into_iter().map(f64::from).collect();
    let (maxima, argmax) = forward(shape, samples, &input);
    Launch {
        call: max_pool2d_backward::call(shape, activation),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(random.integers(maxima.len())),
            Argument::Floats(maxima.iter().map(|&y| y as f32).collect()),
            Argument::Words(argmax),
            Argument::Poisoned(len),
        ],
    }
}

#[test]
fn odd_sizes_match_the_twin() {
    for (shape, samples) in [
        (pool(1, 2, 2, 2), 1),
        (pool(7, 33, 5, 2), 3),
        (pool(33, 7, 8, 2), 5),
        (pool(4, 15, 15, 2), 7),
        (pool(5, 9, 11, 3), 2),
        (pool(3, 8, 11, 4), 2),
        (pool(2, 6, 5, 1), 2),
        (pool(1, 2, 3, 2), 257),
    ] {
        for activation in [Activation::Linear, Activation::Relu, Activation::Tanh] {
            // All values are whole numbers, and so are the slopes of all three.
            let mut launch = launch(&shape, samples, activation);
            assert_twin(&launch, Tolerance::Exact);
            launch.step.batch = launch.step.batch.div_ceil(2);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

/// All values differ by more than the step of the differences: at a tie the maximum has a kink.
#[test]
fn the_gradient_is_the_derivative() {
    for shape in [pool(4, 5, 6, 2), pool(4, 5, 7, 3)] {
        let input = distinct(2 * shape.input.padded_elements());
        let (maxima, argmax) = forward(&shape, 2, &input);
        let weights: Vec<f64> = (0..maxima.len()).map(|i| (i % 7) as f64 - 3.0).collect();
        let mut gradient = vec![0.0; input.len()];
        reference::max_pool2d_backward::run(
            max_pool2d_backward::call(&shape, Activation::Linear).params(),
            &batch(2),
            &weights,
            &maxima,
            &argmax,
            &mut gradient,
        );
        let loss = |input: &[f64]| {
            let maxima = forward(&shape, 2, input).0;
            maxima.iter().zip(&weights).map(|(y, w)| y * w).sum()
        };
        assert_gradient(&input, &gradient, loss, "max_pool2d_backward");
    }
}
