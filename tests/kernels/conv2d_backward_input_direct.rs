use gpu_train::ops::conv2d::conv2d_backward_input::EXACT;
use gpu_train::ops::conv2d::conv2d_backward_input_direct;
use gpu_train::ops::conv2d::conv2d_backward_input_direct::{DIRECT, launch, shapes};

use crate::harness::{Tolerance, assert_cases, assert_twin};
use crate::products::{ACTIVATIONS, Numbers, conv, odd_convs};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&conv2d_backward_input_direct::KERNEL);
}

#[test]
fn sums_of_integers_are_exact() {
    for direct in &DIRECT {
        let odd = odd_convs().into_iter().filter(|it| direct.serves(it));
        for shape in odd.chain(shapes(direct)) {
            for samples in [(1, 1), (5, 17), (33, 33)] {
                for activation in EXACT {
                    let launch = launch(Numbers::Integers, samples, &shape, activation, direct);
                    assert_twin(&launch, Tolerance::Exact);
                }
            }
        }
    }
}

/// The sizes that are trained, too.
#[test]
fn sums_of_floats_are_close() {
    for direct in &DIRECT {
        let large = [
            conv([16, 15, 15], 32, [3, 3], 1),
            conv([16, 32, 32], 16, [3, 3], 1).padded_by(1),
        ];
        for shape in shapes(direct).into_iter().chain(large) {
            let taps = shape.kernel_height * shape.kernel_width;
            let terms = taps * shape.out_channels;
            for activation in ACTIVATIONS {
                let launch = launch(Numbers::Floats, (3, 4), &shape, activation, direct);
                assert_twin(&launch, Tolerance::Sum { terms });
            }
        }
    }
}
