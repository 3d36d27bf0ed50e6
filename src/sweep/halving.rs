//! Successive halving: all runs train a little, the best share of them goes on, and so on until few are trained to the
//! end.
//!
//! Source: Jamieson and Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, 2016,
//! <https://arxiv.org/abs/1502.07943>.

use std::path::Path;

use super::axes::SLOWEST;
use super::description::Sweep;
use super::execute::{Execution, SweepEvent};
use super::folder::SweepFolder;
use super::summary::Status;
use crate::error::Result;
use crate::run::{RunConfig, RunFolder};
use crate::train::EpochMetrics;

/// Settings by which runs have losses of other kinds, or end at other times: runs that vary by them do not compete.
pub(super) const NOT_COMPARABLE: [&str; 4] = ["best-by", "epochs", "huber-delta", "loss"];

/// A stage of successive halving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// Candidates that it trains.
    pub candidates: usize,
    /// Epochs that each has trained at its end, the rungs before included.
    pub epochs: usize,
}

/// The rungs of so many `candidates`, of which each rung keeps one of `factor`, the last one trained for `epochs`: as
/// many as there are candidates and whole epochs for.
pub fn rungs(candidates: usize, factor: usize, epochs: usize) -> Vec<Rung> {
    let powers = std::iter::successors(Some(1_usize), |power| power.checked_mul(factor.max(2)));
    let powers = powers.take_while(|&power| power <= candidates.min(epochs));
    let powers: Vec<usize> = powers.collect();
    let rung = |(below, above): (&usize, &usize)| Rung {
        candidates: candidates / below,
        epochs: (epochs as f64 / *above as f64).round() as usize,
    };
    powers.iter().zip(powers.iter().rev()).map(rung).collect()
}

impl Execution<'_> {
    /// Trains the runs of `folder` by successive halving, one of `factor` candidates going on from each rung.
    pub(super) fn halve(
        &mut self,
        folder: &mut SweepFolder,
        factor: usize,
        interrupted: &impl Fn() -> bool,
        on_event: &mut impl FnMut(&SweepEvent<'_>) -> Result<()>,
    ) -> Result<()> {
        let sweep = folder.sweep().clone();
        let mut candidates = sweep.candidates();
        let rungs = sweep.rungs(factor);
        for (place, rung) in rungs.iter().enumerate() {
            let is_last = place + 1 == rungs.len();
            let until = (!is_last).then_some(rung.epochs);
            let runs: Vec<usize> = candidates.iter().flatten().copied().collect();
            let mut is_news = false;
            for (trained, &index) in runs.iter().enumerate() {
                if folder.has_ended(index) || until.is_some_and(|it| has_trained(folder, index, it))
                {
                    continue;
                }
                let more = runs.len() - trained - 1 + after(&rungs[place + 1..], &candidates);
                self.train(folder, &sweep, (index, until, more), interrupted, on_event)?;
                is_news = true;
            }
            let Some(next) = rungs.get(place + 1) else {
                break;
            };
            let kept = best(folder, &candidates, rung.epochs, next.candidates)?;
            let dropped: Vec<usize> = runs
                .iter()
                .copied()
                .filter(|run| !kept.iter().flatten().any(|it| it == run))
                .collect();
            is_news |= folder.drop_runs(&dropped)?;
            if is_news {
                on_event(&SweepEvent::RungEnded {
                    rung: place + 1,
                    rungs: rungs.len(),
                    epochs: rung.epochs,
                    dropped: &dropped,
                    kept: &kept.concat(),
                })?;
            }
            candidates = kept;
        }
        Ok(())
    }
}

/// Trainings that the rungs of `later` bring.
fn after(later: &[Rung], candidates: &[Vec<usize>]) -> usize {
    let seeds = candidates.first().map_or(1, Vec::len);
    later.iter().map(|rung| rung.candidates * seeds).sum()
}

