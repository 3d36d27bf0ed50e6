//! Values with several readers, and a block of a residual net.

use gpu_train::activation::Activation;
use gpu_train::graph::Value;
use gpu_train::ops;
use gpu_train::shape::{ConvShape, ImageShape};

use crate::graphs::{Recording, assert_derivatives, assert_devices};

/// `relu(tanh(x) + x)`: what makes `x` comes before both of its readers.
fn shortcut(recording: &mut Recording) -> Value {
    let x = recording.source(ImageShape::new(5, 3, 3));
    let graph = &mut recording.graph;
    let around = ops::activation::record(graph, "tanh", x, Activation::Tanh);
    let sum = ops::elementwise::record(graph, "add", [around, x]).expect("same shapes");
    ops::activation::record(graph, "relu", sum, Activation::Relu)
}

/// `x + x`, and that once more: one operation that reads a value twice.
fn doubled(recording: &mut Recording) -> Value {
    let x = recording.source(ImageShape::new(5, 3, 3));
    let graph = &mut recording.graph;
    let activated = ops::activation::record(graph, "sigmoid", x, Activation::Sigmoid);
    let twice = ops::elementwise::record(graph, "add", [activated, activated]);
    let twice = twice.expect("same shapes");
    let twice = ops::activation::record(graph, "tanh", twice, Activation::Tanh);
    ops::elementwise::record(graph, "add", [twice, twice]).expect("same shapes")
}

/// A sum, activated, with three readers, one of which is the last operation.
fn three_readers(recording: &mut Recording) -> Value {
    let x = recording.source(ImageShape::new(5, 3, 3));
    let y = recording.source(ImageShape::new(5, 3, 3));
    let graph = &mut recording.graph;
    let mut add = |pair| ops::elementwise::record(graph, "add", pair).expect("same shapes");
    let sum = add([x, y]);
    let shared = ops::activation::record(graph, "tanh", sum, Activation::Tanh);
    let one = ops::activation::record(graph, "sigmoid", shared, Activation::Sigmoid);
    let two = ops::activation::record(graph, "tanh", shared, Activation::Tanh);
    let mut add = |pair| ops::elementwise::record(graph, "add", pair).expect("same shapes");
    let both = add([one, two]);
    add([shared, both])
}

fn conv(recording: &mut Recording, layer: &str, input: Value, side: usize, stride: usize) -> Value {
    let padded = ops::pad::record(&mut recording.graph, layer, input, side / 2);
    let shape = ConvShape {
        input: recording.graph.sample_shape(padded),
        out_channels: 4,
        kernel_height: side,
        kernel_width: side,
        stride,
        padding: 0,
    };
    let weight = recording.parameter(shape.weight_len());
    let bias = recording.parameter(4);
    let inputs = [padded, weight, bias];
    ops::conv2d::record(&mut recording.graph, layer, inputs, shape, true).expect("fits")
}

fn norm(recording: &mut Recording, layer: &str, input: Value) -> Value {
    let parameters = [(); 2].map(|()| recording.parameter(4));
    let statistics = [(); 2].map(|()| recording.statistics(4));
    ops::norm::record(
        &mut recording.graph,
        layer,
        input,
        parameters,
        statistics,
        true,
    )
}

/// A block of stride 2, whose shortcut is a 1x1 convolution, and the mean over what comes out of it.
fn block(recording: &mut Recording) -> Value {
    let x = recording.source(ImageShape::new(4, 5, 5));
    let first = conv(recording, "conv1", x, 3, 2);
    let first = norm(recording, "norm1", first);
    let first = ops::activation::record(&mut recording.graph, "relu1", first, Activation::Relu);
    let second = conv(recording, "conv2", first, 3, 1);
    let second = norm(recording, "norm2", second);
    let shortcut = conv(recording, "shortcut", x, 1, 2);
    let shortcut = norm(recording, "norm3", shortcut);
    let graph = &mut recording.graph;
    let sum = ops::elementwise::record(graph, "add", [second, shortcut]).expect("same shapes");
    let output = ops::activation::record(graph, "relu2", sum, Activation::Relu);
    ops::pool::global_avg_pool2d::record(graph, "mean", output)
}

#[test]
fn gradients_of_shortcuts_are_the_derivatives() {
    assert_derivatives(shortcut, 2, "shortcut");
    assert_derivatives(doubled, 2, "doubled");
    assert_derivatives(three_readers, 2, "three readers");
}

#[test]
fn gradients_of_a_block_are_the_derivatives() {
    assert_derivatives(block, 3, "block");
}

#[test]
fn devices_compute_shortcuts_as_the_twins_do() {
    assert_devices(shortcut, 13, "shortcut");
    assert_devices(doubled, 13, "doubled");
    assert_devices(three_readers, 13, "three readers");
}

#[test]
fn devices_compute_a_block_as_the_twins_do() {
    assert_devices(block, 33, "block");
}

#[test]
fn sums_of_different_shapes_are_refused() {
    let target = crate::graphs::portable(gpu_train::kernel::target::AdapterKind::Gpu);
    let mut recording = Recording::new(2, &target);
    let x = recording.source(ImageShape::new(5, 3, 3));
    let y = recording.source(ImageShape::new(6, 3, 3));
    let sum = ops::elementwise::record(&mut recording.graph, "layer2.add", [x, y]);
    let error = sum.expect_err("five channels are not six").to_string();
    assert!(
        error.starts_with("layer2.add: it adds 5x3x3 and 6x3x3"),
        "{error}"
    );
}
