//! The learning-rate range test: the loss while the learning rate grows from step to step.
//!
//! Source: Smith, Cyclical Learning Rates for Training Neural Networks, 2017,
//! <https://arxiv.org/abs/1506.01186>.

use serde::Serialize;

use super::schedule::ScheduleConfig;
use super::trainer::Trainer;
use crate::error::{Error, Result};

/// Weight of what was before in the smoothed loss.
const SMOOTHING: f64 = 0.9;
/// The test ends where the smoothed loss is this many times its lowest.
const BLOWN_UP: f64 = 4.0;
/// Points that a slope is measured over, to each side.
const REACH: usize = 3;
/// Before so many points the smoothed loss hangs on few batches: it falls by chance.
const SETTLED: usize = 10;
/// A smoothed loss this many times its lowest so far has left the range in which it is learned.
const RISEN: f64 = 1.5;

/// Learning rates to try.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LrRange {
    /// The first one.
    pub from: f64,
    /// The last one, if the loss does not blow up before.
    pub to: f64,
    /// How many, each the same factor above the one before.
    pub steps: usize,
}

impl Default for LrRange {
    fn default() -> Self {
        Self {
            from: 1e-7,
            to: 1.0,
            steps: 140,
        }
    }
}

/// A step of the test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LrPoint {
    /// Learning rate.
    pub lr: f64,
    /// Mean squared error of the batch, before the update.
    pub loss: f64,
    /// The losses so far, the latest weighing most.
    pub smoothed: f64,
}

impl LrRange {
    fn rate(&self, step: usize) -> f64 {
        let share = step as f64 / (self.steps - 1).max(1) as f64;
        self.from * (self.to / self.from).powf(share)
    }
}

impl Trainer<'_> {
    /// Trains a step with each learning rate of `range`; the trainer is afterwards what it was
    /// before. Fewer points than steps where the loss blew up.
    pub fn find_lr(&mut self, range: &LrRange) -> Result<Vec<LrPoint>> {
        if !(range.from > 0.0 && range.from < range.to && range.to <= 1e3 && range.steps >= 2) {
            return Err(Error::usage(
                format!(
                    "{} steps from {} to {} are no range",
                    range.steps, range.from, range.to
                ),
                "try 140 steps from 1e-7 to 1",
            ));
        }
        let before = (self.state()?, self.options.lr, self.options.schedule);
        self.options.schedule = ScheduleConfig::default();
        let points = self.range_test(range);
        (self.options.lr, self.options.schedule) = (before.1, before.2);
        self.restore(&before.0)?;
        points
    }

    fn range_test(&mut self, range: &LrRange) -> Result<Vec<LrPoint>> {
        let mut points: Vec<LrPoint> = Vec::new();
        let (mut average, mut lowest) = (0.0, f64::INFINITY);
        for step in 0..range.steps {
            self.options.lr = range.rate(step);
            let loss = match self.training_step() {
                Ok(metrics) => metrics.loss(),
                Err(Error::Diverged { .. }) => break,
                Err(other) => return Err(other),
            };
            average = SMOOTHING * average + (1.0 - SMOOTHING) * loss;
            // An average that began at 0 is too low at first.
            let smoothed = average / (1.0 - SMOOTHING.powf(step as f64 + 1.0));
            lowest = smoothed.min(lowest);
            points.push(LrPoint {
                lr: self.options.lr,
                loss,
                smoothed,
            });
            if smoothed > BLOWN_UP * lowest {
                break;
            }
        }
        Ok(points)
    }
}

/// The learning rate at which the smoothed loss falls most steeply by the logarithm of the learning
/// rate, before it rises again: after a loss that blew up it falls steeply too, and may fall lower.
/// `None` where it falls nowhere, or there are too few points to tell.
pub fn suggest_lr(points: &[LrPoint]) -> Option<f64> {
    let slope = |at: usize| {
        let (left, right) = (points[at - REACH], points[at + REACH]);
        (right.smoothed - left.smoothed) / (right.lr / left.lr).ln()
    };
    let mut lowest = SETTLED;
    for at in SETTLED..points.len() {
        if points[at].smoothed > RISEN * points[lowest].smoothed {
            break;
        }
        if points[at].smoothed < points[lowest].smoothed {
            lowest = at;
        }
    }
    let last = (lowest + 1).min(points.len().saturating_sub(REACH));
    let steepest = (SETTLED..last).min_by(|&a, &b| slope(a).total_cmp(&slope(b)))?;
    (slope(steepest) < 0.0).then(|| points[steepest].lr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steepest_fall_is_suggested() {
        let range = LrRange::default();
        let points = |loss: fn(f64) -> f64| -> Vec<LrPoint> {
            let point = |step| {
                let lr = range.rate(step);
                let loss = loss(lr.log10());
                LrPoint {
                    lr,
                    loss,
                    smoothed: loss,
                }
            };
            (0..range.steps).map(point).collect()
        };
        // A step down around 1e-3.
        let lr = suggest_lr(&points(|log| 3.0 - (log + 3.0).atan())).expect("it falls");
        assert!((-3.1..-2.9).contains(&lr.log10()), "{lr}");
        // A loss that blows up and falls again, more steeply than before.
        let lr = suggest_lr(&points(|log| match log {
            ..-1.0 => 3.0 - (log + 3.0).atan(),
            _ => 50.0 * (0.5 - log),
        }));
        assert!((-3.1..-2.9).contains(&lr.expect("it falls").log10()));
        // The same, and it ends lower than it was before.
        let lr = suggest_lr(&points(|log| match log {
            ..-1.0 => 3.0 - (log + 3.0).atan(),
            _ => 50.0 * (0.02 - log),
        }));
        assert!((-3.1..-2.9).contains(&lr.expect("it falls").log10()));
        // A first batch that happened to be easy hides nothing.
        let lr = suggest_lr(&points(|log| match log {
            ..-6.8 => 0.1,
            _ => 3.0 - (log + 3.0).atan(),
        }));
        assert!((-3.1..-2.9).contains(&lr.expect("it falls").log10()));
        // Chance, before anything was learned.
        let noise = |log: f64| if log < -6.8 { -log } else { 1.0 };
        assert_eq!(suggest_lr(&points(noise)), None);
        assert_eq!(suggest_lr(&points(|log| 9.0 + log)), None);
        assert_eq!(suggest_lr(&points(|_| 1.0)[..6]), None);
        assert_eq!(suggest_lr(&[]), None);
    }

    #[test]
    fn rates_grow_by_one_factor() {
        let range = LrRange {
            from: 1e-4,
            to: 1e-1,
            steps: 4,
        };
        for (step, want) in [1e-4, 1e-3, 1e-2, 1e-1].into_iter().enumerate() {
            assert!((range.rate(step) / want - 1.0).abs() < 1e-12);
        }
    }
}
