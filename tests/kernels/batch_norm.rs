//! The whole of a batch norm: its kernels one after the other, as a graph has them.

use std::sync::Arc;

use gpu_train::activation::Activation;
use gpu_train::exec::Device;
use gpu_train::graph::{Program, Value};
use gpu_train::kernel::target::{AdapterKind, Target};
use gpu_train::ops;
use gpu_train::shape::ImageShape;

use crate::graphs::{
    Given, Left, Record, Recording, assert_derivatives, assert_devices, cpu, gpu, on_device,
    on_twins, portable, program,
};

fn norm(recording: &mut Recording, shape: ImageShape, training: bool) -> Value {
    let input = recording.source(shape);
    let channels = shape.padded_channels();
    let parameters = [(); 2].map(|()| recording.parameter(channels));
    let statistics = [(); 2].map(|()| recording.statistics(channels));
    let graph = &mut recording.graph;
    ops::norm::record(graph, "norm", input, parameters, statistics, training)
}

fn plain(recording: &mut Recording) -> Value {
    norm(recording, ImageShape::new(5, 3, 2), true)
}

fn activated(recording: &mut Recording) -> Value {
    let output = norm(recording, ImageShape::new(33, 1, 1), true);
    ops::activation::record(&mut recording.graph, "tanh", output, Activation::Tanh)
}

fn rectified(recording: &mut Recording) -> Value {
    let output = norm(recording, ImageShape::new(7, 3, 3), true);
    ops::activation::record(&mut recording.graph, "relu", output, Activation::Relu)
}

/// Of so many pixels that a GPU sums them in several splits.
fn large(recording: &mut Recording) -> Value {
    let output = norm(recording, ImageShape::new(67, 9, 9), true);
    ops::activation::record(&mut recording.graph, "relu", output, Activation::Relu)
}

/// Of two numbers per channel, in a batch of which a GPU makes two splits.
fn split(recording: &mut Recording) -> Value {
    norm(recording, ImageShape::new(61, 2, 1), true)
}

/// On top of another one, whose output has a second reader.
fn twice(recording: &mut Recording) -> Value {
    let shape = ImageShape::new(8, 3, 3);
    let first = norm(recording, shape, true);
    let first = ops::activation::record(&mut recording.graph, "relu", first, Activation::Relu);
    let channels = shape.padded_channels();
    let parameters = [(); 2].map(|()| recording.parameter(channels));
    let statistics = [(); 2].map(|()| recording.statistics(channels));
    let graph = &mut recording.graph;
    let second = ops::norm::record(graph, "second", first, parameters, statistics, true);
    let sum = ops::elementwise::record(graph, "add", [first, second]).expect("same shapes");
    ops::activation::record(graph, "tanh", sum, Activation::Tanh)
}

#[test]
fn gradients_by_input_weight_and_bias_are_the_derivatives() {
    assert_derivatives(plain, 3, "plain");
    assert_derivatives(activated, 5, "activated");
    assert_derivatives(rectified, 3, "rectified");
    assert_derivatives(twice, 3, "twice");
}

#[test]
fn devices_compute_what_the_twins_do() {
    assert_devices(plain, 13, "plain");
    assert_devices(rectified, 33, "rectified");
    assert_devices(large, 33, "large");
    assert_devices(large, 129, "larger");
    assert_devices(split, 140, "split");
    assert_devices(twice, 33, "twice");
}

/// Kernels of the program of `record`, in order.
fn kernels(record: Record, capacity: usize, target: &Target, fused: bool) -> Vec<&'static str> {
    let program = program(record, capacity, target, fused);
    let dispatches = program.dispatches.iter();
    let names = dispatches.map(|it| it.call.kernel.name);
    names
        .filter(|it| it.starts_with("batch_norm") || it.starts_with("sum"))
        .collect()
}

