use gpu_train::activation::Activation;
use gpu_train::kernel::tile::POOL_TILES;
use gpu_train::ops::conv2d::conv2d_max_pool2d_forward;
use gpu_train::ops::conv2d::conv2d_max_pool2d_forward::launch;
use gpu_train::shape::ConvShape;

use crate::harness::{
    Argument, Launch, Output, Tolerance, assert_cases, assert_twin, gpu, run_cpu, run_gpu, run_twin,
};
use crate::products::{Numbers, PORTABLE, conv};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&conv2d_max_pool2d_forward::KERNEL);
}

/// Convolutions whose outputs are odd, even and barely large enough to pool; padded ones.
pub fn convs() -> [ConvShape; 9] {
    [
        conv([1, 2, 2], 1, [1, 1], 1),
        conv([3, 7, 9], 5, [3, 3], 1),
        conv([3, 8, 6], 16, [3, 3], 1),
        conv([5, 9, 9], 7, [2, 3], 2),
        conv([33, 5, 6], 33, [2, 1], 1),
        conv([4, 11, 13], 9, [4, 5], 3),
        conv([7, 6, 5], 20, [3, 2], 1),
        conv([3, 7, 9], 5, [3, 3], 1).padded_by(1),
        conv([5, 4, 6], 9, [3, 2], 2).padded_by(2),
    ]
}

/// Where no sum is positive, rectified maxima tie at zero and every argmax is right: their gradient
/// is zero.
pub fn assert_argmax(launch: &Launch) {
    let expected = run_twin::<f32>(launch);
    let on_gpu = [true, false].map(|checked| run_gpu(gpu(checked), launch));
    for outputs in on_gpu.into_iter().chain([run_cpu(launch)]) {
        let [Output::Floats(values), Output::Words(places)] = &outputs[..] else {
            panic!("two outputs");
        };
        let [Output::Floats(wanted), Output::Words(right)] = &expected[..] else {
            panic!("two outputs");
        };
        for index in 0..values.len() {
            assert_eq!(
                values[index].to_bits(),
                wanted[index].to_bits(),
                "element {index}"
            );
            let dead = values[index] == 0.0;
            assert!(dead || places[index] == right[index], "argmax {index}");
        }
    }
}

/// Sums of integers are exact, so values must be the twin's to the bit, and ties in the same place.
#[test]
fn integers_are_exact_and_ties_go_to_the_first() {
    for shape in convs() {
        for samples in [(1, 1), (5, 7)] {
            assert_argmax(&launch(Numbers::Integers, samples, &shape));
            let mut plain = launch(Numbers::Integers, samples, &shape);
            plain.call = conv2d_max_pool2d_forward::call(&shape, Activation::Linear, &PORTABLE);
            assert_twin(&plain, Tolerance::Exact);
        }
    }
}

/// A NaN among the sums stays, as in PyTorch.
#[test]
fn nan_is_kept() {
    let shape = conv([3, 8, 6], 16, [3, 3], 1);
    let mut launch = launch(Numbers::Integers, (2, 2), &shape);
    launch.call = conv2d_max_pool2d_forward::call(&shape, Activation::Linear, &PORTABLE);
    assert_nan_is_kept(launch);
}

pub fn assert_nan_is_kept(mut launch: Launch) {
    if let Argument::Floats(input) = &mut launch.arguments[0] {
        input[40] = f32::NAN;
    }
    let [Output::Floats(wanted), Output::Words(right)] = &run_twin::<f32>(&launch)[..] else {
        panic!("two outputs");
    };
    assert!(wanted.iter().any(|value| value.is_nan()));
    for outputs in [run_gpu(gpu(false), &launch), run_cpu(&launch)] {
        let [Output::Floats(values), Output::Words(places)] = &outputs[..] else {
            panic!("two outputs");
        };
        for index in 0..values.len() {
            assert_eq!(
                values[index].is_nan(),
                wanted[index].is_nan(),
                "element {index}"
            );
        }
        assert_eq!(places, right);
    }
}

#[test]
fn every_tile_has_the_same_maxima_on_any_shape() {
    for tile in &POOL_TILES {
        // The last makes several tiles of every height.
        for shape in convs().into_iter().chain([conv([3, 21, 20], 7, [3, 2], 1)]) {
            let call = |activation| conv2d_max_pool2d_forward::call_tiled(&shape, activation, tile);
            let mut launch = launch(Numbers::Integers, (5, 7), &shape);
            launch.call = call(Activation::Linear);
            assert_twin(&launch, Tolerance::Exact);
            launch.call = call(Activation::Relu);
            assert_argmax(&launch);
        }
    }
}
