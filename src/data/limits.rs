//! How much memory a file may take: what its bytes can become, and what is free.
//!
//! A header can claim any size at all, so nothing is allocated before its size is checked. A deflated file
//! holds at most 1032 times its size, and pictures of one colour come close: such a file is no attack by
//! itself. What bounds it then is the memory, and that of what was claimed only what really comes is
//! stored (`stream.rs`).

use std::fs;

use crate::shape::ImageShape;

/// What any file may take: what is made of it has a size, too.
const ALLOWANCE: u64 = 32 << 20;
/// What it may take above that, for each of its bytes: no deflated byte becomes more than 1032, and no
/// byte of an array is held more than eight times, as targets are that take four and their copies.
const PER_BYTE: u64 = 8 * 1032;
/// What is taken to be free where the system does not say.
const UNKNOWN_MEMORY: u64 = 16 << 30;

/// Names that an error lists of a file, which may have a hundred thousand.
pub(super) const NAMES_IN_ERRORS: usize = 8;

/// What helps where a file would take more.
pub(super) const LIMIT_HINT: &str = "copy a damaged file again; of data that are larger than the memory, \
                                     use fewer or smaller images";

/// What is left of the memory that data may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Bytes of the file, where these are the bound.
    file_bytes: Option<u64>,
    all: u64,
    left: u64,
}

impl Budget {
    /// For a file of `file_bytes` bytes.
    pub(super) fn new(file_bytes: u64) -> Self {
        Self::within(file_bytes, free_memory())
    }

    /// For files each of which is checked by itself.
    pub(super) fn of_memory() -> Self {
        Self::within(u64::MAX, free_memory())
    }

    fn within(file_bytes: u64, memory: u64) -> Self {
        let of_file = ALLOWANCE.saturating_add(file_bytes.saturating_mul(PER_BYTE));
        let all = of_file.min(memory);
        Self {
            file_bytes: (all == of_file).then_some(file_bytes),
            all,
            left: all,
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
            match self.file_bytes {
                Some(file_bytes) => format!(
                    "{bytes} bytes, more than the {} MiB + {PER_BYTE} times its size that a file of \
                     {file_bytes} bytes may become",
                    ALLOWANCE >> 20,
                ),
                None => format!(
                    "{bytes} bytes, more than the {} MiB of memory that are free",
                    self.all >> 20
                ),
            }
        })
    }
}

/// Bytes of memory that are free: as Linux says, within the bound that a container sets.
fn free_memory() -> u64 {
    let number = |text: &str| text.split_whitespace().next()?.parse::<u64>().ok();
    let system = fs::read_to_string("/proc/meminfo").ok();
    let system = system.and_then(|text| {
        let mut lines = text.lines();
        let line = lines.find_map(|line| line.strip_prefix("MemAvailable:"))?;
        number(line)?.checked_mul(1 << 10)
    });
    let containers = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ];
    let bounds = containers
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok());
    let bounds = bounds.filter_map(|text| number(&text));
    let known = system.into_iter().chain(bounds);
    known.min().unwrap_or(UNKNOWN_MEMORY)
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
        let mut budget = Budget::within(1000, 1 << 40);
        let all = (32 << 20) + 8_256_000;
        assert_eq!(budget.take(2, all / 2 - 4), Ok(all as usize - 8));
        assert_eq!(budget.take(8, 1), Ok(8));
        let error = budget.take(1, 1).expect_err("nothing is left");
        assert!(error.starts_with("1 bytes, more than the 32 MiB + 8256 times"));
    }

    /// Pictures of one colour deflate a thousandfold; what is too much is what does not fit.
    #[test]
    fn the_memory_is_the_other_bound() {
        let mut budget = Budget::within(1 << 20, 100 << 20);
        assert_eq!(budget.take(600, 120_000), Ok(72_000_000));
        let error = budget.take(600, 120_000).expect_err("does not fit");
        let expected = "72000000 bytes, more than the 100 MiB of memory that are free";
        assert_eq!(error, expected);
        assert!(free_memory() > 1 << 20);
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
