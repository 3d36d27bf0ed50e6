use gpu_train::kernels::adaptive_max_pool2d_forward;
use gpu_train::shape::ImageShape;

use crate::harness::{
    Argument, Launch, Output, Random, Tolerance, assert_twin, batch, gpu, run_gpu, run_twin,
    zero_padding,
};

fn launch(input: ImageShape, cells: usize, samples: usize, values: Vec<f32>) -> Launch {
    let values = zero_padding(values, input.channels, input.padded_channels());
    let len = samples * cells * cells * input.padded_channels();
    Launch {
        call: adaptive_max_pool2d_forward::call(input, cells),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(values),
            Argument::Poisoned(len),
            Argument::Poisoned(len),
        ],
    }
}

/// Sides from one pixel, which every cell repeats, over those that 4 does not divide.
#[test]
fn odd_sizes_match_the_twin() {
    for (height, width) in [(1, 1), (2, 3), (4, 4), (5, 7), (6, 13), (32, 9), (1, 33)] {
        for (channels, cells, samples) in [(1, 4, 1), (7, 4, 3), (33, 4, 2), (5, 3, 2)] {
            let shape = ImageShape::new(channels, height, width);
            let len = samples * shape.padded_elements();
            let mut random = Random::new(5);
            for values in [random.floats(len), random.integers(len)] {
                assert_twin(&launch(shape, cells, samples, values), Tolerance::Exact);
            }
        }
    }
}

#[test]
fn batches_of_all_sizes_match_the_twin() {
    for samples in [1, 7, 33, 255, 257] {
        let shape = ImageShape::new(3, 3, 5);
        let values = Random::new(6).floats(samples * shape.padded_elements());
        let mut launch = launch(shape, 4, samples, values);
        assert_twin(&launch, Tolerance::Exact);
        launch.step.batch -= 1;
        assert_twin(&launch, Tolerance::Exact);
    }
}

/// As in `torch.nn.functional.adaptive_max_pool2d(x, 3, return_indices=True)`, which gives
/// `[[nan, nan, 5], [nan, nan, 5], [7, 7, -inf]]` and `[[5, 5, 6], [5, 5, 6], [8, 9, 10]]`.
#[test]
fn ties_and_nan_are_pytorchs() {
    const NAN: f32 = f32::NAN;
    const LOW: f32 = f32::NEG_INFINITY;
    let plane = [
        [1.0, NAN, 2.0, 3.0],
        [4.0, NAN, 5.0, 1.0],
        [7.0, 7.0, LOW, LOW],
        [7.0, 7.0, LOW, LOW],
    ];
    let pixels = plane.iter().flatten();
    let values = pixels.flat_map(|&x| [x, 0.0, 0.0, 0.0]).collect();
    let launch = launch(ImageShape::new(1, 4, 4), 3, 1, values);
    let outputs = [
        run_gpu(gpu(true), &launch),
        run_gpu(gpu(false), &launch),
        run_twin::<f32>(&launch),
    ];
    for output in outputs {
        let [Output::Floats(maxima), Output::Words(argmax)] = &output[..] else {
            panic!("maxima are floats, argmax is words");
        };
        let maxima: Vec<f64> = maxima.iter().step_by(4).copied().collect();
        assert!([0, 1, 3, 4].iter().all(|&cell| maxima[cell].is_nan()));
        assert_eq!([maxima[2], maxima[5], maxima[6]], [5.0, 5.0, 7.0]);
        assert_eq!([maxima[7], maxima[8]], [7.0, f64::NEG_INFINITY]);
        let argmax: Vec<u32> = argmax.iter().step_by(4).copied().collect();
        assert_eq!(argmax, [5, 5, 6, 5, 5, 6, 8, 9, 10]);
    }
}
