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
/// A loss that is lowest within so many points of the first one falls nowhere.
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
                    "{} steps from {} to {} are not a range",
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

/// What a range test suggests, by two rules of fastai's `lr_find`
/// (<https://docs.fast.ai/callback.schedule.html>), over our smoothing of the losses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LrSuggestion {
    /// A tenth of the learning rate at which the smoothed loss is lowest: what to train with. On the nets and data
    /// that were measured, the best learning rate was within a factor of three (docs/experiments.md).
    pub tenth_of_minimum: f64,
    /// Half-way down the longest valley, the most points of which each is lower than those before: more cautious.
    pub valley: f64,
}

/// What `points` suggest: before the smoothed loss rises again, since after a loss that blew up it falls too, and
/// may fall lower. `None` where it falls nowhere, or there are too few points to tell.
pub fn suggest_lr(points: &[LrPoint]) -> Option<LrSuggestion> {
    let settled = points.get(SETTLED..)?;
    let mut lowest = 0;
    for (at, point) in settled.iter().enumerate() {
        if point.smoothed > RISEN * settled[lowest].smoothed {
            break;
        }
        if point.smoothed < settled[lowest].smoothed {
            lowest = at;
        }
    }
    if lowest < REACH {
        return None;
    }
    Some(LrSuggestion {
        tenth_of_minimum: settled[lowest].lr / 10.0,
        valley: settled[valley(&settled[..=lowest])].lr,
    })
}

/// The point half-way down the longest valley of `points`, as fastai counts it.
fn valley(points: &[LrPoint]) -> usize {
    // Of the valley that ends at each point, how many there are.
    let mut lengths = vec![1; points.len()];
    let mut end = 0;
    for at in 1..points.len() {
        let higher = (0..at).filter(|&before| points[at].smoothed < points[before].smoothed);
        lengths[at] = 1 + higher.map(|before| lengths[before]).max().unwrap_or(0);
        if lengths[at] > lengths[end] {
            end = at;
        }
    }
    let length = lengths[end];
    (end + length / 3 + length / 6).saturating_sub(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(range: LrRange, loss: impl Fn(usize, f64) -> f64) -> Vec<LrPoint> {
        let point = |step| {
            let lr = range.rate(step);
            let loss = loss(step, lr.log10());
            LrPoint {
                lr,
                loss,
                smoothed: loss,
            }
        };
        (0..range.steps).map(point).collect()
    }

    /// Places that fastai 2.8's `valley` gives.
    #[test]
    fn the_valley_is_fastais() {
        let of = |losses: &[f64]| {
            let range = LrRange {
                steps: losses.len(),
                ..LrRange::default()
            };
            valley(&points(range, |step, _| losses[step]))
        };
        let falls = |i: usize| {
            let i = i as f64;
            3.0 - ((i - 60.0) / 8.0).atan() + 0.15 * (1.7 * i).sin()
        };
        assert_eq!(of(&(0..100).map(falls).collect::<Vec<_>>()), 77);
        assert_eq!(of(&[5.0, 4.0, 3.0, 2.0, 1.0]), 0);
        assert_eq!(of(&[9.0, 8.0, 9.0, 7.0, 9.0, 6.0, 5.0, 4.0, 3.0]), 4);
    }

    #[test]
    fn a_tenth_of_the_lowest_loss_is_suggested() {
        let test = |loss: fn(f64) -> f64| {
            suggest_lr(&points(LrRange::default(), |_, log| loss(log))).map(|it| {
                assert!(it.valley <= 10.0 * it.tenth_of_minimum, "{it:?}");
                it.tenth_of_minimum.log10()
            })
        };
        // A step down around 1e-3, that rises again from 1e-2 on.
        let valley = |log: f64| 3.0 - (log + 3.0).atan() + (log + 2.0).max(0.0).powi(2);
        let near = |found: Option<f64>| found.is_some_and(|it| (-2.9..-2.5).contains(&it));
        assert!(near(test(valley)));
        // A loss that blows up and falls again, lower than it was before.
        let blown_up = |log: f64| match log {
            ..-1.0 => 3.0 - (log + 3.0).atan() + (log + 2.0).max(0.0).powi(2),
            _ => 50.0 * (0.02 - log),
        };
        assert!(near(test(blown_up)));
        // A first batch that happened to be easy hides nothing.
        let easy = |log: f64| match log {
            ..-6.8 => 0.1,
            _ => 3.0 - (log + 3.0).atan() + (log + 2.0).max(0.0).powi(2),
        };
        assert!(near(test(easy)));
        // Chance, before anything was learned.
        assert_eq!(test(|log| if log < -6.8 { -log } else { 1.0 }), None);
        assert_eq!(test(|log| 9.0 + log), None);
        let flat = points(LrRange::default(), |_, _| 1.0);
        assert_eq!(suggest_lr(&flat[..6]), None);
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
