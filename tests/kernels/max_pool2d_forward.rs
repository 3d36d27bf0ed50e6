use gpu_train::ops::pool::max_pool2d_forward;
use gpu_train::ops::pool::max_pool2d_forward::{launch, pool_of};

use crate::harness::{Output, assert_cases, gpu, run_gpu, run_twin};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&max_pool2d_forward::KERNEL);
}

#[test]
fn the_first_of_equals_is_picked() {
    let shape = pool_of(1, 4, 4, 2);
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
    let launch = launch(&pool_of(1, 4, 4, 2), 1, input);
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