/// On an adapter who reads what parts of a batch gave merges it; where shards meet in between, and in the oracle of that,
/// the merging is a kernel of its own.
#[test]
fn parts_are_merged_by_their_readers() {
    let adapter = portable(AdapterKind::Gpu);
    let fused = [
        "batch_norm_statistics",
        "batch_norm_merge_forward",
        "batch_norm_backward_parameters",
        "batch_norm_sum_backward_input",
    ];
    assert_eq!(kernels(large, 33, &adapter, true), fused);
    let apart = [
        "batch_norm_statistics",
        "batch_norm_merge",
        "batch_norm_forward",
        "batch_norm_backward_parameters",
        "sum_partials",
        "batch_norm_backward_input",
    ];
    assert_eq!(kernels(large, 33, &adapter, false), apart);
    let in_shards = apart.map(|it| it.replace("sum_partials", "sum_shards"));
    for target in [portable(AdapterKind::Cpu), adapter.clone().in_shards()] {
        assert_eq!(kernels(large, 33, &target, true), in_shards);
    }
    // A single part is the whole: there is nothing to sum.
    let single = kernels(plain, 3, &adapter, true);
    assert_eq!(single[..3], fused[..3]);
    assert_eq!(single[3..], ["batch_norm_backward_input"]);
}

/// Two images of two channels and three pixels, in an order that is read from left to right.
const INPUT: [f64; 12] = [
    1.0, 0.5, -2.0, 0.25, 4.0, 3.0, 7.0, -1.0, 0.0, 8.0, 2.0, 0.0,
];

/// What PyTorch is given in `against_pytorch`.
fn given(samples: usize) -> Given {
    // Channels first, as `torch.arange(12.0).reshape(2, 2, 1, 3) - 4` has them.
    let weights = [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11].map(|it| f64::from(it) - 4.0);
    let mut parameters = vec![0.0; 64 + 64 + 4];
    parameters[..24].copy_from_slice(&padded(&INPUT));
    parameters[64..66].copy_from_slice(&[1.5, -0.5]);
    parameters[128..130].copy_from_slice(&[0.25, 1.0]);
    let mut statistics = vec![0.0; 64 + 4];
    statistics[..2].copy_from_slice(&[1.0, -1.0]);
    statistics[64..66].copy_from_slice(&[2.0, 0.5]);
    Given {
        parameters,
        statistics,
        weights: padded(&weights),
        samples,
    }
}

/// Two channels to four.
fn padded(values: &[f64]) -> Vec<f64> {
    let pixels = values.chunks(2);
    pixels.flat_map(|it| [it[0], it[1], 0.0, 0.0]).collect()
}

fn two_channels(recording: &mut Recording) -> Value {
    norm(recording, ImageShape::new(2, 1, 3), true)
}

/// One step on the twins, on a GPU and on the processor.
fn everywhere(given: &Given, program: impl Fn(&Target) -> Program) -> [Left; 3] {
    let on = |device: &Device| on_device(device, &program(device.target()), given);
    let twins = Arc::new(program(&portable(AdapterKind::Gpu)));
    [on_twins::<f64>(&twins, given), on(gpu()), on(&cpu(2))]
}

fn assert_close(what: &str, got: &[f64], wanted: &[f64]) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    for (got, wanted) in got.iter().zip(wanted) {
        let apart = (got - wanted).abs();
        assert!(apart < 1e-5, "{what}: {got} instead of {wanted}");
    }
}

