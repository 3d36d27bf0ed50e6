//! How fast a transfer is, so that one that would last for days is given up.

use std::time::{Duration, Instant};

use super::Options;

/// Bytes of a transfer, counted over one stretch of time after the other.
pub(super) struct Pace {
    least_rate: u64,
    stretch: Duration,
    began: Instant,
    bytes: u64,
}

impl Pace {
    pub(super) fn begin(options: &Options) -> Self {
        Self {
            least_rate: options.least_rate,
            stretch: options.rate_over,
            began: Instant::now(),
            bytes: 0,
        }
    }

    /// Counts what has come. False where a stretch has ended that was too slow.
    pub(super) fn keeps_up(&mut self, bytes: usize) -> bool {
        self.bytes += bytes as u64;
        let elapsed = self.began.elapsed();
        if elapsed < self.stretch {
            return true;
        }
        let enough = self.bytes as f64 >= self.least_rate as f64 * elapsed.as_secs_f64();
        (self.began, self.bytes) = (Instant::now(), 0);
        enough
    }
}

/// The longest that `bytes` may take: also what does not count as bytes of the file, such as the
/// lengths of chunks, comes to an end.
pub(super) fn longest(bytes: u64, options: &Options) -> Duration {
    let seconds = bytes / options.least_rate.max(1);
    options
        .rate_over
        .saturating_add(Duration::from_secs(seconds))
}
