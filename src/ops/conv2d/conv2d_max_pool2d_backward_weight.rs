//! `conv2d_max_pool2d_backward_weight`: host side, twin, native kernel and cases of `shaders/conv2d/conv2d_max_pool2d_backward_weight.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::limits::bias_at;
use crate::kernel::native::Part;
use crate::kernel::numbers::images_in_batch;
use crate::kernel::numbers::{Numbers, PORTABLE, Random, conv};
use crate::kernel::target::Target;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, reads, reads_words, tile, twin, writes,
};
use crate::ops::conv2d::conv2d_backward_weight;
use crate::ops::conv2d::conv2d_backward_weight::Params;
use crate::ops::conv2d::conv2d_max_pool2d_forward::WINDOW;
use crate::ops::conv2d::geometry::{Geometry, geometry};
use crate::ops::conv2d::picks::{Picks, Windows, add_weight_gradients, positions};
use crate::ops::linear::linear_backward_weight::{Ranges, add_rows};
use crate::ops::pool::max_pool2d_backward::scatter;
use crate::shape::{ConvShape, PoolShape, QUAD, padded};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_max_pool2d_backward_weight",
    source: include_str!("../../../shaders/conv2d/conv2d_max_pool2d_backward_weight.wgsl"),
    bindings: &[
        reads("input"),
        reads("grad_output"),
        reads_words("argmax"),
        writes("partials"),
    ],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: Some(native),
    cases,
};

/// What [`conv2d_backward_weight::call`] computes, but from the gradient of the pooled output before
/// its activation, and the pixels that were picked.
///
/// # Panics
/// If a window does not fit: shapes are checked when a graph is recorded.
pub fn call(capacity: usize, shape: &ConvShape, target: &Target) -> Call {
    let dense = conv2d_backward_weight::call(capacity, shape, target);
    let mut params = *dense.params::<Params>();
    let taps = shape.kernel_height * shape.kernel_width;
    let in_quads = shape.input.padded_channels() / QUAD;
    let threads = (taps * in_quads + 1) * padded(shape.out_channels) / QUAD;
    if !target.is_cpu() {
        let windows = (params.out_height * params.out_width) as usize / (WINDOW * WINDOW);
        let (samples, splits) = tile::splits(capacity, windows, threads);
        (params.samples_per_split, params.splits) = (samples as u32, splits as u32);
    }
    let grid = Grid::fixed(params.splits as usize * threads, 64);
    Call::new(&KERNEL, &[], &params, grid).with_flops(shape.flops() / (WINDOW * WINDOW))
}

// The twin.

twin!(input: real, grad_output: real, argmax: word, partials: real_mut);

/// The partials of [`conv2d_backward_weight`], the gradient of every window being that of the pixel it
/// picked.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    grad_output: &[T],
    argmax: &[u32],
    partials: &mut [T],
) {
    let shape = [params.out_height, params.out_width, params.out_quads];
    let grads = unpooled(shape, step, grad_output, argmax);
    conv2d_backward_weight::twin(params, step, input, &grads, partials);
}

/// The gradient of the convolution's output, of that height, width and quads.
pub(super) fn unpooled<T: Real>(
    [height, width, quads]: [u32; 3],
    step: &Step,
    grad_output: &[T],
    argmax: &[u32],
) -> Vec<T> {
    let [batch, height, width, quads] = [step.batch, height, width, quads].map(|it| it as usize);
    let windows = (height / WINDOW) * (width / WINDOW);
    let mut grads = vec![T::zero(); batch * height * width * quads * QUAD];
    let shape = [batch, windows, height * width, quads * QUAD];
    scatter(shape, grad_output, argmax, &mut grads);
    grads
}

// The native kernel.

/// partials (splits of weight, zeros and bias) of the gradients by both, by ranges of samples.
fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let params: &Params = call.params();
    if params.padding > 0 {
        // The processor's programs have none: there it is an operation of its own.
        return TWIN.run(call, &part.step, slices);
    }
    let [input, grad_output, argmax, partials] = slices else {
        panic!("conv2d_max_pool2d_backward_weight binds four buffers");
    };
    let geometry = geometry!(params);
    let windows = Windows::of(&geometry);
    let channels = geometry.out_channels;
    let ranges = Ranges {
        splits: params.splits as usize,
        samples_per_split: params.samples_per_split as usize,
        samples: part.step.batch as usize,
    };
    let bias_at = params.bias_at as usize * QUAD;
    let [image, sums] = part.workspace.take([
        geometry.input_len() + Windows::SLACK,
        channels * windows.len(),
    ]);
    let partials = partials.real_mut().chunks_exact_mut(bias_at + channels);
    for (range, partial) in ranges.iter().zip(partials) {
        partial.fill(0.0);
        sums.fill(0.0);
        let (weight, bias) = partial.split_at_mut(bias_at);
        for sample in range {
            let picks = picks_of(&geometry, sample, grad_output.real(), argmax.word());
            if params.bias != 0.0 {
                add_rows(picks.grads, bias);
            }
            let at = sample * geometry.input_len();
            image[..geometry.input_len()]
                .copy_from_slice(&input.real()[at..][..geometry.input_len()]);
            add_weight_gradients(&windows, picks, image, sums);
        }
        for (row, at) in weight.chunks_exact_mut(channels).zip(positions(&geometry)) {
            let sums = sums.chunks_exact(windows.len());
            for (weight, sums) in row.iter_mut().zip(sums) {
                *weight = sums[at];
            }
        }
    }
}

