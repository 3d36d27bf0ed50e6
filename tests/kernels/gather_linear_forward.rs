use std::collections::BTreeSet;

use gpu_train::activation::Activation;
use gpu_train::kernels::gather::ResidentLayout;
use gpu_train::kernels::{Step, gather, gather_linear_forward, linear_forward};
use gpu_train::shape::ImageShape;

use crate::gather::images;
use crate::harness::{
    Argument, Launch, Output, Random, Tolerance, assert_twin, batch, gpu, run_gpu,
};
use crate::products::{ACTIVATIONS, Numbers, SOFTWARE};

/// 7 images of `inputs` bytes, `per_part` to a part, and a batch with images out of every part.
fn launch(
    [inputs, outputs]: [usize; 2],
    per_part: usize,
    samples: usize,
    activation: Activation,
) -> Launch {
    let mut random = Random::new(31);
    let layout = ResidentLayout {
        count: 7,
        image_words: gather::image_words(inputs),
        images_per_part: per_part,
    };
    assert!(gather_linear_forward::serves(&layout, inputs, &SOFTWARE));
    let mut arguments = images(&mut random, &layout, inputs);
    let order = (0..3 + samples).map(|_| random.bits() % 7);
    arguments.push(Argument::Words(order.collect()));
    let weight = Numbers::Integers.weight(&mut random, 1, inputs, outputs);
    arguments.extend([
        Argument::Floats(weight),
        Argument::Floats(Numbers::Integers.rows(&mut random, 1, outputs)),
        Argument::Poisoned((samples + 2) * outputs.next_multiple_of(4)),
    ]);
    Launch {
        call: gather_linear_forward::call(&layout, inputs, outputs, activation),
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
        for activation in ACTIVATIONS {
            for samples in [1, 7, 65] {
                let launch = launch(shape, 7, samples, activation);
                let terms = shape[0] + 1;
                assert_twin(&launch, Tolerance::Sum { terms });
            }
        }
    }
}

#[test]
fn every_tile_reads_every_part() {
    let mut variants = BTreeSet::new();
    for per_part in [2, 3, 4, 7] {
        for outputs in [3, 7, 13, 31] {
            let launch = launch([21, outputs], per_part, 9, Activation::Relu);
            variants.insert(launch.call.variant);
            assert_twin(&launch, Tolerance::Sum { terms: 22 });
        }
    }
    assert_eq!(variants.len(), gather_linear_forward::KERNEL.variants.len());
}

/// Bit for bit what gather and `linear_forward` give in turn.
#[test]
fn fused_is_unfused() {
    let (inputs, outputs, samples) = (75, 33, 9);
    let fused = launch([inputs, outputs], 3, samples, Activation::Tanh);
    let mut first = Launch {
        call: gather::call(ImageShape::vector(inputs), 7, 3),
        step: fused.step,
        arguments: fused.arguments[..5].to_vec(),
    };
    first.arguments.push(Argument::Poisoned((samples + 2) * 76));
    for checked in [true, false] {
        let gathered = run_gpu(gpu(checked), &first);
        let Output::Floats(vectors) = &gathered[0] else {
            panic!("images become floats");
        };
        let mut arguments = vec![Argument::Floats(
            vectors.iter().map(|&element| element as f32).collect(),
        )];
        arguments.extend_from_slice(&fused.arguments[5..]);
        let second = Launch {
            call: linear_forward::call(1, inputs, outputs, Activation::Tanh, &SOFTWARE),
            step: fused.step,
            arguments,
        };
        let [Output::Floats(wanted)] = &run_gpu(gpu(checked), &second)[..] else {
            panic!("one output");
        };
        let [Output::Floats(got)] = &run_gpu(gpu(checked), &fused)[..] else {
            panic!("one output");
        };
        let bits = |values: &[f64]| values.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(got), bits(wanted));
    }
}
