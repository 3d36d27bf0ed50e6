//! `activation_forward`, `activation_backward`, and what other kernels do with activations on their way.

use pulp::{Arch, Simd};

use crate::activation::Activation;
use crate::kernel::Call;
use crate::kernel::Slice;
use crate::kernel::native::Part;
use crate::ops::activation::activation_backward;
use crate::ops::activation::activation_backward::slope;
use crate::ops::activation::activation_forward::Params;
use crate::shape::{QUAD, padded};

/// output = activation(input); both (batch, pixels, padded channels).
pub(in crate::ops) fn forward(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, output] = slices else {
        panic!("activation_forward binds two buffers");
    };
    let params: &Params = call.params();
    let channels = params.channels as usize;
    let len = (part.step.batch * params.pixels) as usize * padded(channels);
    let output = &mut output.real_mut()[..len];
    output.copy_from_slice(&input.real()[..len]);
    activate(Activation::from_number(params.activation), output);
    zero_padding(output, channels);
}

/// `grad_input` = `grad_output` * activation'(input); all (batch, elements), padding included.
pub(in crate::ops) fn backward(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [output, grad_output, grad_input] = slices else {
        panic!("activation_backward binds three buffers");
    };
    let params: &activation_backward::Params = call.params();
    let len = (part.step.batch * params.quads) as usize * QUAD;
    let grad_input = &mut grad_input.real_mut()[..len];
    grad_input.copy_from_slice(&grad_output.real()[..len]);
    let activation = Activation::from_number(params.activation);
    take_slopes(activation, output.real(), grad_input);
}

/// Every row of `sums` plus `bias`, through `activation`; what pads `channels` becomes zero.
pub(in crate::ops) fn finish(
    activation: Activation,
    bias: &[f32],
    channels: usize,
    sums: &mut [f32],
) {
    match activation {
        Activation::Linear => add_bias(bias, sums),
        Activation::Relu => rectify(bias, sums),
        Activation::Sigmoid | Activation::Tanh => {
            add_bias(bias, sums);
            activate(activation, sums);
            zero_padding(sums, channels);
        }
    }
}

/// Multiplies each gradient by the slope of the activation that made the output beside it.
pub(in crate::ops) fn take_slopes(activation: Activation, outputs: &[f32], grads: &mut [f32]) {
    match activation {
        Activation::Linear => {}
        Activation::Relu => slopes_of_relu(outputs, grads),
        Activation::Sigmoid => slopes_of_sigmoid(outputs, grads),
        Activation::Tanh => slopes_of_tanh(outputs, grads),
    }
}

/// `activation` of every one of `values`, in place.
pub(in crate::ops) fn activate(activation: Activation, values: &mut [f32]) {
    match activation {
        Activation::Linear => {}
        Activation::Relu => rectify(&[0.0; 4], values),
        Activation::Sigmoid => sigmoids(values),
        Activation::Tanh => tanhs(values),
    }
}

/// Zeroes what pads `channels`: the sigmoid of a padding channel is not 0.
pub(in crate::ops) fn zero_padding(values: &mut [f32], channels: usize) {
    let stride = padded(channels);
    if stride > channels {
        for row in values.chunks_exact_mut(stride) {
            row[channels..].fill(0.0);
        }
    }
}

#[pulp::with_simd(add_bias = Arch::new())]
#[inline(always)]
fn add_bias_simd<'a, S: Simd>(_simd: S, bias: &'a [f32], sums: &'a mut [f32]) {
    for row in sums.chunks_exact_mut(bias.len()) {
        for (sum, bias) in row.iter_mut().zip(bias) {
            *sum += bias;
        }
    }
}

#[pulp::with_simd(rectify = Arch::new())]
#[inline(always)]
fn rectify_simd<'a, S: Simd>(_simd: S, bias: &'a [f32], sums: &'a mut [f32]) {
    for row in sums.chunks_exact_mut(bias.len()) {
        for (sum, bias) in row.iter_mut().zip(bias) {
            *sum = rectified(*sum + bias);
        }
    }
}