/// ```python
/// x = torch.tensor([[[[1., -2., 4.]], [[0.5, 0.25, 3.]]], [[[7., 0., 2.]], [[-1., 8., 0.]]]],
///                  requires_grad=True)
/// norm = torch.nn.BatchNorm2d(2)
/// with torch.no_grad():
///     norm.weight.copy_(torch.tensor([1.5, -0.5])); norm.bias.copy_(torch.tensor([0.25, 1.0]))
///     norm.running_mean.copy_(torch.tensor([1.0, -1.0]))
///     norm.running_var.copy_(torch.tensor([2.0, 0.5]))
/// y = norm(x)
/// (y * (torch.arange(12.).reshape(x.shape) - 4)).sum().backward()
/// y.permute(0, 2, 3, 1), x.grad.permute(0, 2, 3, 1), norm.weight.grad, norm.bias.grad
/// norm.running_mean, norm.running_var
/// ```
#[test]
fn training_is_pytorchs() {
    let outputs = [
        -0.269_615, 1.213_211, -1.828_46, 1.254_477, 1.289_23, 0.800_545, 2.848_075, 1.460_81,
        -0.789_23, -0.024_787, 0.25, 1.295_744,
    ];
    let by_input = [
        -1.912_183, 0.608_95, -0.893_739, 0.433_951, -1.371_783, 0.378_138, 0.207_847, -0.441_041,
        1.891_398, -0.248_552, 2.078_46, -0.731_445,
    ];
    let of = |target: &Target| program(two_channels, 2, target, true);
    for left in everywhere(&given(2), of) {
        assert_close("outputs", &left.outputs, &padded(&outputs));
        assert_close("by input", &left.gradients[..24], &padded(&by_input));
        let [weight, bias] = [64, 128].map(|at| &left.gradients[at..at + 4]);
        assert_close("by weight", weight, &[5.542_559_1, 4.374_258_5, 0.0, 0.0]);
        assert_close("by bias", bias, &[0.0, 18.0, 0.0, 0.0]);
        let [mean, var] = [0, 64].map(|at| &left.statistics[at..at + 4]);
        assert_close("running_mean", mean, &[1.1, -0.720_833_3, 0.0, 0.0]);
        assert_close("running_var", var, &[2.8, 1.551_041_6, 0.0, 0.0]);
    }
}

/// After a step of the above: `norm.eval(); norm(x).permute(0, 2, 3, 1)`.
#[test]
fn evaluation_is_pytorchs() {
    let outputs = [
        0.160_358, 0.509_868, -2.528_902, 0.610_236, 2.849_617, -0.493_816, 5.538_877, 1.112_078,
        -0.736_062, -2.501_184, 1.056_778, 0.710_605,
    ];
    let mut given = given(2);
    given.statistics[..2].copy_from_slice(&[1.1, -0.720_833_3]);
    given.statistics[64..66].copy_from_slice(&[2.8, 1.551_041_6]);
    let of = |target: &Target| {
        let mut recording = Recording::new(2, target);
        let output = norm(&mut recording, ImageShape::new(2, 1, 3), false);
        recording.program(output, true, false)
    };
    for left in everywhere(&given, of) {
        assert_close("outputs", &left.outputs, &padded(&outputs));
        assert_close("statistics", &left.statistics, &given.statistics);
    }
}

/// Eight shards, of which one has a sample; PyTorch refuses a batch of a single number per channel, and has
/// nothing to compare with.
#[test]
fn a_single_pixel_leaves_nothing_that_is_no_number() {
    let of = |target: &Target| {
        let mut recording = Recording::new(13, target);
        let output = norm(&mut recording, ImageShape::new(5, 1, 1), true);
        recording.program(output, true, true)
    };
    let program = of(&portable(AdapterKind::Gpu));
    let given = Given::random(&program, 1);
    for left in everywhere(&given, of) {
        let all = [&left.outputs, &left.gradients, &left.statistics];
        assert!(all.into_iter().flatten().all(|it| it.is_finite()));
    }
}

/// An evaluation has no gradients.
#[test]
#[should_panic(expected = "its running statistics are those of an evaluation")]
fn gradients_of_an_evaluation_are_refused() {
    let mut recording = Recording::new(2, &portable(AdapterKind::Gpu));
    let output = norm(&mut recording, ImageShape::new(5, 1, 1), false);
    recording.program(output, true, true);
}
