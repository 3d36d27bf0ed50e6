//! From a configuration to the layers of the seed's `create_mlp` and `create_cnn`.

use super::config::{Head, NetworkConfiguration, NetworkType, Pool};
use super::layer::{
    ActivationLayer, AdaptiveMaxPool2d, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv2d, Dropout,
    Flatten, GlobalAvgPool2d, Linear, LinearWithoutBias, MaxPool2d,
};
use super::network::Network;
use crate::activation::Activation;
use crate::error::Result;
use crate::shape::ImageShape;

/// Cells along each axis that the last convolution's output is pooled to.
const ADAPTIVE_CELLS: usize = 4;
/// Window of the poolings between convolutions.
const POOL_WINDOW: usize = 2;

pub(super) fn build(
    network: NetworkType,
    configuration: &NetworkConfiguration,
    activation: Activation,
    image: ImageShape,
) -> Result<Network> {
    // The gather kernel reads the image's bytes as one vector for an mlp: nothing to flatten.
    let input = match network {
        NetworkType::Mlp => ImageShape::vector(image.elements()),
        _ => image,
    };
    let mut net = Network::empty(input);
    if network == NetworkType::Cnn {
        convolutions(&mut net, configuration, activation)?;
    }
    net.push("flatten", Flatten)?;
    for (index, &features) in configuration.dense_hiddens.iter().enumerate() {
        let name = format!("dense layer {}", index + 1);
        if configuration.batch_norm {
            net.push(&name, LinearWithoutBias(features))?;
            net.push(&name, BatchNorm1d)?;
        } else {
            net.push(&name, Linear(features))?;
        }
        activate(&mut net, &name, activation)?;
        if configuration.dropout > 0.0 {
            net.push(&name, Dropout(configuration.dropout))?;
        }
    }
    net.push("output layer", Linear(configuration.outputs))?;
    Ok(net)
}

fn convolutions(
    net: &mut Network,
    configuration: &NetworkConfiguration,
    activation: Activation,
) -> Result<()> {
    let last = configuration.n_channels.len() - 1;
    for (index, &channels) in configuration.n_channels.iter().enumerate() {
        let name = format!("conv layer {}", index + 1);
        let convolution = Conv2d {
            channels,
            kernel: configuration.kernel_sizes[index],
            stride: configuration.strides[index],
            padding: configuration.paddings.get(index).copied().unwrap_or(0),
            bias: !configuration.batch_norm,
        };
        net.push(&name, convolution)?;
        if configuration.batch_norm {
            net.push(&name, BatchNorm2d)?;
        }
        activate(net, &name, activation)?;
        if index < last {
            match configuration.pool {
                Pool::Max => net.push(&name, MaxPool2d(POOL_WINDOW))?,
                Pool::Avg => net.push(&name, AvgPool2d(POOL_WINDOW))?,
            }
        } else if configuration.head == Head::Average {
            net.push(&name, GlobalAvgPool2d)?;
        } else {
            net.push(&name, AdaptiveMaxPool2d(ADAPTIVE_CELLS))?;
        }
    }
    Ok(())
}

fn activate(net: &mut Network, name: &str, activation: Activation) -> Result<()> {
    match activation {
        Activation::Linear => Ok(()),
        activation => net.push(name, ActivationLayer(activation)),
    }
}
