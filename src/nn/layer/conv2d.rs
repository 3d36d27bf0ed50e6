//! Convolutions.

use super::{Layer, OnnxPlace, Tensor, weight_and_bias};
use crate::error::Result;
use crate::graph::{Graph, Layout, Value};
use crate::nn::onnx::{OnnxGraph, ints};
use crate::ops;
use crate::shape::{ConvShape, ImageShape};

/// A convolution with square windows, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2d {
    /// Output channels.
    pub channels: usize,
    /// Rows and columns of the window.
    pub kernel: usize,
    /// Step of the window along both axes.
    pub stride: usize,
}

impl Conv2d {
    fn shape(&self, input: ImageShape) -> ConvShape {
        ConvShape {
            input,
            out_channels: self.channels,
            kernel_height: self.kernel,
            kernel_width: self.kernel,
            stride: self.stride,
        }
    }
}

impl Layer for Conv2d {
    fn torch(&self, input: ImageShape) -> String {
        let Self {
            channels,
            kernel,
            stride,
        } = self;
        format!(
            "Conv2d({}, {channels}, kernel_size={kernel}, stride={stride})",
            input.channels
        )
    }

    fn output(&self, name: &str, input: ImageShape) -> Result<ImageShape> {
        ops::conv2d::output_shape(name, &self.shape(input))
    }

    fn tensors(&self, input: ImageShape) -> Vec<Tensor> {
        let (out, kernel) = (self.channels, self.kernel);
        let layout = Layout::Weight {
            out,
            channels: input.channels,
            height: kernel,
            width: kernel,
        };
        weight_and_bias(vec![out, input.channels, kernel, kernel], layout, out)
    }

    fn record(
        &self,
        graph: &mut Graph,
        name: &str,
        input: Value,
        tensors: &[Value],
    ) -> Result<Value> {
        let [weight, bias] = tensors else {
            unreachable!("a convolution has a weight and a bias");
        };
        let shape = self.shape(graph.sample_shape(input));
        ops::conv2d::record(graph, name, [input, *weight, *bias], shape)
    }

    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        let [weight, bias] = at.tensors else {
            unreachable!("a convolution has a weight and a bias");
        };
        let attributes = [
            ints("kernel_shape", &[self.kernel; 2]),
            ints("strides", &[self.stride; 2]),
        ];
        graph.node(
            at.node("Conv"),
            "Conv",
            &[at.input, weight, bias],
            &attributes,
        )
    }
}
