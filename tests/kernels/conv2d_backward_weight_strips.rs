use gpu_train::ops::conv2d::conv2d_backward_weight_strips::{STRIPS, launch, shapes};
use gpu_train::ops::conv2d::{conv2d_backward_weight, conv2d_backward_weight_strips};

use crate::harness::{Launch, Output, Tolerance, assert_cases, assert_twin, run_twin};
use crate::products::{Numbers, PORTABLE, conv, odd_convs};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&conv2d_backward_weight_strips::KERNEL);
}

/// With splits past the batch, and rows past it, which are NaN.
#[test]
fn every_way_to_walk_sums_any_shape_it_serves() {
    for strips in &STRIPS {
        let odd = odd_convs().into_iter().filter(|it| strips.serves(it));
        for shape in odd.chain(shapes(strips)) {
            for samples in [(1, 1), (5, 33), (33, 33)] {
                let launch = launch(Numbers::Integers, samples, &shape, strips);
                assert_twin(&launch, Tolerance::Exact);
            }
        }
    }
}

/// The sizes that are trained, where a thread walks many strips and a workgroup has many walkers.
#[test]
fn sums_of_large_images_are_close() {
    let large = [
        conv([3, 32, 32], 16, [3, 3], 1),
        conv([16, 15, 15], 32, [3, 3], 1),
        conv([3, 32, 32], 41, [28, 28], 1),
        conv([3, 32, 32], 16, [3, 3], 1).padded_by(1),
        conv([16, 16, 16], 32, [3, 3], 1).padded_by(1),
    ];
    for shape in &large {
        let (strips, is_better) = conv2d_backward_weight_strips::choices(shape);
        assert!(is_better, "{shape:?}");
        let terms = 17 * shape.output().expect("the window fits").pixels();
        for strips in &strips {
            let launch = launch(Numbers::Floats, (17, 19), shape, strips);
            assert_twin(&launch, Tolerance::Sum { terms });
        }
    }
}

#[test]
fn a_layer_without_a_bias_gets_zeros_for_it() {
    for strips in &STRIPS {
        let plain = launch(Numbers::Integers, (3, 3), &shapes(strips)[1], strips);
        let call = plain.call.clone().without_bias();
        assert_twin(&Launch { call, ..plain }, Tolerance::Exact);
    }
}

/// Added up, the partial sums are those of tiles: the twins share no more than what one pixel adds.
#[test]
fn all_splits_together_are_those_of_tiles() {
    let all = (5, 7);
    for strips in &STRIPS {
        for shape in shapes(strips) {
            let of_strips = launch(Numbers::Integers, all, &shape, strips);
            let tiles = conv2d_backward_weight::call(all.1, &shape, &PORTABLE);
            let of_tiles = conv2d_backward_weight::launch_of(tiles, Numbers::Integers, all, &shape);
            assert_eq!(total(&of_strips), total(&of_tiles), "{shape:?}");
        }
    }
}

/// The sum of the partial sums.
fn total(launch: &Launch) -> Vec<f64> {
    let outputs = run_twin::<f64>(launch);
    let [Output::Floats(partials)] = &outputs[..] else {
        panic!("one output of floats");
    };
    let len = partials.len() / launch.call.splits();
    let sum = |at: usize| partials[at..].iter().step_by(len).sum();
    (0..len).map(sum).collect()
}