impl Sweep {
    /// Runs that compete: those that differ by their seeds alone are one candidate.
    pub(super) fn candidates(&self) -> Vec<Vec<usize>> {
        let others = |index: usize| {
            let varies = self.runs[index].varies.iter();
            varies
                .filter(|(key, _)| !SLOWEST.contains(&&key[..]))
                .collect::<Vec<_>>()
        };
        let mut candidates: Vec<Vec<usize>> = Vec::new();
        for index in 0..self.runs.len() {
            let same = |it: &&mut Vec<usize>| others(it[0]) == others(index);
            match candidates.iter_mut().find(same) {
                Some(candidate) => candidate.push(index),
                None => candidates.push(vec![index]),
            }
        }
        candidates
    }

    /// The rungs of its halving by `factor`.
    pub fn rungs(&self, factor: usize) -> Vec<Rung> {
        let epochs = self.runs.first().map_or(0, |run| run.config.epochs);
        rungs(self.candidates().len(), factor, epochs)
    }
}

/// Whether run `index` of `folder` has trained `epochs`, or more, and that is recorded.
fn has_trained(folder: &SweepFolder, index: usize, epochs: usize) -> bool {
    let recorded = folder.summary().value(index, "epochs").parse::<usize>();
    folder.run_path(index).exists() && recorded.is_ok_and(|recorded| recorded >= epochs)
}

fn logs(path: &Path) -> Result<Vec<EpochMetrics>> {
    Ok(RunFolder::open(path)?.checkpoint()?.logs)
}

/// The best `count` of `candidates` after `epochs`, in the order that they had. Of two equal ones, the first.
fn best(
    folder: &SweepFolder,
    candidates: &[Vec<usize>],
    epochs: usize,
    count: usize,
) -> Result<Vec<Vec<usize>>> {
    let mut ranked = Vec::new();
    for (place, candidate) in candidates.iter().enumerate() {
        let mut sum = 0.0;
        for &index in candidate {
            sum += score(folder, index, epochs)?;
        }
        ranked.push((sum / candidate.len() as f64, place));
    }
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut kept: Vec<usize> = ranked.iter().take(count).map(|it| it.1).collect();
    kept.sort_unstable();
    Ok(kept
        .into_iter()
        .map(|place| candidates[place].clone())
        .collect())
}

/// What the validation set says of the best of the first `epochs` of run `index`; lower is better.
fn score(folder: &SweepFolder, index: usize, epochs: usize) -> Result<f64> {
    let RunConfig { best_by, .. } = folder.sweep().runs[index].config;
    let diverged = folder.summary().status(index) == Status::Diverged;
    let logs = match logs(&folder.run_path(index)) {
        Err(_) if diverged => Vec::new(),
        logs => logs?,
    };
    // One that diverged later was as good as others here, which a resumed sweep has to find again.
    if diverged && logs.len() < epochs {
        return Ok(f64::INFINITY);
    }
    let scores = logs.iter().take(epochs);
    let scores = scores.filter_map(|epoch| Some(best_by.score(epoch.valid.as_ref()?)));
    Ok(scores.fold(f64::INFINITY, f64::min))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_keep_a_share_and_train_as_many_times_longer() {
        let of = |candidates, factor, epochs| -> Vec<(usize, usize)> {
            let rungs = rungs(candidates, factor, epochs);
            rungs.iter().map(|it| (it.candidates, it.epochs)).collect()
        };
        // Table 1 of Li et al., Hyperband, 2018, its first column: 81 of 1, 27 of 3, 9 of 9, 3 of 27, 1 of 81.
        assert_eq!(of(81, 3, 81), [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)]);
        assert_eq!(of(20, 3, 50), [(20, 6), (6, 17), (2, 50)]);
        // Without epochs for more rungs, several come to the end.
        assert_eq!(of(20, 3, 3), [(20, 1), (6, 3)]);
        assert_eq!(of(20, 3, 1), [(20, 1)]);
        assert_eq!(of(2, 3, 50), [(2, 50)]);
        assert_eq!(of(1, 2, 5), [(1, 5)]);
    }
}
