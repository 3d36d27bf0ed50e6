use std::collections::BTreeSet;

use gpu_train::activation::Activation;
use gpu_train::kernels::conv2d_max_pool2d_forward;
use gpu_train::kernels::tile::POOL_TILES;
use gpu_train::shape::ConvShape;
use gpu_train::target::Target;
use gpu_train::verify::cases::conv2d_max_pool2d_forward::launch;

use crate::harness::{
    Argument, Launch, Output, Tolerance, assert_cases, assert_twin, gpu, run_gpu, run_twin,
};
use crate::products::{
    ALONE, FAMILIES, Numbers, SOFTWARE, WIDTHS, conv, sliding_convs, workgroup_tiles,
};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&conv2d_max_pool2d_forward::KERNEL);
}

/// Convolutions whose outputs are odd, even and barely large enough to pool.
fn convs() -> [ConvShape; 7] {
    [
        conv([1, 2, 2], 1, [1, 1], 1),
        conv([3, 7, 9], 5, [3, 3], 1),
        conv([3, 8, 6], 16, [3, 3], 1),
        conv([5, 9, 9], 7, [2, 3], 2),
        conv([33, 5, 6], 33, [2, 1], 1),
        conv([4, 11, 13], 9, [4, 5], 3),
        conv([7, 6, 5], 20, [3, 2], 1),
    ]
}

/// Where no sum is positive, rectified maxima tie at zero and every argmax is right: their gradient
/// is zero.
fn assert_argmax(launch: &Launch) {
    let expected = run_twin::<f32>(launch);
    for checked in [true, false] {
        let outputs = run_gpu(gpu(checked), launch);
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
            plain.call = conv2d_max_pool2d_forward::call(&shape, Activation::Linear, &SOFTWARE);
            assert_twin(&plain, Tolerance::Exact);
        }
    }
}

#[test]
fn every_tile_gives_the_same_maxima() {
    for target in FAMILIES {
        for width in WIDTHS {
            let shape = conv([5, 6, 7], width, [3, 2], 1);
            let mut launch = launch(Numbers::Integers, (7, 7), &shape);
            launch.call = conv2d_max_pool2d_forward::call(&shape, Activation::Linear, &target);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

#[test]
fn every_sliding_tile_serves_some_shape() {
    let mut variants = BTreeSet::new();
    for target in [SOFTWARE, ALONE] {
        for shape in sliding_convs(5, [2, 5, 9]) {
            variants.insert(
                conv2d_max_pool2d_forward::call(&shape, Activation::Linear, &target).variant,
            );
        }
    }
    let sliding = conv2d_max_pool2d_forward::KERNEL.variants.iter();
    let sliding = sliding.filter(|variant| variant.iter().any(|value| value.0 == "TAPS"));
    assert_eq!(variants.len(), sliding.count());
}

/// A NaN among the sums stays, as in PyTorch.
#[test]
fn nan_is_kept() {
    for target in FAMILIES {
        assert_nan_is_kept(&target);
    }
}

fn assert_nan_is_kept(target: &Target) {
    let shape = conv([3, 8, 6], 16, [3, 3], 1);
    let mut launch = launch(Numbers::Integers, (2, 2), &shape);
    launch.call = conv2d_max_pool2d_forward::call(&shape, Activation::Linear, target);
    if let Argument::Floats(input) = &mut launch.arguments[0] {
        input[40] = f32::NAN;
    }
    let [Output::Floats(wanted), Output::Words(right)] = &run_twin::<f32>(&launch)[..] else {
        panic!("two outputs");
    };
    assert!(wanted.iter().any(|value| value.is_nan()));
    let [Output::Floats(values), Output::Words(places)] = &run_gpu(gpu(false), &launch)[..] else {
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

#[test]
fn tiles_in_workgroup_memory_have_the_same_maxima_on_any_shape() {
    for tile in workgroup_tiles(&POOL_TILES) {
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
