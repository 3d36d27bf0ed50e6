use gpu_train::activation::Activation;
use gpu_train::kernels::{gather, gather_linear_forward, linear_forward};
use gpu_train::shape::ImageShape;
use gpu_train::verify::cases::gather_linear_forward::launch;

use crate::harness::{Argument, Launch, Output, assert_cases, gpu, run_gpu};
use crate::products::SOFTWARE;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&gather_linear_forward::KERNEL);
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
