//! The activations, known by number to the shaders and by name to everyone else.

use serde::{Deserialize, Serialize};

/// What follows a layer's sum. The numbers are those of `shaders/shared/activation.wgsl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Activation {
    /// None: the output as it is.
    #[cfg_attr(feature = "cli", value(skip))]
    Linear = 0,
    /// `max(x, 0)`.
    Relu = 1,
    /// `1 / (1 + e^-x)`.
    Sigmoid = 2,
    /// `tanh(x)`.
    Tanh = 3,
}

impl Activation {
    /// The activation of that number.
    ///
    /// # Panics
    /// For a number that no activation has: a bug of the caller.
    pub fn from_number(number: u32) -> Self {
        [Self::Linear, Self::Relu, Self::Sigmoid, Self::Tanh][number as usize]
    }

    /// Name as on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Relu => "relu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
        }
    }
}
