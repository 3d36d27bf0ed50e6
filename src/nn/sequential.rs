//! From a configuration to the layers of the seed's `create_mlp` and `create_cnn`.

use super::config::{NetworkConfiguration, NetworkType};
use super::network::{Layer, LayerKind, Network};
use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Layout, ParameterTable};
use crate::ops;
use crate::shape::{ConvShape, ImageShape};

/// Cells along each axis that the last convolution's output is pooled to.
const ADAPTIVE_CELLS: usize = 4;
/// Window of the poolings between convolutions.
const POOL_WINDOW: usize = 2;

/// The layers while they are being listed.
struct Builder {
    activation: Activation,
    layers: Vec<Layer>,
    parameters: ParameterTable,
    /// Shape of the last layer's output.
    shape: ImageShape,
    /// What the next linear layer's inputs were before they were flattened: their order in memory.
    flattened: ImageShape,
}

pub(super) fn build(
    network: NetworkType,
    configuration: &NetworkConfiguration,
    activation: Activation,
    image: ImageShape,
) -> Result<Network> {
    // The gather kernel reads the image's bytes as one vector for an mlp: nothing to flatten.
    let input = match network {
        NetworkType::Mlp => ImageShape::vector(image.elements()),
        NetworkType::Cnn => image,
    };
    let mut builder = Builder {
        activation,
        layers: Vec::new(),
        parameters: ParameterTable::default(),
        shape: input,
        flattened: input,
    };
    if network == NetworkType::Cnn {
        builder.convolutions(configuration)?;
    }
    builder.flatten();
    builder.dense(&configuration.dense_hiddens)?;
    Ok(Network {
        input,
        layers: builder.layers,
        parameters: builder.parameters,
    })
}

impl Builder {
    fn push(&mut self, name: &str, torch: String, kind: LayerKind, output: ImageShape) {
        self.layers.push(Layer {
            name: name.to_owned(),
            torch,
            kind,
            output,
        });
        self.shape = output;
    }

    fn convolutions(&mut self, configuration: &NetworkConfiguration) -> Result<()> {
        let last = configuration.n_channels.len() - 1;
        for (index, &channels) in configuration.n_channels.iter().enumerate() {
            let name = format!("conv layer {}", index + 1);
            let kernel = configuration.kernel_sizes[index];
            self.convolution(&name, channels, kernel, configuration.strides[index])?;
            self.activation(&name);
            if index < last {
                self.max_pool(&name)?;
            } else {
                self.adaptive_max_pool(&name);
            }
        }
        Ok(())
    }

    fn convolution(
        &mut self,
        name: &str,
        channels: usize,
        kernel: usize,
        stride: usize,
    ) -> Result<()> {
        let input = self.shape;
        let shape = ConvShape {
            input,
            out_channels: channels,
            kernel_height: kernel,
            kernel_width: kernel,
            stride,
        };
        let output = ops::conv2d::output_shape(name, &shape)?;
        let layout = Layout::Weight {
            out: channels,
            channels: input.channels,
            height: kernel,
            width: kernel,
        };
        let torch_shape = vec![channels, input.channels, kernel, kernel];
        let weight = self.weight_and_bias(torch_shape, layout, channels)?;
        let torch = format!(
            "Conv2d({}, {channels}, kernel_size={kernel}, stride={stride})",
            input.channels
        );
        self.push(name, torch, LayerKind::Conv2d { shape, weight }, output);
        Ok(())
    }

    fn activation(&mut self, name: &str) {
        let torch = match self.activation {
            Activation::Linear => return,
            Activation::Relu => "ReLU()",
            Activation::Sigmoid => "Sigmoid()",
            Activation::Tanh => "Tanh()",
        };
        let kind = LayerKind::Activation(self.activation);
        self.push(name, torch.to_owned(), kind, self.shape);
    }

    fn max_pool(&mut self, name: &str) -> Result<()> {
        let output = ops::pool::output_shape(name, self.shape, POOL_WINDOW)?;
        let torch = format!("MaxPool2d({POOL_WINDOW})");
        self.push(name, torch, LayerKind::MaxPool2d(POOL_WINDOW), output);
        Ok(())
    }

    fn adaptive_max_pool(&mut self, name: &str) {
        let output = ImageShape::new(self.shape.channels, ADAPTIVE_CELLS, ADAPTIVE_CELLS);
        let torch = format!("AdaptiveMaxPool2d(({ADAPTIVE_CELLS}, {ADAPTIVE_CELLS}))");
        let kind = LayerKind::AdaptiveMaxPool2d(ADAPTIVE_CELLS);
        self.push(name, torch, kind, output);
    }

    fn flatten(&mut self) {
        self.flattened = self.shape;
        let output = ImageShape::vector(self.shape.elements());
        self.push(
            "flatten",
            "Flatten()".to_owned(),
            LayerKind::Flatten,
            output,
        );
    }

    fn dense(&mut self, hiddens: &[usize]) -> Result<()> {
        for (index, &features) in hiddens.iter().enumerate() {
            let name = format!("dense layer {}", index + 1);
            self.linear(&name, features)?;
            self.activation(&name);
        }
        self.linear("output layer", 1)
    }

    fn linear(&mut self, name: &str, features: usize) -> Result<()> {
        let inputs = self.flattened;
        let layout = Layout::Weight {
            out: features,
            channels: inputs.channels,
            height: inputs.height,
            width: inputs.width,
        };
        let torch_shape = vec![features, inputs.elements()];
        let weight = self.weight_and_bias(torch_shape, layout, features)?;
        let torch = format!("Linear({}, {features})", inputs.elements());
        let output = ImageShape::vector(features);
        self.push(name, torch, LayerKind::Linear { weight }, output);
        self.flattened = output;
        Ok(())
    }

    /// Adds the parameters of the layer that comes next; returns the weight's index.
    fn weight_and_bias(
        &mut self,
        torch_shape: Vec<usize>,
        layout: Layout,
        out: usize,
    ) -> Result<usize> {
        let position = self.layers.len();
        let fan_in = layout.elements() / out;
        let bias = Layout::Bias { out };
        let weight =
            self.parameters
                .push(format!("{position}.weight"), torch_shape, fan_in, layout)?;
        self.parameters
            .push(format!("{position}.bias"), vec![out], fan_in, bias)?;
        Ok(weight)
    }
}
