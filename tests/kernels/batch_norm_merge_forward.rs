use gpu_train::activation::Activation;
use gpu_train::ops::norm::batch_norm_merge::Parts;
use gpu_train::ops::norm::{batch_norm_merge, batch_norm_merge_forward};
use gpu_train::shape::ImageShape;

use crate::harness::{Argument, Launch, Output, Random, assert_cases, batch, gpu, run_gpu};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&batch_norm_merge_forward::KERNEL);
}

/// The mean of four rows in each of `splits` parts, as `batch_norm_merge` and as the fused kernel leave it. Four times
/// a number is exact, whether it is rounded before it is added or not.
fn means(channels: usize, splits: usize) -> [Vec<f64>; 2] {
    let shape = ImageShape::new(channels, 4, 1);
    let mut random = Random::new(29);
    let mut partials = Vec::new();
    for _ in 0..splits {
        partials.extend(random.floats(channels));
        partials.extend(vec![1.0; channels]);
        partials.extend(vec![4.0; channels]);
    }
    let partials = Argument::Floats(partials);
    let row = || Argument::Floats(vec![0.5; channels]);
    let parts = Parts::of_batch(splits, channels);
    let poisoned = Argument::Poisoned;
    let apart = Launch {
        call: batch_norm_merge::call(shape, parts, 0.1),
        step: batch(splits),
        arguments: vec![
            partials.clone(),
            poisoned(channels),
            poisoned(channels),
            row(),
            row(),
        ],
    };
    let (linear, factors) = (Activation::Linear, [1e-5, 0.1]);
    let len = splits * shape.padded_elements();
    let pair = 64 + channels;
    let fused = Launch {
        call: batch_norm_merge_forward::call(splits, shape, splits, linear, factors),
        step: batch(splits),
        arguments: vec![
            Argument::Floats(random.floats(len)),
            partials,
            Argument::Floats(vec![0.5; pair]),
            poisoned(len),
            poisoned(pair),
            Argument::Floats(vec![0.5; pair]),
        ],
    };
    [(apart, 0), (fused, 1)].map(|(launch, at)| {
        let Output::Floats(floats) = run_gpu(gpu(false), &launch).swap_remove(at) else {
            panic!("means are floats");
        };
        floats[..channels].to_vec()
    })
}

/// One and two parts for a thread. Of four a compiler may add the products in another order, as Mesa's does.
#[test]
fn parts_are_added_in_the_order_of_the_kernel_that_merges_alone() {
    for (channels, splits) in [(16, 60), (16, 128), (32, 64), (64, 16), (64, 29)] {
        let [apart, fused] = means(channels, splits);
        assert_eq!(apart, fused, "{channels} channels, {splits} parts");
    }
}
