//! `normalize`: how it is recorded; host side, twin, native kernel and cases of `shaders/batch/normalize.wgsl`.

use crate::data::Normalization;
use crate::graph::{Graph, Op, Shape, Value};
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::{Numbers, Random, with_stale_rows};
use crate::kernel::target::Target;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Scalar, Slice, Step, params, reads, twin, writes,
};
use crate::shape::{ImageShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "normalize",
    source: include_str!("../../../shaders/batch/normalize.wgsl"),
    bindings: &[reads("input"), writes("output")],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: Some(native),
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Quads of one sample.
        pub quads: u32,
        /// Channels of the images, at most four.
        pub channels: u32,
        /// Elements of a channel, where images are vectors; else 0.
        pub plane: u32,
        /// Mean of the first channel.
        pub mean_0: f32,
        /// Mean of the second channel.
        pub mean_1: f32,
        /// Mean of the third channel.
        pub mean_2: f32,
        /// Mean of the fourth channel.
        pub mean_3: f32,
        /// 1 over the deviation of the first channel.
        pub scale_0: f32,
        /// 1 over the deviation of the second channel.
        pub scale_1: f32,
        /// 1 over the deviation of the third channel.
        pub scale_2: f32,
        /// 1 over the deviation of the fourth channel.
        pub scale_3: f32,
    }
}

/// A batch of `shape`, normalised. Where `shape` is a vector, one channel of an image lies in it after the other.
pub fn call(shape: ImageShape, normalization: &Normalization) -> Call {
    let channels = normalization.channels();
    let of = |values: &[f32], channel: usize| values.get(channel).copied().unwrap_or(0.0);
    let (means, scales) = (normalization.means(), normalization.scales());
    let [mean_0, mean_1, mean_2, mean_3] = [0, 1, 2, 3].map(|it| of(&means, it));
    let [scale_0, scale_1, scale_2, scale_3] = [0, 1, 2, 3].map(|it| of(&scales, it));
    let quads = shape.padded_elements() / QUAD;
    let params = Params {
        quads: quads as u32,
        channels: channels as u32,
        plane: if shape.channels == channels {
            0
        } else {
            (shape.channels / channels) as u32
        },
        mean_0,
        mean_1,
        mean_2,
        mean_3,
        scale_0,
        scale_1,
        scale_2,
        scale_3,
    };
    Call::new(&KERNEL, &[], &params, Grid::per_sample(quads, 64))
}

#[derive(Debug)]
struct Normalize {
    shape: ImageShape,
    normalization: Normalization,
}

/// Records the normalisation of a batch of images: [`torchvision`'s
/// Normalize](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.Normalize.html).
pub fn record(graph: &mut Graph, images: Value, normalization: &Normalization) -> Value {
    let shape = graph.sample_shape(images);
    let output = graph.transient(Shape::Samples(shape), Scalar::F32);
    let op = Normalize {
        shape,
        normalization: normalization.clone(),
    };
    graph.record("data", op, vec![images], vec![output]);
    output
}

impl Op for Normalize {
    fn call(&self, _target: &Target) -> Call {
        call(self.shape, &self.normalization)
    }
}

impl Params {
    /// Mean and scale of the element `index` of a sample; `None` where it is padding.
    fn of(&self, index: usize) -> Option<[f32; 2]> {
        let channel = match self.plane as usize {
            0 => index % QUAD,
            plane => index / plane,
        };
        let means = [self.mean_0, self.mean_1, self.mean_2, self.mean_3];
        let scales = [self.scale_0, self.scale_1, self.scale_2, self.scale_3];
        (channel < self.channels as usize).then(|| [means[channel], scales[channel]])
    }
}

// The twin.

twin!(input: real, output: real_mut);

/// Both: (batch, pixels, padded channels), or (batch, padded elements).
pub fn twin<T: Real>(params: &Params, step: &Step, input: &[T], output: &mut [T]) {
    let len = QUAD * params.quads as usize;
    for (index, value) in input[..step.batch as usize * len].iter().enumerate() {
        output[index] = match params.of(index % len) {
            Some([mean, scale]) => (*value - T::of(mean.into())) * T::of(scale.into()),
            None => T::zero(),
        };
    }
}

// The native kernel.

fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, output] = slices else {
        panic!("normalize binds two buffers");
    };
    let params: &Params = call.params();
    let len = QUAD * params.quads as usize;
    // Runs of elements of one channel, or of one pixel.
    let run = match params.plane as usize {
        0 => QUAD,
        plane => plane,
    };
    let samples = input.real().chunks_exact(len);
    let outputs = output.real_mut().chunks_exact_mut(len);
    for (input, output) in samples.zip(outputs).take(part.step.batch as usize) {
        output.copy_from_slice(input);
        for (at, run) in output.chunks_mut(run).enumerate() {
            if params.plane == 0 {
                for (lane, value) in run.iter_mut().enumerate() {
                    let [mean, scale] = params.of(lane).unwrap_or_default();
                    *value = (*value - mean) * scale;
                }
            } else {
                let [mean, scale] = params.of(at * params.plane as usize).unwrap_or_default();
                for it in run {
                    *it = (*it - mean) * scale;
                }
            }
        }
    }
}

// The cases.

/// Images of one to four channels, and vectors of them. Buffers hold one sample more than the batch.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (channels, height, width, samples) in [
        (1, 1, 1, 1),
        (1, 3, 5, 3),
        (2, 7, 1, 2),
        (3, 5, 7, 9),
        (4, 3, 3, 33),
        (3, 1, 1, 257),
    ] {
        let image = ImageShape::new(channels, height, width);
        let statistic = |from: f64| (0..channels).map(move |it| from + 0.1 * it as f64);
        let normalization = Normalization::new(statistic(0.3).collect(), statistic(0.2).collect());
        for shape in [image, ImageShape::vector(image.elements())] {
            let rows = Numbers::Floats.rows(
                &mut Random::new(31),
                samples * shape.pixels(),
                shape.channels,
            );
            let len = (samples + 1) * shape.padded_elements();
            let launch = Launch {
                call: call(shape, &normalization),
                step: batch(samples),
                arguments: vec![
                    Argument::Floats(with_stale_rows(rows, len)),
                    Argument::Poisoned(len),
                ],
            };
            cases.push(launch.within(Tolerance::Elementwise));
        }
    }
    cases
}
