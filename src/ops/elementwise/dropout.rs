//! `dropout`: how it is recorded; host side, twin, native kernel and cases of `shaders/elementwise/dropout.wgsl`.

use crate::error::Result;
use crate::graph::{Graph, Node, Op, Shape, Tape, Value};
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::{Numbers, Random, with_stale_rows};
use crate::kernel::target::Target;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Scalar, Slice, Step, params, reads, twin, writes,
};
use crate::random::counted;
use crate::shape::{ImageShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "dropout",
    source: include_str!("../../../shaders/elementwise/dropout.wgsl"),
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
        /// First word of the key.
        pub key_0: u32,
        /// Second word of the key.
        pub key_1: u32,
        /// What is drawn below, of 2^32, leaves an element out.
        pub threshold: u32,
        /// What the others are multiplied by.
        pub scale: f32,
    }
}

/// A batch of `shape` of which each element is left out with probability `p`, from 0 to below 1.
pub fn call(shape: ImageShape, p: f64, key: [u32; 2]) -> Call {
    let quads = shape.padded_elements() / QUAD;
    let params = Params {
        quads: quads as u32,
        key_0: key[0],
        key_1: key[1],
        threshold: (p * f64::from(1_u32 << 31) * 2.0).round() as u32,
        scale: (1.0 / (1.0 - p)) as f32,
    };
    Call::new(&KERNEL, &[], &params, Grid::per_sample(quads, 64))
}

#[derive(Debug)]
struct Dropout {
    shape: ImageShape,
    p: f64,
    key: [u32; 2],
}

/// Records that of every sample of `input` each element is left out with probability `p` and the others are multiplied
/// by 1 / (1 - p), anew in every epoch, in a graph of a training step; others leave all as it is:
/// [`torch.nn.Dropout`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html).
pub fn record(graph: &mut Graph, layer: &str, input: Value, p: f64) -> Value {
    if !graph.training || p == 0.0 {
        return input;
    }
    let shape = graph.sample_shape(input);
    let key = graph.next_dropout();
    let output = graph.transient(Shape::Samples(shape), Scalar::F32);
    graph.record(layer, Dropout { shape, p, key }, vec![input], vec![output]);
    output
}

impl Op for Dropout {
    fn call(&self, _target: &Target) -> Call {
        call(self.shape, self.p, self.key)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let gradient = tape.gradient(node, node.outputs[0])?;
        let call = call(self.shape, self.p, self.key);
        let input = node.inputs[0];
        let grad_input = tape.samples(node, call, vec![gradient], input);
        tape.set_gradient(node, input, grad_input)
    }
}

impl Params {
    /// What the four elements of a quad of the sample at `position` are multiplied by.
    fn factors(&self, position: u32, epoch: u32, quad: usize) -> [f32; QUAD] {
        let counts = [position ^ self.key_0, epoch, quad as u32, self.key_1];
        let kept = |word| {
            if word >= self.threshold {
                self.scale
            } else {
                0.0
            }
        };
        counted(counts).map(kept)
    }
}

// The twin.

twin!(input: real, output: real_mut);

/// Both: (batch, pixels, padded channels).
pub fn twin<T: Real>(params: &Params, step: &Step, input: &[T], output: &mut [T]) {
    let quads = params.quads as usize;
    for sample in 0..step.batch as usize {
        for quad in 0..quads {
            let position = step.batch_start + sample as u32;
            let factors = params.factors(position, step.epoch, quad);
            for (lane, factor) in factors.into_iter().enumerate() {
                let at = (sample * quads + quad) * QUAD + lane;
                output[at] = input[at] * T::of(factor.into());
            }
        }
    }
}

// The native kernel.

fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, output] = slices else {
        panic!("dropout binds two buffers");
    };
    let params: &Params = call.params();
    let len = QUAD * params.quads as usize;
    let samples = input.real().chunks_exact(len);
    let outputs = output.real_mut().chunks_exact_mut(len);
    let positions = part.step.batch_start..;
    for ((input, output), position) in samples
        .zip(outputs)
        .zip(positions)
        .take(part.step.batch as usize)
    {
        let (input, _) = input.as_chunks::<QUAD>();
        let (output, _) = output.as_chunks_mut::<QUAD>();
        for (quad, (output, input)) in output.iter_mut().zip(input).enumerate() {
            let factors = params.factors(position, part.step.epoch, quad);
            *output = std::array::from_fn(|lane| input[lane] * factors[lane]);
        }
    }
}

// The cases.

/// A batch of `samples` from position 5 of an epoch on; buffers hold one sample more.
pub fn launch(shape: ImageShape, samples: usize, p: f64) -> Launch {
    let pixels = samples * shape.pixels();
    let rows = Numbers::Floats.rows(&mut Random::new(37), pixels, shape.channels);
    let len = (samples + 1) * shape.padded_elements();
    Launch {
        call: call(shape, p, [77, 1 << 31]),
        step: Step {
            batch_start: 5,
            epoch: 3,
            ..batch(samples)
        },
        arguments: vec![
            Argument::Floats(with_stale_rows(rows, len)),
            Argument::Poisoned(len),
        ],
    }
}

/// Vectors and images of odd sizes. Half of all is left out exactly.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (channels, height, width, samples) in [
        (1, 1, 1, 1),
        (128, 1, 1, 33),
        (7, 3, 5, 3),
        (255, 1, 1, 2),
        (3, 1, 1, 257),
    ] {
        let shape = ImageShape::new(channels, height, width);
        for (p, tolerance) in [
            (0.0, Tolerance::Exact),
            (0.5, Tolerance::Exact),
            (0.3, Tolerance::Elementwise),
            (0.999, Tolerance::Elementwise),
        ] {
            cases.push(launch(shape, samples, p).within(tolerance));
        }
    }
    cases
}
