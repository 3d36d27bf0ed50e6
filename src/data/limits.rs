//! The one rule about how much memory a file may take.
//!
//! A compressed file of a few kilobytes can inflate to gigabytes, and a header can claim any size at
//! all. So nothing is allocated before its size is checked against the size of the file. Real
//! pictures inflate little: MNIST's official files 4.7 times, the SVHN crops 1.3 times. The allowance in
//! front is for small files, which are harmless however well they are compressed.

use crate::shape::ImageShape;

/// What any file may take.
const ALLOWANCE: u64 = 32 << 20;
/// What it may take above that, for each of its bytes.
const PER_BYTE: u64 = 64;

/// Names that an error lists of a file, which may have a hundred thousand.
pub(super) const NAMES_IN_ERRORS: usize = 8;

/// What helps where a file would take more.
pub(super) const LIMIT_HINT: &str =
    "store the data uncompressed, or in files that hold less; a damaged file is to be copied again";

/// What is left of the memory that one file may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    file_bytes: u64,
    left: u64,
}

impl Budget {
    /// For a file of `file_bytes` bytes, or several that have so many together.
    pub(super) fn new(file_bytes: u64) -> Self {
        Self {
            file_bytes,
            left: ALLOWANCE.saturating_add(file_bytes.saturating_mul(PER_BYTE)),
        }
    }

    /// Takes `items` times `bytes_each` bytes, and gives their product; says why not where they are
    /// too many.
    pub(super) fn take(&mut self, items: u64, bytes_each: u64) -> Result<usize, String> {
        let wanted = items.checked_mul(bytes_each);
        let granted = wanted.and_then(|wanted| {
            self.left = self.left.checked_sub(wanted)?;
            usize::try_from(wanted).ok()
        });
        granted.ok_or_else(|| {
            let bytes = u128::from(items) * u128::from(bytes_each);
            format!(
                "{bytes} bytes, more than the {} MiB + {PER_BYTE} times its size that a file of {} \
                 bytes may become",
                ALLOWANCE >> 20,
                self.file_bytes
            )
        })
    }
}

/// The shape of an image of these sizes, where it has any pixel and its bytes can be counted.
pub(super) fn image_shape(channels: u64, height: u64, width: u64) -> Option<ImageShape> {
    let bytes = channels.checked_mul(height)?.checked_mul(width)?;
    let [c, h, w] = [channels, height, width].map(|size| usize::try_from(size).ok());
    usize::try_from(bytes).ok().filter(|&bytes| bytes > 0)?;
    Some(ImageShape::new(c?, h?, w?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_once() {
        let mut budget = Budget::new(1000);
        let all = (32 << 20) + 64_000;
        assert_eq!(budget.take(2, all / 2 - 4), Ok(all as usize - 8));
        assert_eq!(budget.take(8, 1), Ok(8));
        let error = budget.take(1, 1).expect_err("nothing is left");
        assert!(error.starts_with("1 bytes, more than the 32 MiB + 64 times"));
    }

    #[test]
    fn no_product_overflows() {
        let error = Budget::new(u64::MAX).take(u64::MAX, 784).expect_err("huge");
        assert!(
            error.starts_with("14462247353788288466160 bytes"),
            "{error}"
        );
        assert_eq!(image_shape(3, u64::MAX, 2), None);
        assert_eq!(image_shape(3, 0, 2), None);
        assert_eq!(image_shape(3, 4, 2), Some(ImageShape::new(3, 4, 2)));
    }
}
