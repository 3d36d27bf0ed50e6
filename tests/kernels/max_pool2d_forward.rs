use gpu_train::kernels::max_pool2d_forward;
use gpu_train::shape::{ImageShape, PoolShape};

use crate::harness::{
    Argument, Launch, Output, Random, Tolerance, assert_twin, batch, gpu, run_gpu, run_twin,
    zero_padding,
};

const fn pool(channels: usize, height: usize, width: usize, window: usize) -> PoolShape {
    PoolShape {
        input: ImageShape::new(channels, height, width),
        window,
    }
}

fn launch(shape: &PoolShape, samples: usize, input: Vec<f32>) -> Launch {
    let output = shape.output().expect("the window fits");
    let input = zero_padding(input, output.channels, output.padded_channels());
    let len = samples * output.padded_elements();
    Launch {
        call: max_pool2d_forward::call(shape),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(input),
            Argument::Poisoned(len),
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
        (pool(2, 6, 5, 1), 33),
        (pool(1, 2, 3, 2), 257),
    ] {
        let len = samples * shape.input.padded_elements();
        let mut random = Random::new(4);
        for input in [random.floats(len), random.integers(len)] {
            assert_twin(&launch(&shape, samples, input), Tolerance::Exact);
        }
    }
}

#[test]
fn a_smaller_batch_leaves_the_rest_alone() {
    let shape = pool(3, 4, 4, 2);
    let mut launch = launch(&shape, 5, Random::new(1).floats(5 * 64));
    launch.step.batch = 2;
    assert_twin(&launch, Tolerance::Exact);
}

#[test]
fn the_first_of_equals_is_picked() {
    let shape = pool(1, 4, 4, 2);
    let Output::Words(argmax) = &run_twin::<f32>(&launch(&shape, 1, vec![0.0; 64]))[1] else {
        panic!("argmax is words");
    };
    let picked: Vec<u32> = argmax.iter().step_by(4).copied().collect();
    assert_eq!(picked, [0, 2, 8, 10]);
}

/// NaN and minus infinity, as in
/// `torch.nn.functional.max_pool2d(x, 2, return_indices=True)`, which gives
/// `[[nan, 5], [7, -inf]]` and `[[5, 6], [8, 10]]`.
#[test]
fn nan_stays_as_in_pytorch() {
    const NAN: f32 = f32::NAN;
    const LOW: f32 = f32::NEG_INFINITY;
    let plane = [
        [1.0, NAN, 2.0, 3.0],
        [4.0, NAN, 5.0, 1.0],
        [7.0, 7.0, LOW, LOW],
        [7.0, 7.0, LOW, LOW],
    ];
    let pixels = plane.iter().flatten();
    let input = pixels.flat_map(|&x| [x, 0.0, 0.0, 0.0]).collect();
    let launch = launch(&pool(1, 4, 4, 2), 1, input);
    let outputs = [
        run_gpu(gpu(true), &launch),
        run_gpu(gpu(false), &launch),
        run_twin::<f32>(&launch),
    ];
    for output in outputs {
        let [Output::Floats(maxima), Output::Words(argmax)] = &output[..] else {
            panic!("maxima are floats, argmax is words");
        };
        assert!(maxima[0].is_nan());
        assert_eq!(
            maxima[4..].iter().step_by(4).copied().collect::<Vec<_>>(),
            [5.0, 7.0, f64::NEG_INFINITY]
        );
        assert_eq!(
            argmax.iter().step_by(4).copied().collect::<Vec<_>>(),
            [5, 6, 8, 10]
        );
    }
}
