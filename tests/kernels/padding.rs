//! Zeros around the input of a convolution: by a kernel of their own, and by the convolution's on adapters.

use gpu_train::activation::Activation;
use gpu_train::graph::Value;
use gpu_train::kernel::target::AdapterKind;
use gpu_train::ops;
use gpu_train::shape::{ConvShape, ImageShape};

use crate::graphs::{Record, Recording, assert_derivatives, assert_devices, portable, program};

/// Output channels, the window's lines and columns, its step.
type Sizes = (usize, [usize; 2], usize);

fn conv(recording: &mut Recording, padded: Value, sizes: Sizes) -> Value {
    let (out_channels, [kernel_height, kernel_width], stride) = sizes;
    let shape = ConvShape {
        input: recording.graph.sample_shape(padded),
        out_channels,
        kernel_height,
        kernel_width,
        stride,
        padding: 0,
    };
    let weight = recording.parameter(shape.weight_len());
    let bias = recording.parameter(out_channels);
    let inputs = [padded, weight, bias];
    ops::conv2d::record(&mut recording.graph, "conv", inputs, shape, true).expect("fits")
}

fn padded_conv(recording: &mut Recording, input: Value, padding: usize, sizes: Sizes) -> Value {
    let padded = ops::pad::record(&mut recording.graph, "conv", input, padding);
    conv(recording, padded, sizes)
}

fn activated(recording: &mut Recording, input: Value, activation: Activation) -> Value {
    ops::activation::record(&mut recording.graph, "conv", input, activation)
}

/// As in `--net cnn --padding same`: behind the images, behind a pooling, behind an activation.
fn layers(recording: &mut Recording) -> Value {
    let x = recording.source(ImageShape::new(4, 7, 6));
    let first = padded_conv(recording, x, 1, (8, [3, 3], 1));
    let first = activated(recording, first, Activation::Relu);
    let pooled = ops::pool::record(&mut recording.graph, "conv", first, 2).expect("fits");
    let second = padded_conv(recording, pooled, 2, (4, [5, 5], 1));
    let second = activated(recording, second, Activation::Tanh);
    padded_conv(recording, second, 1, (4, [3, 3], 1))
}

/// Steps, windows that are not square, and more zeros than the window is wide.
fn odd(recording: &mut Recording) -> Value {
    let x = recording.source(ImageShape::new(4, 5, 3));
    let first = padded_conv(recording, x, 1, (4, [3, 3], 2));
    let second = padded_conv(recording, first, 3, (4, [2, 1], 1));
    let third = padded_conv(recording, second, 2, (4, [1, 1], 2));
    padded_conv(recording, third, 1, (8, [3, 2], 3))
}

/// What is padded is read by a second one as well, so that its gradients are added.
fn shared_input(recording: &mut Recording) -> Value {
    let x = recording.source(ImageShape::new(4, 4, 5));
    let x = activated(recording, x, Activation::Sigmoid);
    let body = padded_conv(recording, x, 1, (4, [3, 3], 1));
    ops::elementwise::record(&mut recording.graph, "add", [body, x]).expect("same shapes")
}

/// Two convolutions of one padded image.
fn shared_zeros(recording: &mut Recording) -> Value {
    let x = recording.source(ImageShape::new(4, 4, 5));
    let padded = ops::pad::record(&mut recording.graph, "conv", x, 1);
    let both = [(); 2].map(|()| conv(recording, padded, (4, [3, 2], 1)));
    ops::elementwise::record(&mut recording.graph, "add", both).expect("same shapes")
}

/// A window of all of the padded image, which is a dense layer.
fn whole_image(recording: &mut Recording) -> Value {
    let x = recording.source(ImageShape::new(4, 2, 3));
    padded_conv(recording, x, 1, (8, [4, 5], 1))
}

/// Windows of one pixel, which are rows of a dense layer.
fn single_pixels(recording: &mut Recording) -> Value {
    let x = recording.source(ImageShape::new(4, 2, 3));
    padded_conv(recording, x, 2, (8, [1, 1], 1))
}

const ALL: [(&str, Record); 6] = [
    ("layers", layers),
    ("odd", odd),
    ("shared input", shared_input),
    ("shared zeros", shared_zeros),
    ("whole image", whole_image),
    ("single pixels", single_pixels),
];

#[test]
fn gradients_are_the_derivatives() {
    for (what, record) in ALL {
        assert_derivatives(record, 2, what);
    }
}

#[test]
fn devices_compute_what_the_twins_do() {
    for (what, record) in ALL {
        assert_devices(record, 13, what);
    }
}

/// Kernels of zeros alone, forward and back.
fn pads(record: Record, kind: AdapterKind, fused: bool) -> usize {
    let program = program(record, 3, &portable(kind), fused);
    let names = program.dispatches.iter().map(|it| it.call.kernel.name);
    names.filter(|it| it.starts_with("pad2d")).count()
}

#[test]
fn convolutions_of_adapters_need_no_zeros_in_memory() {
    for record in [layers, odd, shared_input] {
        assert_eq!(pads(record, AdapterKind::Gpu, true), 0);
        let apart = pads(record, AdapterKind::Gpu, false);
        assert!(apart > 1);
        assert_eq!(pads(record, AdapterKind::Cpu, true), apart);
    }
}

/// As many lines as kernels can tell apart, zeros included.
fn long(recording: &mut Recording) -> Value {
    let x = recording.source(ImageShape::new(4, 65_533, 1));
    padded_conv(recording, x, 1, (4, [3, 3], 1))
}

/// A line more.
fn too_long(recording: &mut Recording) -> Value {
    let x = recording.source(ImageShape::new(4, 65_534, 1));
    padded_conv(recording, x, 1, (4, [3, 3], 1))
}

/// Dense layers have no pixels, and what two read is written once.
#[test]
fn others_do() {
    for record in [shared_zeros, whole_image, single_pixels, too_long] {
        assert_eq!(pads(record, AdapterKind::Gpu, true), 2);
    }
    assert_eq!(pads(long, AdapterKind::Gpu, true), 0);
    assert_devices(long, 1, "long");
}
