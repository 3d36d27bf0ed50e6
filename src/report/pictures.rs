//! The test samples that a run predicted worst and best, with their pictures.

use super::figures::{Picture, printable, short, shortened};
use super::run_record::{Predicted, RunRecord};
use crate::data::{Classes, Dataset};
use crate::error::{Error, Result};

/// Pictures on a sheet.
const PICTURES: usize = 18;
/// Letters of a class's name below one.
const LETTERS: usize = 30;

/// The samples that a run predicted worst and best.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    /// The greatest absolute error first.
    pub worst: Vec<Picture>,
    /// The least absolute error first.
    pub best: Vec<Picture>,
    /// Why there are none.
    pub missing: Option<String>,
}

impl Pictures {
    /// Those of `run`, from `test` or from the data set that its configuration names.
    pub(super) fn of(run: &RunRecord, test: Option<&Dataset>) -> Self {
        let Some(pairs) = &run.predictions else {
            return Self::without("the run has no predictions.csv, which is written when it ends");
        };
        let labels = run.labels();
        let labels = labels.as_ref();
        let found = match test {
            Some(test) => run.check_test_set(test).and_then(|()| match labels {
                Some(labels) if test.classes() != Some(labels) => {
                    let test = test.clone().classified(labels)?;
                    Ok(select(pairs, &test, Some(labels)))
                }
                _ => Ok(select(pairs, test, labels)),
            }),
            None => run.load_test_set().map(|test| select(pairs, &test, labels)),
        };
        let found: Result<Option<Self>> = found;
        match found {
            Ok(Some(pictures)) => pictures,
            Ok(None) => Self::without("predictions.csv is not of this test set"),
            Err(Error::File { path, what, .. }) => {
                // On the page, only the file's own name.
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                Self::without(&format!("{name}: {what}"))
            }
            Err(error) => Self::without(&error.to_string()),
        }
    }

    fn without(why: &str) -> Self {
        Self {
            missing: Some(printable(why)),
            ..Self::default()
        }
    }
}

/// `None` where `predictions` are not of `test`. Of classes the worst are those that the net was most sure of
/// and wrong, the best those that it was most sure of and right.
fn select(predictions: &[Predicted], test: &Dataset, labels: Option<&Classes>) -> Option<Pictures> {
    let same = |(it, target): (&Predicted, &f32)| it.target == *target;
    if predictions.len() != test.len() || !predictions.iter().zip(test.targets()).all(same) {
        return None;
    }
    let error = |index: usize| {
        let it = predictions[index];
        match it.probability.filter(|_| labels.is_some()) {
            Some(probability) if it.is_right() => -probability,
            Some(probability) => probability,
            None => f64::from((it.prediction - it.target).abs()),
        }
    };
    let mut order: Vec<usize> = (0..predictions.len()).collect();
    // Samples of equal errors in file order: the same sheet every time.
    order.sort_by(|&one, &other| error(one).total_cmp(&error(other)).then(one.cmp(&other)));
    let size = test.shape().elements();
    let picture = |&index: &usize| {
        let planes = &test.images()[index * size..][..size];
        let it = predictions[index];
        let said = [it.target, it.prediction].map(|value| words(value, labels));
        let probability = it.probability.filter(|_| labels.is_some());
        Picture::new(index, planes, test.shape(), said, probability)
    };
    let wrong = |index: &&usize| labels.is_none() || !predictions[**index].is_right();
    let right = |index: &&usize| labels.is_none() || predictions[**index].is_right();
    let worst = order.iter().rev().filter(wrong);
    let best = order.iter().filter(right);
    Some(Pictures {
        worst: worst.take(PICTURES).map(picture).collect(),
        best: best.take(PICTURES).map(picture).collect(),
        missing: None,
    })
}

/// A target or a prediction below a picture: a number, or the name of a class.
fn words(value: f32, labels: Option<&Classes>) -> String {
    match labels {
        None => short(value),
        Some(labels) => shortened(&printable(labels.name(value).unwrap_or_default()), LETTERS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::ImageShape;

    #[test]
    fn the_worst_and_the_best_are_found() {
        let test = Dataset::new(
            vec![0; 4],
            vec![1.0, 2.0, 3.0, 4.0],
            ImageShape::new(1, 1, 1),
        );
        let test = test.expect("a data set");
        let predicted = |(target, prediction): (f32, f32)| Predicted {
            target,
            prediction,
            probability: None,
        };
        let pairs = [(1.0, 1.5), (2.0, 9.0), (3.0, 3.0), (4.0, 4.5)].map(predicted);
        let indices = |list: &[Picture]| list.iter().map(|it| it.index).collect::<Vec<_>>();
        let found = select(&pairs, &test, None).expect("of this set");
        assert_eq!(indices(&found.worst), [1, 3, 0, 2]);
        assert_eq!(indices(&found.best), [2, 0, 3, 1]);
        assert!(select(&pairs[..3], &test, None).is_none());
        let others = [(1.0, 0.0), (2.0, 0.0), (3.0, 0.0), (5.0, 0.0)].map(predicted);
        assert!(select(&others, &test, None).is_none());
    }
}
