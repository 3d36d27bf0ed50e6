//! What describes a net: the seed's `NetworkConfiguration`.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Kinds of nets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum NetworkType {
    /// Multilayer perceptron: linear layers on the flattened image.
    Mlp,
    /// Convolutions with max-pooling, then linear layers.
    Cnn,
    /// Residual net: stages of convolutions with batch norm and shortcuts around them.
    Resnet,
}

impl NetworkType {
    /// Name as on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mlp => "mlp",
            Self::Cnn => "cnn",
            Self::Resnet => "resnet",
        }
    }
}

/// Sizes of a net's layers. The first three lists have one entry per convolution; an mlp ignores them. A
/// resnet has one entry of `n_channels` per stage, `blocks` in each, and ignores the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkConfiguration {
    /// Output channels of each convolution.
    pub n_channels: Vec<usize>,
    /// Size of each convolution's square kernel.
    pub kernel_sizes: Vec<usize>,
    /// Stride of each convolution.
    pub strides: Vec<usize>,
    /// Size of each hidden linear layer; may be empty.
    pub dense_hiddens: Vec<usize>,
    /// Residual blocks of a stage.
    #[serde(default = "one")]
    pub blocks: usize,
    /// Pixels of zeros around the input of each convolution; none where the list is empty.
    #[serde(default)]
    pub paddings: Vec<usize>,
    /// Whether every layer but the last is normalised before its activation. A resnet always is.
    #[serde(default)]
    pub batch_norm: bool,
    /// What pools between convolutions.
    #[serde(default)]
    pub pool: Pool,
    /// What becomes of the last convolution's pixels.
    #[serde(default)]
    pub head: Head,
    /// With which probability units of hidden linear layers are left out in training.
    #[serde(default)]
    pub dropout: f64,
    /// Numbers that the net predicts for a sample.
    #[serde(default = "one")]
    pub outputs: usize,
}

/// What pools the pixels between the convolutions of a cnn, by windows of 2 x 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Pool {
    /// Their maximum
    #[default]
    Max,
    /// Their mean
    Avg,
}

/// What becomes of the pixels of a cnn's last convolution, before its linear layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Head {
    /// The maxima of 4 x 4 cells
    #[default]
    Adaptive,
    /// The mean over all of them
    Average,
}

fn one() -> usize {
    1
}

impl NetworkConfiguration {
    /// The seed's own net of that type: dense 128,128, or channels 16,32,45 and dense 128.
    pub fn default_for(network: NetworkType) -> Self {
        match network {
            NetworkType::Mlp => Self::mlp(&[128, 128]),
            NetworkType::Cnn => Self {
                n_channels: vec![16, 32, 45],
                kernel_sizes: vec![3; 3],
                strides: vec![1; 3],
                ..Self::mlp(&[128])
            },
            NetworkType::Resnet => Self {
                n_channels: vec![16, 32, 64],
                ..Self::mlp(&[])
            },
        }
    }

    /// An mlp with these hidden layers.
    pub fn mlp(dense_hiddens: &[usize]) -> Self {
        Self {
            n_channels: Vec::new(),
            kernel_sizes: Vec::new(),
            strides: Vec::new(),
            dense_hiddens: dense_hiddens.to_vec(),
            blocks: 1,
            paddings: Vec::new(),
            batch_norm: false,
            pool: Pool::Max,
            head: Head::Adaptive,
            dropout: 0.0,
            outputs: 1,
        }
    }

    /// Errors where a size is zero, a list has another length than its siblings, or a cnn has no
    /// convolution.
    pub fn validate(&self, network: NetworkType) -> Result<()> {
        positive("`dense_hiddens`", &self.dense_hiddens)?;
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::usage(
                format!("`dropout` {:?} is not from 0 to below 1", self.dropout),
                "try `dropout` 0.5",
            ));
        }
        if network == NetworkType::Mlp {
            return Ok(());
        }
        if network == NetworkType::Resnet {
            positive("`channels`", &self.n_channels)?;
            if !(1..=MAX_BLOCKS).contains(&self.blocks) {
                return Err(Error::usage(
                    format!("`blocks` {} is not from 1 to {MAX_BLOCKS}", self.blocks),
                    "ResNet-18 has 2 in each of its stages, and ResNet-34 up to 6",
                ));
            }
            if self.n_channels.is_empty() {
                return Err(Error::usage(
                    "a resnet needs at least one stage",
                    "give `channels` one value per stage, such as 16,32,64",
                ));
            }
            return Ok(());
        }
        let lists = [
            ("`channels`", &self.n_channels),
            ("`kernel_sizes`", &self.kernel_sizes),
            ("`strides`", &self.strides),
        ];
        let layers = self.n_channels.len();
        if layers == 0 {
            return Err(Error::usage(
                "a cnn needs at least one convolution",
                "give `channels` one value per convolution, or use `net` mlp",
            ));
        }
        for (flag, list) in lists {
            positive(flag, list)?;
            if list.len() != layers {
                return Err(Error::usage(
                    format!(
                        "`channels` has {layers} values, but {flag} has {}",
                        list.len()
                    ),
                    format!("give {flag} one value per convolution, or a single one for all"),
                ));
            }
        }
        let paddings = &self.paddings;
        if !paddings.is_empty() && paddings.len() != layers {
            return Err(Error::usage(
                format!(
                    "`channels` has {layers} values, but `padding` has {}",
                    paddings.len()
                ),
                "give `padding` one value per convolution, a single one for all, or same",
            ));
        }
        if let Some(padding) = paddings.iter().find(|it| **it > MOST_PADDING) {
            return Err(Error::usage(
                format!("`padding` {padding} is more than {MOST_PADDING}"),
                "try `padding` same, or 1 for kernels of 3x3",
            ));
        }
        Ok(())
    }
}

/// More than anybody trains, and few enough for the memory plan.
const MAX_BLOCKS: usize = 100;
/// More zeros around an image say nothing.
const MOST_PADDING: usize = 1 << 10;
/// The same of layers in a list: to plan a net takes time by the square of their number.
const MAX_LAYERS: usize = 1000;

fn positive(flag: &str, list: &[usize]) -> Result<()> {
    /// Beyond this no layer fits any adapter, and sizes multiply without overflow.
    const LARGEST: usize = 1 << 18;
    if list.len() > MAX_LAYERS {
        return Err(Error::usage(
            format!("{flag} has {} values", list.len()),
            format!("give {flag} at most {MAX_LAYERS}"),
        ));
    }
    match list.iter().find(|&&size| size == 0 || size > LARGEST) {
        None => Ok(()),
        Some(size) => Err(Error::usage(
            format!("{flag}: {size} is not a size from 1 to {LARGEST}"),
            format!("give {flag} positive whole numbers, such as 16,32,45"),
        )),
    }
}
