//! `mse_head`: host side, twin and cases of `shaders/head/mse_head.wgsl`.

use super::shape::{LAYERS, ROWS, Shape, VALUES};
use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::limits::{aligned, bias_at};
use crate::kernel::numbers::{ACTIVATIONS, Random, with_stale_rows, zero_padding};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Step, Variant, params, reads, reads_words, twin, writes,
};
use crate::ops::activation::activation_backward::slope;
use crate::ops::activation::activation_forward::activate;
use crate::shape::{QUAD, padded};

/// See the shader's head comment. The processor has no launches to save.
pub static KERNEL: Kernel = Kernel {
    name: "mse_head",
    source: include_str!("../../../shaders/head/mse_head.wgsl"),
    bindings: &[
        reads("input"),
        reads("weights"),
        reads_words("order"),
        reads("targets"),
        writes("tape"),
    ],
    params: Params::FIELDS,
    variants: &VARIANTS,
    twin: TWIN,
    native: None,
    cases,
};

/// Threads of a workgroup.
const THREADS: usize = 256;

const VARIANTS: [Variant; LAYERS] = [
    &[("LAYERS", 1), ("ROWS", 2)],
    &[("LAYERS", 2), ("ROWS", 2)],
    &[("LAYERS", 3), ("ROWS", 2)],
];

params! {
    /// Params of the shader: quads of a sample, unpadded channels, and quads at which something begins.
    pub struct Params {
        /// Of the input.
        pub quads_0: u32,
        /// Of the first layer's output.
        pub quads_1: u32,
        /// Of the second's.
        pub quads_2: u32,
        /// Of the third's.
        pub quads_3: u32,
        /// Channels of the input.
        pub channels_0: u32,
        /// Of the first layer's output.
        pub channels_1: u32,
        /// Of the second's.
        pub channels_2: u32,
        /// Of the third's.
        pub channels_3: u32,
        /// The first layer's weight among the weights.
        pub weight_1: u32,
        /// The second's.
        pub weight_2: u32,
        /// The third's.
        pub weight_3: u32,
        /// The first layer's bias among the weights.
        pub bias_1: u32,
        /// The second's.
        pub bias_2: u32,
        /// The third's.
        pub bias_3: u32,
        /// The input that was made of partial sums, on the tape.
        pub output_0: u32,
        /// The first layer's output.
        pub output_1: u32,
        /// The second's.
        pub output_2: u32,
        /// The third's.
        pub output_3: u32,
        /// The gradient by the input on the tape.
        pub gradient_0: u32,
        /// By the sums of the first layer.
        pub gradient_1: u32,
        /// Of the second.
        pub gradient_2: u32,
        /// Of the third.
        pub gradient_3: u32,
        /// Partial sums of the input; 0 where it is whole.
        pub splits: u32,
        /// From one of them to the next.
        pub split_stride: u32,
        /// 1 where the input comes from the activation.
        pub slope_0: u32,
        /// [`Activation`] of all hidden layers, as a number.
        pub activation: u32,
    }
}

impl Shape {
    /// The kernel call for batches of up to `capacity` samples.
    ///
    /// # Panics
    /// If the kernel cannot do it: see [`Shape::is_served`].
    pub fn call(&self, capacity: usize) -> Call {
        assert!(self.is_served(), "{self:?}");
        let tape = self.tape(capacity);
        let quads = |floats: Option<&usize>| floats.map_or(0, |it| (padded(*it) / QUAD) as u32);
        let width = |layer: usize| quads(self.features.get(layer));
        let channels = |layer: usize| self.features.get(layer).map_or(0, |it| *it as u32);
        let weight = |layer: usize| quads(self.weights.get(layer - 1));
        let bias = |layer: usize| {
            let weight = self.weights.get(layer - 1)?;
            let [ins, outs] = [layer - 1, layer].map(|it| padded(self.features[it]));
            Some(weight + bias_at(ins * outs))
        };
        let bias = |layer: usize| quads(bias(layer).as_ref());
        let output = |layer: usize| quads(tape.outputs.get(layer));
        let gradient = |layer: usize| quads(tape.gradients.get(layer));
        let params = Params {
            quads_0: width(0),
            quads_1: width(1),
            quads_2: width(2),
            quads_3: width(3),
            channels_0: channels(0),
            channels_1: channels(1),
            channels_2: channels(2),
            channels_3: channels(3),
            weight_1: weight(1),
            weight_2: weight(2),
            weight_3: weight(3),
            bias_1: bias(1),
            bias_2: bias(2),
            bias_3: bias(3),
            output_0: output(0),
            output_1: output(1),
            output_2: output(2),
            output_3: output(3),
            gradient_0: gradient(0),
            gradient_1: gradient(1),
            gradient_2: gradient(2),
            gradient_3: gradient(3),
            splits: self.splits as u32,
            split_stride: capacity as u32 * width(0),
            slope_0: u32::from(self.is_activated),
            activation: self.activation as u32,
        };
        let products = self.features.windows(2).map(|it| it[0] * it[1]);
        let grid = Grid::per_samples(ROWS, THREADS, THREADS as u32);
        Call::new(&KERNEL, VARIANTS[self.weights.len() - 1], &params, grid)
            .with_workgroup_bytes(2 * 16 * VALUES as u32)
            .with_flops(4 * products.sum::<usize>())
    }
}

