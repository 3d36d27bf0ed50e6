use std::collections::BTreeSet;

use gpu_train::activation::Activation;
use gpu_train::kernel_limits::bias_at;
use gpu_train::kernels::gather::ResidentLayout;
use gpu_train::kernels::{
    Step, gather, gather_linear_backward_weight as backward, gather_linear_forward as forward,
};
use gpu_train::reference;
use gpu_train::shape::padded;

use crate::gather::images;
use crate::harness::{
    Argument, Launch, Random, Tolerance, assert_gradient, assert_twin, batch, with_stale_rows,
};
use crate::products::{Numbers, weighted_sum, wide};

fn layout(inputs: usize, images_per_part: usize) -> ResidentLayout {
    ResidentLayout {
        count: 7,
        image_words: gather::image_words(inputs),
        images_per_part,
    }
}

/// A batch of `samples` out of 7 images, `per_part` to a part, for a call made for `capacity`; what
/// lies between is NaN.
fn launch(
    [inputs, outputs]: [usize; 2],
    per_part: usize,
    (samples, capacity): (usize, usize),
) -> Launch {
    let mut random = Random::new(32);
    let layout = layout(inputs, per_part);
    let mut arguments = images(&mut random, &layout, inputs);
    let order = (0..3 + capacity).map(|_| random.bits() % 7);
    arguments.push(Argument::Words(order.collect()));
    let grads = Numbers::Floats.rows(&mut random, samples, outputs);
    let splits = backward::splits(capacity, &layout, inputs, outputs);
    let part = bias_at(padded(inputs) * padded(outputs)) + padded(outputs);
    arguments.extend([
        Argument::Floats(with_stale_rows(grads, capacity * padded(outputs))),
        Argument::Poisoned(splits * part),
    ]);
    Launch {
        call: backward::call(capacity, &layout, inputs, outputs),
        step: Step {
            batch_start: 3,
            ..batch(samples)
        },
        arguments,
    }
}

#[test]
fn odd_sizes_are_close_to_the_twin() {
    for shape in [[1, 1], [7, 9], [33, 17], [75, 33], [257, 5]] {
        for samples in [(1, 1), (7, 9), (33, 65), (1100, 1100)] {
            let terms = samples.0;
            assert_twin(&launch(shape, 7, samples), Tolerance::Sum { terms });
        }
    }
}

#[test]
fn every_tile_reads_every_part() {
    let mut variants = BTreeSet::new();
    for per_part in [2, 3, 4, 7] {
        for [inputs, outputs] in [[21, 3], [21, 7], [21, 13], [21, 31], [255, 31]] {
            let launch = launch([inputs, outputs], per_part, (9, 11));
            variants.insert(launch.call.variant);
            assert_twin(&launch, Tolerance::Sum { terms: 9 });
        }
    }
    assert_eq!(variants.len(), backward::KERNEL.variants.len());
}

#[test]
fn it_is_the_derivative_of_the_forward() {
    let (inputs, outputs, samples) = (7, 5, 3);
    let mut random = Random::new(33);
    let layout = layout(inputs, 7);
    let arguments = images(&mut random, &layout, inputs);
    let Argument::Words(words) = &arguments[0] else {
        panic!("images are words");
    };
    let order = [4, 0, 6];
    let weight = wide(&Numbers::Floats.weight(&mut random, 1, inputs, outputs));
    let grads = wide(&Numbers::Floats.rows(&mut random, samples, outputs));
    let step = batch(samples);
    let call = backward::call(samples, &layout, inputs, outputs);
    let mut partials = vec![0.0; bias_at(weight.len()) + padded(outputs)];
    let none: &[u32] = &[];
    reference::gather_linear_backward_weight::run(
        call.params(),
        &step,
        words,
        none,
        none,
        none,
        &order,
        &grads,
        &mut partials,
    );
    let call = forward::call(&layout, inputs, outputs, Activation::Linear);
    let loss = |weight: &[f64]| {
        let mut output = vec![0.0; grads.len()];
        let bias = vec![0.0; padded(outputs)];
        reference::gather_linear_forward::run(
            call.params(),
            &step,
            words,
            none,
            none,
            none,
            &order,
            weight,
            &bias,
            &mut output,
        );
        weighted_sum(&output, &grads)
    };
    assert_gradient(&weight, &partials[..weight.len()], loss, "the weight");
}
