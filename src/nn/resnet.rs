//! Residual nets for small images, by the names of torchvision's: a convolution 3x3, stages of basic
//! blocks, the mean over all pixels, one linear layer.
//!
//! Source: He et al., "Deep Residual Learning for Image Recognition", 2016.

use super::config::NetworkConfiguration;
use super::layer::{
    ActivationLayer, BasicBlock, BatchNorm2d, Conv2d, Flatten, GlobalAvgPool2d, Linear,
};
use super::network::Network;
use crate::activation::Activation;
use crate::error::Result;
use crate::shape::ImageShape;

pub(super) fn build(
    configuration: &NetworkConfiguration,
    activation: Activation,
    image: ImageShape,
) -> Result<Network> {
    let mut net = Network::empty(image);
    let first = Conv2d {
        channels: configuration.n_channels[0],
        kernel: 3,
        stride: 1,
        padding: 1,
        bias: false,
    };
    let name = "first convolution";
    net.push_at("conv1", name, first)?;
    net.push_at("bn1", name, BatchNorm2d)?;
    net.push_at("relu", name, ActivationLayer(activation))?;
    for (stage, &channels) in configuration.n_channels.iter().enumerate() {
        for block in 0..configuration.blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let path = format!("layer{}.{block}", stage + 1);
            let name = format!("stage {}, block {}", stage + 1, block + 1);
            net.push_at(&path, &name, BasicBlock::new(channels, stride, activation))?;
        }
    }
    net.push_at("avgpool", "output layer", GlobalAvgPool2d)?;
    net.push_at("flatten", "output layer", Flatten)?;
    net.push_at("fc", "output layer", Linear(configuration.outputs))?;
    Ok(net)
}