// The twin.

twin!(
    input: real, weights: real, order: word, targets: real, tape: real_mut
);

/// Forward and back through all layers, sample by sample: input (batch, `features_0`); weights: of each layer
/// (in, out) and its bias; order (count); targets (images); tape: see [`HeadTape`](super::HeadTape). The gradient is that of
/// the mean over the whole batch.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    weights: &[T],
    order: &[u32],
    targets: &[T],
    tape: &mut [T],
) {
    let p = params;
    let floats = |quads: [u32; 4]| quads.map(|it| it as usize * QUAD);
    let widths = floats([p.quads_0, p.quads_1, p.quads_2, p.quads_3]);
    let channels = [p.channels_0, p.channels_1, p.channels_2, p.channels_3].map(|it| it as usize);
    let weight = floats([0, p.weight_1, p.weight_2, p.weight_3]);
    let bias = floats([0, p.bias_1, p.bias_2, p.bias_3]);
    let outputs = floats([p.output_0, p.output_1, p.output_2, p.output_3]);
    let gradients = floats([p.gradient_0, p.gradient_1, p.gradient_2, p.gradient_3]);
    let layers = widths.iter().filter(|it| **it > 0).count() - 1;
    let hidden = Activation::from_number(p.activation);
    for sample in 0..step.batch as usize {
        let mut first = input[sample * widths[0]..][..widths[0]].to_vec();
        if p.splits > 0 {
            let before = if p.slope_0 == 1 {
                hidden
            } else {
                Activation::Linear
            };
            for (o, value) in first.iter_mut().enumerate() {
                let parts = input[sample * widths[0] + o..]
                    .iter()
                    .step_by(p.split_stride as usize * QUAD);
                let sum = parts
                    .take(p.splits as usize)
                    .map(|part| part.wide())
                    .sum::<f64>();
                let sum = T::of(sum + weights[o].wide());
                *value = if o < channels[0] {
                    activate(before, sum)
                } else {
                    T::zero()
                };
            }
            tape[outputs[0] + sample * widths[0]..][..widths[0]].copy_from_slice(&first);
        }
        let mut values = vec![first];
        for layer in 1..=layers {
            let of_layer = if layer == layers {
                Activation::Linear
            } else {
                hidden
            };
            let output = (0..widths[layer]).map(|o| {
                let row = values[layer - 1].iter().enumerate();
                let products = row
                    .map(|(i, x)| x.wide() * weights[weight[layer] + i * widths[layer] + o].wide());
                let sum = T::of(products.sum::<f64>() + weights[bias[layer] + o].wide());
                if o < channels[layer] {
                    activate(of_layer, sum)
                } else {
                    T::zero()
                }
            });
            let output: Vec<T> = output.collect();
            tape[outputs[layer] + sample * widths[layer]..][..widths[layer]]
                .copy_from_slice(&output);
            values.push(output);
        }
        let wanted = targets[order[step.batch_start as usize + sample] as usize];
        let scale = T::of(2.0 / f64::from(step.whole_batch));
        let mut gradient = vec![T::zero(); widths[layers]];
        gradient[0] = scale * (values[layers][0] - wanted);
        for layer in (0..=layers).rev() {
            tape[gradients[layer] + sample * widths[layer]..][..widths[layer]]
                .copy_from_slice(&gradient);
            if layer == 0 {
                break;
            }
            let is_activated = layer > 1 || p.slope_0 == 1;
            let activation = if is_activated {
                hidden
            } else {
                Activation::Linear
            };
            let by_input = values[layer - 1].iter().enumerate().map(|(i, value)| {
                let row = &weights[weight[layer] + i * widths[layer]..][..widths[layer]];
                let products = row.iter().zip(&gradient).map(|(w, g)| w.wide() * g.wide());
                T::of(products.sum()) * slope(activation, *value)
            });
            gradient = by_input.collect();
        }
    }
}

