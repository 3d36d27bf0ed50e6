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
        let taken = self.last.elapsed();
        self.last = Instant::now();
        self.took(steps, taken);
    }

    fn took(&mut self, steps: usize, taken: Duration) {
        let taken = taken.max(Duration::from_micros(1));
        let ideal = steps as f64 * TARGET.as_secs_f64() / taken.as_secs_f64();
        let most = (self.steps * 2).min(MAX_STEPS);
        self.steps = (ideal as usize).clamp((self.steps / 2).max(1), most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_steps_go_together_and_slow_ones_apart() {
        let mut pace = Pace::default();
        let mut after = |steps, millis| {
            pace.took(steps, Duration::from_millis(millis));
            pace.steps()
        };
        for wanted in [2, 4, 8, 16, 32, 64, 128, MAX_STEPS, MAX_STEPS] {
            assert_eq!(after(wanted / 2, 0), wanted);
        }
        // What takes twice as long as it should is halved, and no more at a time.
        assert_eq!(after(MAX_STEPS, 150), MAX_STEPS / 2);
        assert_eq!(after(MAX_STEPS / 2, 10_000), MAX_STEPS / 4);
        for _ in 0..9 {
            after(1, 10_000);
        }
        assert_eq!(after(1, 10_000), 1);
        assert_eq!(after(1, 75), 1);
    }
}
