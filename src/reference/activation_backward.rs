//! Twin of `shaders/activation_backward.wgsl`.

use super::{Real, twin};
use crate::activation::Activation;
use crate::kernels::Step;
use crate::kernels::activation_backward::Params;

twin!(output: real, grad_output: real, grad_input: real_mut);

/// The derivative of the activation where its output is `y`; 0 at the kink of relu, as in PyTorch.
pub fn slope<T: Real>(activation: Activation, y: T) -> T {
    let one = T::one();
    match activation {
        Activation::Linear => one,
        Activation::Relu if y > T::zero() => one,
        Activation::Relu => T::zero(),
        Activation::Sigmoid => y * (one - y),
        Activation::Tanh => one - y * y,
    }
}

/// `grad_input` = `grad_output` * activation'(input); all (batch, elements), padding included.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    output: &[T],
    grad_output: &[T],
    grad_input: &mut [T],
) {
    let activation = Activation::from_number(params.activation);
    for index in 0..(step.batch * params.quads * 4) as usize {
        grad_input[index] = grad_output[index] * slope(activation, output[index]);
    }
}
