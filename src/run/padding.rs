//! What is asked of the zeros around the input of convolutions.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Pixels of zeros on every side of each convolution's input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Padding {
    /// As many as leave images their size.
    Same(SameSize),
    /// One number per convolution, or one for all.
    Pixels(Vec<usize>),
}

/// The word for [`Padding::Same`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SameSize {
    /// `same`, as PyTorch's.
    Same,
}

impl std::str::FromStr for Padding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "same" {
            return Ok(Self::Same(SameSize::Same));
        }
        let pixels = |entry: &str| {
            let entry = entry.trim();
            let parsed = entry.parse();
            parsed.map_err(|_| {
                format!("'{entry}' is not a whole number; write same, or a list as 1,1,0")
            })
        };
        text.split(',')
            .map(pixels)
            .collect::<Result<_, _>>()
            .map(Self::Pixels)
    }
}

impl Padding {
    /// The pixels of each of so many convolutions with those kernels.
    pub(super) fn of(&self, kernels: &[usize], count: usize) -> Vec<usize> {
        match self {
            Self::Same(_) => kernels
                .iter()
                .map(|kernel| kernel.saturating_sub(1) / 2)
                .collect(),
            Self::Pixels(one) if one.len() == 1 => vec![one[0]; count],
            Self::Pixels(all) => all.clone(),
        }
    }

    /// Errors where no padding leaves images their size.
    pub(super) fn check(&self, kernels: &[usize], strides: &[usize]) -> Result<()> {
        let hint = "give `padding` as numbers of pixels";
        if *self != Self::Same(SameSize::Same) {
            return Ok(());
        }
        if let Some(kernel) = kernels.iter().find(|kernel| **kernel % 2 == 0) {
            let what = format!("`padding` same needs odd kernel sizes, and one is {kernel}");
            return Err(Error::usage(what, hint));
        }
        if let Some(stride) = strides.iter().find(|stride| **stride != 1) {
            let what = format!("`padding` same needs strides of 1, and one is {stride}");
            return Err(Error::usage(what, hint));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_same_or_pixels() {
        let padding = |text: &str| text.parse::<Padding>();
        assert_eq!(
            padding("same").map(|it| it.of(&[3, 5, 1], 3)),
            Ok(vec![1, 2, 0])
        );
        assert_eq!(padding("2").map(|it| it.of(&[3, 5], 2)), Ok(vec![2, 2]));
        assert_eq!(padding("1, 0").map(|it| it.of(&[3, 5], 2)), Ok(vec![1, 0]));
        for wrong in ["", "-1", "1,,2", "valid", "0.5"] {
            assert!(padding(wrong).is_err(), "{wrong}");
        }
        let same = Padding::Same(SameSize::Same);
        assert!(same.check(&[3], &[1]).is_ok());
        assert!(same.check(&[2], &[1]).is_err() && same.check(&[3], &[2]).is_err());
    }
}
