use gpu_train::activation::Activation;
use gpu_train::ops::conv2d::conv2d_max_pool2d_forward_direct;
use gpu_train::ops::conv2d::conv2d_max_pool2d_forward_direct::{DIRECT, launch, shapes};

use crate::conv2d_max_pool2d_forward::{assert_argmax, assert_nan_is_kept, convs};
use crate::harness::{Tolerance, assert_cases, assert_twin};
use crate::products::{Numbers, conv};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&conv2d_max_pool2d_forward_direct::KERNEL);
}

/// Sums of integers are exact, so values must be the twin's to the bit, and ties in the same place.
#[test]
fn integers_are_exact_and_ties_go_to_the_first() {
    for direct in &DIRECT {
        let others = convs().into_iter().filter(|it| direct.serves(it));
        for shape in others.chain(shapes(direct)) {
            for samples in [(1, 1), (5, 7)] {
                let of =
                    |activation| launch(Numbers::Integers, samples, &shape, activation, direct);
                assert_twin(&of(Activation::Linear), Tolerance::Exact);
                assert_argmax(&of(Activation::Relu));
            }
        }
    }
}

/// The sizes that are trained.
#[test]
fn large_images_are_exact() {
    for shape in [
        conv([3, 32, 32], 16, [3, 3], 1),
        conv([16, 15, 15], 32, [3, 3], 1),
        conv([3, 32, 32], 16, [3, 3], 1).padded_by(1),
        conv([16, 16, 16], 32, [3, 3], 1).padded_by(1),
    ] {
        let (direct, is_better) = conv2d_max_pool2d_forward_direct::choices(&shape);
        assert!(is_better, "{shape:?}");
        for direct in &direct {
            let launch = launch(Numbers::Integers, (3, 4), &shape, Activation::Relu, direct);
            assert_argmax(&launch);
        }
    }
}

/// A NaN among the sums stays, as in PyTorch.
#[test]
fn nan_is_kept() {
    for direct in &DIRECT {
        let [.., shape] = shapes(direct);
        let linear = Activation::Linear;
        assert_nan_is_kept(launch(Numbers::Integers, (2, 2), &shape, linear, direct));
    }
}
