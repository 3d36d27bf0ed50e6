//! Twin of `shaders/linear_forward.wgsl`.

use super::activation_forward::activate;
use super::{Real, twin};
use crate::activation::Activation;
use crate::kernels::Step;
use crate::kernels::linear_forward::Params;
use crate::shape::padded;

twin!(input: real, weight: real, bias: real, output: real_mut);

/// output = activation(input * weight + bias): (rows, `in`) by (`in`, `out`), all padded.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    weight: &[T],
    bias: &[T],
    output: &mut [T],
) {
    let in_features = 4 * params.in_quads as usize;
    let out_features = params.out_channels as usize;
    let out_stride = padded(out_features);
    let activation = Activation::from_number(params.activation);
    for row in 0..(step.batch * params.rows_per_sample) as usize {
        let terms = &input[row * in_features..][..in_features];
        for o in 0..out_stride {
            let weights = weight[o..].iter().step_by(out_stride);
            let products = terms.iter().zip(weights).map(|(x, w)| x.wide() * w.wide());
            let sum = T::of(products.sum::<f64>() + bias[o].wide());
            output[row * out_stride + o] = if o < out_features {
                activate(activation, sum)
            } else {
                T::zero()
            };
        }
    }
}
