//! Twin of `shaders/activation_forward.wgsl`.

use super::{Real, twin};
use crate::activation::Activation;
use crate::kernels::Step;
use crate::kernels::activation_forward::Params;
use crate::shape::padded;

twin!(input: real, output: real_mut);

/// `activation(x)`. Source: <https://docs.pytorch.org/docs/stable/nn.functional.html>.
pub fn activate<T: Real>(activation: Activation, x: T) -> T {
    match activation {
        Activation::Linear => x,
        Activation::Relu => x.max(T::zero()),
        Activation::Sigmoid => T::of(1.0 / (1.0 + (-x.wide()).exp())),
        Activation::Tanh => T::of(x.wide().tanh()),
    }
}

/// output = activation(input); both (batch, pixels, padded channels).
pub fn run<T: Real>(params: &Params, step: &Step, input: &[T], output: &mut [T]) {
    let channels = params.channels as usize;
    let stride = padded(channels);
    let activation = Activation::from_number(params.activation);
    for pixel in 0..(step.batch * params.pixels) as usize {
        for c in 0..stride {
            let index = pixel * stride + c;
            output[index] = if c < channels {
                activate(activation, input[index])
            } else {
                T::zero()
            };
        }
    }
}
