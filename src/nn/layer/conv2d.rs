//! Convolutions.

use super::{Layer, OnnxPlace, Tensor, weight_and_bias};
use crate::error::Result;
use crate::graph::{Graph, Layout, Value};
use crate::nn::onnx::{OnnxGraph, ints};
use crate::ops;
use crate::shape::{ConvShape, ImageShape, padded};

/// A convolution with square windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2d {
    /// Output channels.
    pub channels: usize,
    /// Rows and columns of the window.
    pub kernel: usize,
    /// Step of the window along both axes.
    pub stride: usize,
    /// Pixels of zeros on every side of the input.
    pub padding: usize,
    /// Whether a bias is added.
    pub bias: bool,
}

impl Conv2d {
    /// Of the padded input: zeros are recorded as an operation of their own.
    fn shape(&self, input: ImageShape) -> ConvShape {
        ConvShape {
            input: ops::pad::output_shape(input, self.padding),
            out_channels: self.channels,
            kernel_height: self.kernel,
            kernel_width: self.kernel,
            stride: self.stride,
            padding: 0,
        }
    }
}

impl Layer for Conv2d {
    fn torch(&self, input: ImageShape) -> String {
        let Self {
            channels,
            kernel,
            stride,
            padding,
            bias,
        } = self;
        let padding = match padding {
            0 => String::new(),
            _ => format!(", padding={padding}"),
        };
        let bias = if *bias { "" } else { ", bias=False" };
        let input = input.channels;
        format!("Conv2d({input}, {channels}, kernel_size={kernel}, stride={stride}{padding}{bias})")
    }

    fn output(&self, name: &str, input: ImageShape) -> Result<ImageShape> {
        super::check_size(name, "channels", self.channels)?;
        super::check_size(name, "stride", self.stride)?;
        super::check_size(name, "kernel", self.kernel)?;
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
        let torch_shape = vec![out, input.channels, kernel, kernel];
        let mut tensors = weight_and_bias(torch_shape, layout, out);
        if !self.bias {
            tensors.truncate(1);
            tensors[0].spare = padded(out);
        }
        tensors
    }

    fn record(
        &self,
        graph: &mut Graph,
        name: &str,
        input: Value,
        tensors: &[Value],
    ) -> Result<Value> {
        let weight = tensors[0];
        // Kernels read zeros where a bias would lie, and give it no gradient.
        let bias = tensors.get(1).copied();
        let bias = bias.unwrap_or_else(|| graph.behind(weight, padded(self.channels)));
        let shape = self.shape(graph.sample_shape(input));
        let input = ops::pad::record(graph, name, input, self.padding);
        ops::conv2d::record(graph, name, [input, weight, bias], shape, self.bias)
    }

    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        let mut attributes = vec![
            ints("kernel_shape", &[self.kernel; 2]),
            ints("strides", &[self.stride; 2]),
        ];
        if self.padding > 0 {
            attributes.push(ints("pads", &[self.padding; 4]));
        }
        let mut inputs = vec![at.input];
        inputs.extend(at.tensors.iter().map(String::as_str));
        graph.node(at.node("Conv"), "Conv", &inputs, &attributes)
    }
}