/// 0 for what is no number, as `max` gives it.
#[inline(always)]
pub(in crate::ops) fn rectified(x: f32) -> f32 {
    if x > 0.0 { x } else { 0.0 }
}

#[pulp::with_simd(sigmoids = Arch::new())]
#[inline(always)]
fn sigmoids_simd<'a, S: Simd>(_simd: S, values: &'a mut [f32]) {
    for x in values {
        *x = 1.0 / (1.0 + exponential(-x.clamp(-87.0, 87.0)));
    }
}

#[pulp::with_simd(tanhs = Arch::new())]
#[inline(always)]
fn tanhs_simd<'a, S: Simd>(_simd: S, values: &'a mut [f32]) {
    for x in values {
        *x = hyperbolic_tangent(*x);
    }
}

#[pulp::with_simd(slopes_of_relu = Arch::new())]
#[inline(always)]
fn slopes_of_relu_simd<'a, S: Simd>(_simd: S, outputs: &'a [f32], grads: &'a mut [f32]) {
    for (grad, output) in grads.iter_mut().zip(outputs) {
        *grad *= slope(Activation::Relu, *output);
    }
}

#[pulp::with_simd(slopes_of_sigmoid = Arch::new())]
#[inline(always)]
fn slopes_of_sigmoid_simd<'a, S: Simd>(_simd: S, outputs: &'a [f32], grads: &'a mut [f32]) {
    for (grad, output) in grads.iter_mut().zip(outputs) {
        *grad *= slope(Activation::Sigmoid, *output);
    }
}

#[pulp::with_simd(slopes_of_tanh = Arch::new())]
#[inline(always)]
fn slopes_of_tanh_simd<'a, S: Simd>(_simd: S, outputs: &'a [f32], grads: &'a mut [f32]) {
    for (grad, output) in grads.iter_mut().zip(outputs) {
        *grad *= slope(Activation::Tanh, *output);
    }
}

/// `e^x` for |x| <= 87, within 2 units in the last place: the method of
/// `shaders/shared/activation.wgsl`, since the system's own is no loop that vectors could run.
#[inline(always)]
fn exponential(x: f32) -> f32 {
    let n = (x * std::f32::consts::LOG2_E + 0.5).floor();
    // ln 2 in two parts (Cody and Waite).
    let r = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    for coefficient in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        p = p * r + coefficient;
    }
    let mantissa = p * r * r + r + 1.0;
    mantissa * f32::from_bits((((n as i32) + 127) << 23).cast_unsigned())
}

/// Near 0 the quotient of exponentials cancels; there an odd polynomial (Cephes' tanhf) serves.
#[inline(always)]
fn hyperbolic_tangent(x: f32) -> f32 {
    let z = x * x;
    let mut p = -5.704_988_7e-3;
    for coefficient in [2.063_909e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328e-1] {
        p = p * z + coefficient;
    }
    let near = p * z * x + x;
    let magnitude = x.abs().min(15.0);
    let far = (1.0 - 2.0 / (exponential(2.0 * magnitude) + 1.0)).copysign(x);
    // What is no number is neither: `min` would have made it 15.
    if x.abs() >= 0.625 { far } else { near }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_close_to_the_exact_ones() {
        for i in -4000..=4000 {
            let x = i as f32 / 40.0;
            let mut values = [x; 2];
            sigmoids(&mut values[..1]);
            tanhs(&mut values[1..]);
            let wide = f64::from(x);
            let exact = [1.0 / (1.0 + (-wide).exp()), wide.tanh()];
            for (value, exact) in values.into_iter().zip(exact) {
                let apart = (f64::from(value) - exact).abs();
                assert!(
                    apart <= 4e-7 * exact.abs().max(1e-30),
                    "{x}: {value}, not {exact}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let mut values = [f32::NAN; 2];
        sigmoids(&mut values[..1]);
        tanhs(&mut values[1..]);
        assert!(values.iter().all(|value| value.is_nan()));
        assert_eq!(rectified(f32::NAN), 0.0);
        assert_eq!(rectified(f32::INFINITY), f32::INFINITY);
    }
}
