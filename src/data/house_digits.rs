//! x
use super::Split;
use crate::error::{Error, Result};
/// x
pub const TRAIN_IMAGES: usize = 8192;
/// x
pub const TEST_IMAGES: usize = 2048;
/// x
pub fn generate(_train: usize, _test: usize, _seed: u64) -> Result<Split> {
    Err(Error::usage("a", "b"))
}
/// x
pub fn check_counts(_train: usize, _test: usize) -> Result<()> {
    Ok(())
}
