//! How long a training will still take: all of it, with its evaluations, and with the runs behind it.

use std::time::Instant;

/// Counts what was trained since a process began to, and what is left.
#[derive(Debug, Default)]
pub(super) struct TimeLeft {
    /// When the first epoch of all runs began.
    begun: Option<Instant>,
    /// When the first epoch of this run did.
    run_begun: Option<Instant>,
    /// Runs that have begun, and those behind this one.
    runs: usize,
    more_runs: usize,
    /// Epochs behind this one, and samples of one.
    more_epochs: usize,
    samples: usize,
    /// Samples of this run that this process trained on, and the place in the epoch.
    trained: usize,
    place: Option<usize>,
}

impl TimeLeft {
    /// Another run begins, after which there are so many `more`.
    pub(super) fn begin_run(&mut self, more: usize) {
        self.runs += 1;
        self.more_runs = more;
        self.run_begun = None;
        self.trained = 0;
    }

    /// An epoch of so many `samples` begins or goes on, after which there are so many `more`.
    pub(super) fn begin_epoch(&mut self, more: usize, samples: usize) {
        let now = Instant::now();
        self.begun.get_or_insert(now);
        self.run_begun.get_or_insert(now);
        self.more_epochs = more;
        self.samples = samples;
        self.place = None;
    }

    /// Seconds that are left when `place` samples of the epoch were trained on; `None` before anything tells.
    pub(super) fn after(&mut self, place: usize) -> Option<f64> {
        // Of an epoch that goes on, this process did not train the beginning.
        self.trained += place - self.place.unwrap_or(place).min(place);
        self.place = Some(place);
        let run = self.run_begun?.elapsed().as_secs_f64();
        let all = self.begun?.elapsed().as_secs_f64();
        self.estimate(place, run, all)
    }

    /// The same, when this run took `run` seconds so far, and all of them took `all`.
    fn estimate(&self, place: usize, run: f64, all: f64) -> Option<f64> {
        if self.trained == 0 {
            return None;
        }
        let left = self.samples.saturating_sub(place) + self.more_epochs * self.samples;
        let of_run = run / self.trained as f64 * left as f64;
        // Runs behind this one take as long as those so far, on the average.
        let each = (all + of_run) / self.runs.max(1) as f64;
        Some(of_run + each * self.more_runs as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_epochs_and_all_runs_are_counted() {
        let mut left = TimeLeft::default();
        left.begin_epoch(3, 100);
        assert_eq!(left.after(10), None);
        left.after(60);
        // 50 samples took 5 s; 40 and three epochs are left.
        assert_eq!(left.estimate(60, 5.0, 5.0), Some(34.0));
        left.begin_run(0);
        left.begin_run(2);
        left.begin_epoch(0, 100);
        left.after(0);
        left.after(50);
        // This run takes 10 s, and the one before took 30 s: 20 s each.
        assert_eq!(left.estimate(50, 5.0, 35.0), Some(5.0 + 2.0 * 20.0));
    }
}
