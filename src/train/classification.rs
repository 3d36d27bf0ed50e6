//! What logits say, and how good a classification is: over all, per class, and which class is taken for which.

use std::collections::BTreeMap;

/// What a net takes a sample for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guess {
    /// The class, counted from 0.
    pub class: usize,
    /// How sure the net is: the class's share of the softmax.
    pub probability: f64,
}

/// The softmax of `logits`, in f64; NaN where a logit is none or infinite.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers = logits.iter().map(|&it| f64::from(it - largest).exp());
    let powers: Vec<f64> = powers.collect();
    let total: f64 = powers.iter().sum();
    powers.into_iter().map(|it| it / total).collect()
}

impl Guess {
    /// All classes by falling probability; of equal ones the first comes first.
    pub fn all(logits: &[f32]) -> Vec<Self> {
        let probabilities = softmax(logits).into_iter().enumerate();
        let guess = |(class, probability)| Self { class, probability };
        let mut all: Vec<Self> = probabilities.map(guess).collect();
        all.sort_by(|one, other| other.probability.total_cmp(&one.probability));
        all
    }

    /// The most probable class of at least one.
    pub fn of(logits: &[f32]) -> Self {
        let probabilities = softmax(logits).into_iter().enumerate();
        let first = Self {
            class: 0,
            probability: f64::NAN,
        };
        probabilities.fold(first, |best, (class, probability)| {
            if best.probability >= probability {
                best
            } else {
                Self { class, probability }
            }
        })
    }
}

/// How often which class was taken for which.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClassCounts {
    /// By class and what it was taken for; pairs that never occur are missing.
    pairs: BTreeMap<(usize, usize), usize>,
    classes: usize,
}

/// How well one class is told from the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassScore {
    /// Samples of the class.
    pub support: usize,
    /// Which share of what was taken for the class is of it; 0 where nothing was.
    pub precision: f64,
    /// Which share of the class was taken for it; 0 where there is no sample of it.
    pub recall: f64,
    /// The harmonic mean of both; 0 where both are.
    pub f1: f64,
}

impl ClassCounts {
    /// Counts pairs of class and guess, of so many `classes`.
    pub fn new(classes: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut counts = BTreeMap::new();
        for pair in pairs {
            *counts.entry(pair).or_default() += 1;
        }
        Self {
            pairs: counts,
            classes,
        }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How often `class` was taken for `taken`.
    pub fn count(&self, class: usize, taken: usize) -> usize {
        self.pairs.get(&(class, taken)).copied().unwrap_or(0)
    }

    /// Every pair of a class and what samples of it were taken for, and how often, by class.
    pub fn all(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let pairs = self.pairs.iter();
        pairs.map(|(&(class, taken), &count)| (class, taken, count))
    }

    /// Pairs of different classes that were taken one for the other, and how often; the most frequent first.
    pub fn mistakes(&self) -> Vec<(usize, usize, usize)> {
        let mistakes = self.all().filter(|(class, taken, _)| class != taken);
        let mut mistakes: Vec<_> = mistakes.collect();
        mistakes.sort_by_key(|&(class, taken, count)| (std::cmp::Reverse(count), class, taken));
        mistakes
    }

    /// One score per class: as
    /// <https://scikit-learn.org/stable/modules/generated/sklearn.metrics.precision_recall_fscore_support.html>
    /// with `zero_division=0`.
    pub fn scores(&self) -> Vec<ClassScore> {
        let (mut support, mut taken) = (vec![0; self.classes], vec![0; self.classes]);
        for (&(class, guess), count) in &self.pairs {
            support[class] += count;
            taken[guess] += count;
        }
        let share = |part: usize, of: usize| match of {
            0 => 0.0,
            _ => part as f64 / of as f64,
        };
        let score = |class: usize| {
            let right = self.count(class, class);
            ClassScore {
                support: support[class],
                precision: share(right, taken[class]),
                recall: share(right, support[class]),
                f1: share(2 * right, support[class] + taken[class]),
            }
        };
        (0..self.classes).map(score).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// torch.softmax(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64), 0)
    /// ```
    #[test]
    fn guesses_come_by_their_probability() {
        let all = Guess::all(&[1.0, 2.0, 3.0]);
        let wanted = [
            (2, 0.665_240_955_774_821_8),
            (1, 0.244_728_471_054_797_64),
            (0, 0.090_030_573_170_380_46),
        ];
        for (guess, (class, probability)) in all.iter().zip(wanted) {
            assert_eq!(guess.class, class);
            assert!((guess.probability - probability).abs() < 1e-15);
        }
        assert_eq!(Guess::of(&[5.0, 5.0, 1.0]).class, 0);
        assert_eq!(
            Guess::of(&[-1e30, 1e30]),
            Guess {
                class: 1,
                probability: 1.0
            }
        );
        assert!(Guess::of(&[f32::NAN, 0.0]).probability.is_nan());
    }

    /// ```python
    /// sklearn.metrics.precision_recall_fscore_support(
    ///     [0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 0, 1, 0, 2, 0, 2], labels=range(4), zero_division=0)
    /// ```
    #[test]
    fn scores_are_scikit_learns() {
        let pairs = [
            (0, 0),
            (0, 1),
            (0, 0),
            (1, 1),
            (1, 0),
            (2, 2),
            (2, 0),
            (2, 2),
        ];
        let counts = ClassCounts::new(4, pairs);
        let scores = counts.scores();
        let columns = |of: fn(&ClassScore) -> f64| scores.iter().map(of).collect::<Vec<_>>();
        let close = |ours: Vec<f64>, theirs: [f64; 4]| {
            let mut pairs = ours.iter().zip(theirs);
            assert!(
                pairs.all(|(a, b)| (a - b).abs() < 1e-15),
                "{ours:?} {theirs:?}"
            );
        };
        close(columns(|it| it.precision), [0.5, 0.5, 1.0, 0.0]);
        close(columns(|it| it.recall), [2.0 / 3.0, 0.5, 2.0 / 3.0, 0.0]);
        close(columns(|it| it.f1), [4.0 / 7.0, 0.5, 0.8, 0.0]);
        assert_eq!(
            scores.iter().map(|it| it.support).collect::<Vec<_>>(),
            [3, 2, 3, 0]
        );
        assert_eq!(counts.mistakes(), [(0, 1, 1), (1, 0, 1), (2, 0, 1)]);
    }
}
