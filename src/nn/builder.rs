//! Nets in a line: `Net::cnn([16, 32, 45]).dense([128])`.

use super::config::{Head, NetworkConfiguration, NetworkType, Pool};
use super::network::Network;
use crate::activation::Activation;
use crate::error::Result;
use crate::shape::ImageShape;

/// A net by its sizes, for images of any shape.
///
/// ```
/// use gpu_train::{ImageShape, Net};
///
/// # fn main() -> gpu_train::Result<()> {
/// let net = Net::cnn([16, 32, 45]).dense([128]);
/// let network = net.build(ImageShape::new(3, 32, 32))?;
/// assert_eq!(network.parameters.elements(), 110_510);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    kind: NetworkType,
    sizes: NetworkConfiguration,
    activation: Activation,
}

impl Net {
    /// A multilayer perceptron with these hidden layers.
    pub fn mlp(hiddens: impl Into<Vec<usize>>) -> Self {
        let net = Self::of(NetworkType::Mlp, Vec::new());
        net.dense(hiddens)
    }

    /// Convolutions 3x3 with so many output channels, max-pooling between them; no hidden linear layer.
    pub fn cnn(channels: impl Into<Vec<usize>>) -> Self {
        Self::of(NetworkType::Cnn, channels.into())
    }

    /// A residual net with a stage of one block for each of these numbers of channels.
    pub fn resnet(channels: impl Into<Vec<usize>>) -> Self {
        Self::of(NetworkType::Resnet, channels.into())
    }

    fn of(kind: NetworkType, n_channels: Vec<usize>) -> Self {
        let layers = n_channels.len();
        Self {
            kind,
            sizes: NetworkConfiguration {
                n_channels,
                kernel_sizes: vec![3; layers],
                strides: vec![1; layers],
                ..NetworkConfiguration::mlp(&[])
            },
            activation: Activation::Relu,
        }
    }

    /// The same with these hidden linear layers.
    #[must_use]
    pub fn dense(mut self, hiddens: impl Into<Vec<usize>>) -> Self {
        self.sizes.dense_hiddens = hiddens.into();
        self
    }

    /// The same with these sizes of kernels, one per convolution.
    #[must_use]
    pub fn kernel_sizes(mut self, sizes: impl Into<Vec<usize>>) -> Self {
        self.sizes.kernel_sizes = sizes.into();
        self
    }

    /// The same with these strides, one per convolution.
    #[must_use]
    pub fn strides(mut self, strides: impl Into<Vec<usize>>) -> Self {
        self.sizes.strides = strides.into();
        self
    }

    /// The same with so many pixels of zeros around the input of each convolution.
    #[must_use]
    pub fn paddings(mut self, pixels: impl Into<Vec<usize>>) -> Self {
        self.sizes.paddings = pixels.into();
        self
    }

    /// The same with every layer but the last normalised over the batch, before its activation.
    #[must_use]
    pub fn batch_norm(mut self) -> Self {
        self.sizes.batch_norm = true;
        self
    }

    /// The same with that head behind the last convolution.
    #[must_use]
    pub fn head(mut self, head: Head) -> Self {
        self.sizes.head = head;
        self
    }

    /// The same with that pooling between convolutions.
    #[must_use]
    pub fn pool(mut self, pool: Pool) -> Self {
        self.sizes.pool = pool;
        self
    }

    /// The same with units of hidden linear layers left out in training, each with probability `p`.
    #[must_use]
    pub fn dropout(mut self, p: f64) -> Self {
        self.sizes.dropout = p;
        self
    }

    /// The same with so many residual blocks in every stage.
    #[must_use]
    pub fn blocks(mut self, blocks: usize) -> Self {
        self.sizes.blocks = blocks;
        self
    }

    /// The same with so many numbers predicted for a sample; one where nobody says otherwise.
    #[must_use]
    pub fn outputs(mut self, outputs: usize) -> Self {
        self.sizes.outputs = outputs;
        self
    }

    /// The same with that activation behind every layer but the last.
    #[must_use]
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// The net for images of shape `image`.
    ///
    /// Errors name the layer that does not fit and its shapes. A resnet has channels and blocks alone, and
    /// an mlp hidden layers alone: what else was set is not read.
    pub fn build(&self, image: ImageShape) -> Result<Network> {
        Network::new(self.kind, &self.sizes, self.activation, image)
    }
}