/// Those of a sample of the batch.
pub(super) fn picks_of<'a>(
    geometry: &Geometry,
    sample: usize,
    grads: &'a [f32],
    argmax: &'a [u32],
) -> Picks<'a> {
    let windows = (geometry.out_height / WINDOW) * (geometry.out_width / WINDOW);
    let len = windows * geometry.out_channels;
    Picks {
        grads: &grads[sample * len..][..len],
        pixels: &argmax[sample * len..][..len],
    }
}

// The cases.

/// A launch for `target` on `samples` of a batch of `capacity`; what lies between is NaN.
///
/// # Panics
/// If a window does not fit.
pub fn launch(
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    shape: &ConvShape,
    target: &Target,
) -> Launch {
    let mut random = Random::new(9);
    let call = call(capacity, shape, target);
    let splits = call.params::<Params>().splits as usize;
    let input = images_in_batch(numbers, &mut random, (samples, capacity), shape.input);
    let [grads, argmax] = picks(numbers, &mut random, (samples, capacity), shape);
    let len = bias_at(shape.weight_len()) + padded(shape.out_channels);
    Launch {
        call,
        step: batch(samples),
        arguments: vec![input, grads, argmax, Argument::Poisoned(splits * len)],
    }
}

/// Sizes that are no multiples of anything; rows and columns that fill no window; a step; padded ones.
pub fn shapes() -> [ConvShape; 8] {
    [
        conv([3, 7, 9], 5, [3, 3], 1),
        conv([5, 9, 9], 7, [2, 3], 2),
        conv([33, 5, 6], 33, [2, 1], 1),
        conv([4, 11, 13], 9, [4, 5], 3),
        conv([17, 6, 9], 20, [3, 2], 1),
        conv([3, 5, 5], 16, [1, 1], 1),
        conv([5, 7, 9], 7, [3, 3], 2).padded_by(1),
        conv([6, 3, 4], 5, [3, 2], 1).padded_by(2),
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut unbiased = launch(Numbers::Integers, (3, 5), &shapes()[0], &PORTABLE);
    unbiased.call = unbiased.call.without_bias();
    cases.push(unbiased.exact());
    for shape in &shapes() {
        cases.push(launch(Numbers::Integers, (3, 5), shape, &PORTABLE).exact());
        let terms = 31 * shape.output().expect("the window fits").pixels();
        let floats = launch(Numbers::Floats, (31, 33), shape, &PORTABLE);
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}

/// Gradients of the output of a max-pooling behind a convolution of `shape`, and pixels that it picked
/// in every window: (batch, windows, padded channels) each. What lies behind `samples` is NaN, and no
/// pixel.
pub(super) fn picks(
    numbers: Numbers,
    random: &mut Random,
    (samples, capacity): (usize, usize),
    shape: &ConvShape,
) -> [Argument; 2] {
    let between = shape.output().expect("the window fits");
    let pool = PoolShape {
        input: between,
        window: WINDOW,
    };
    let pooled = pool.output().expect("the pooling fits");
    let grads = images_in_batch(numbers, random, (samples, capacity), pooled);
    let channels = pooled.padded_channels();
    let pick = |at: usize| {
        let window = at / channels % pooled.pixels();
        let (y, x) = (window / pooled.width, window % pooled.width);
        let within = random.bits() as usize % (WINDOW * WINDOW);
        let (y, x) = (y * WINDOW + within / WINDOW, x * WINDOW + within % WINDOW);
        (y * between.width + x) as u32
    };
    let mut argmax: Vec<u32> = (0..samples * pooled.padded_elements()).map(pick).collect();
    argmax.resize(capacity * pooled.padded_elements(), u32::MAX);
    [grads, Argument::Words(argmax)]
}
