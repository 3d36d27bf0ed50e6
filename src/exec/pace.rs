//! How many steps go to a device at once.

use std::time::{Duration, Instant};

use super::submissions::MAX_STEPS;

/// How long a submission should take: long enough to hide what it costs, short enough for progress
/// bars and for watchdogs that kill a driver after two seconds.
const TARGET: Duration = Duration::from_millis(75);

/// Chooses how many steps a submission holds from how long they took. Results do not depend on it.
#[derive(Debug)]
pub(super) struct Pace {
    steps: usize,
    last: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            steps: 1,
            last: Instant::now(),
        }
    }
}

impl Pace {
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    pub(super) fn start(&mut self) {
        self.last = Instant::now();
    }

    /// A submission of `steps` retired: the next ones grow or shrink towards [`TARGET`], at most
    /// by a factor of two, since the first ones also compile shaders.
    pub(super) fn retired(&mut self, steps: usize) {
        let taken = self.last.elapsed().max(Duration::from_micros(1));
        self.last = Instant::now();
        let ideal = steps as f64 * TARGET.as_secs_f64() / taken.as_secs_f64();
        let most = (self.steps * 2).min(MAX_STEPS);
        self.steps = (ideal as usize).clamp((self.steps / 2).max(1), most);
    }
}
