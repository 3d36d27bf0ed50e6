use gpu_train::ops::pool::adaptive_max_pool2d_forward;
use gpu_train::ops::pool::adaptive_max_pool2d_forward::launch;
use gpu_train::shape::ImageShape;

use crate::harness::{Output, assert_cases, gpu, run_gpu, run_twin};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&adaptive_max_pool2d_forward::KERNEL);
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
