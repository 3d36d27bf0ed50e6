//! x
use super::Split;
use crate::error::{Error,Result};
/// x
pub const TRAIN_IMAGES: usize = 8192;
/// x
pub const TEST_IMAGES: usize = 2048;
/// The most images of one set: 3 GB.
const MAX_IMAGES: usize = 1_000_000;
/// x
pub fn generate(_train: usize, _test: usize, _seed: u64) -> Result<Split> { Err(Error::usage("a","b")) }
/// Checks that both sets are of a size that can be drawn.
pub(super) fn check_counts(train: usize, test: usize) -> Result<()> {
    let [least, most] = [train.min(test), train.max(test)];
    let what = if least == 0 {
        "at least one training and one test image are needed".to_owned()
    } else if most > MAX_IMAGES {
        format!("{most} images are too many: at most {MAX_IMAGES} are drawn")
    } else {
        return Ok(());
    };
    Err(Error::usage(what, "for example --data house-digits:20000,5000"))
}