// The cases.

/// A head of layers with those features, on `samples` of the numbers that `numbers` makes.
fn launch(
    features: &[usize],
    activation: Activation,
    samples: (usize, usize),
    splits: usize,
    numbers: &mut dyn FnMut(usize) -> Vec<f32>,
) -> Launch {
    let (batch_size, capacity) = samples;
    let width = padded(features[0]);
    // The input's bias comes first.
    let mut weights = zero_padding(numbers(width), features[0], width);
    weights.resize(aligned(width), 0.0);
    let mut starts = Vec::new();
    for pair in features.windows(2) {
        let [ins, outs] = [pair[0], pair[1]];
        starts.push(weights.len());
        // Rows and columns that pad are zero.
        let mut rows = zero_padding(numbers(padded(ins) * padded(outs)), outs, padded(outs));
        rows[ins * padded(outs)..].fill(0.0);
        let bias = zero_padding(numbers(padded(outs)), outs, padded(outs));
        let bias_at = weights.len() + bias_at(rows.len());
        weights.extend(rows);
        weights.resize(bias_at, 0.0);
        weights.extend(bias);
        weights.resize(aligned(weights.len()), 0.0);
    }
    let shape = Shape {
        features: features.to_vec(),
        weights: starts,
        activation,
        is_activated: true,
        splits,
    };
    let part = |_| {
        let input = numbers(batch_size * width).into_iter().map(f32::abs);
        let input = zero_padding(input.collect(), features[0], width);
        with_stale_rows(input, capacity * width)
    };
    let input = (0..splits.max(1)).flat_map(part).collect();
    Launch {
        call: shape.call(capacity),
        step: batch(batch_size),
        arguments: vec![
            Argument::Floats(input),
            Argument::Floats(weights),
            // Samples lie back to front in the data set.
            Argument::Words((0..capacity as u32).rev().collect()),
            Argument::Floats(numbers(capacity).into_iter().map(f32::abs).collect()),
            Argument::Poisoned(shape.tape(capacity).len),
        ],
    }
}

/// Whole numbers, of which all sums are exact, through rectifiers, the means of batches of two and four; and
/// small positive floats, of whose sums nothing cancels.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let heads: [&[usize]; 7] = [
        &[5, 1],
        &[511, 1],
        &[7, 9, 1],
        &[33, 4, 13, 1],
        &[130, 257, 1],
        &[128, 128, 1],
        &[128, 128, 128, 1],
    ];
    for (seed, features) in heads.into_iter().enumerate() {
        let mut random = Random::new(seed as u64);
        for (samples, splits) in [((1, 3), 0), ((2, 2), 3), ((4, 7), 2)] {
            let mut integers = |len| random.integers(len);
            let launch = launch(features, Activation::Relu, samples, splits, &mut integers);
            // Whole numbers of wide layers grow past what a float holds.
            if features.len() == 2 || features[1] < 128 {
                cases.push(launch.exact());
            }
        }
        for activation in ACTIVATIONS {
            let scale = 1.0 / features[0] as f32;
            let mut floats = |len| {
                random
                    .floats(len)
                    .into_iter()
                    .map(|x| scale * x.abs())
                    .collect()
            };
            for splits in [0, 5] {
                let launch = launch(features, activation, (5, 7), splits, &mut floats);
                cases.push(launch.within(Tolerance::Elementwise));
            }
        }
    }
    cases
}
