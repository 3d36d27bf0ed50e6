//! The test samples that a run predicted worst and best, with their pictures.

use super::figures::{Picture, printable};
use super::run_record::RunRecord;
use crate::data::Dataset;
use crate::error::{Error, Result};

/// Pictures on a sheet.
const PICTURES: usize = 18;

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
        let found = match test {
            Some(test) => run.check_test_set(test).map(|()| select(pairs, test)),
            None => run.load_test_set().map(|test| select(pairs, &test)),
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

/// `None` where `pairs` are not of `test`.
fn select(pairs: &[(f32, f32)], test: &Dataset) -> Option<Pictures> {
    let same = |(pair, target): (&(f32, f32), &f32)| pair.0 == *target;
    if pairs.len() != test.len() || !pairs.iter().zip(test.targets()).all(same) {
        return None;
    }
    let error = |index: usize| (pairs[index].1 - pairs[index].0).abs();
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    // Samples of equal errors in file order: the same sheet every time.
    order.sort_by(|&one, &other| error(one).total_cmp(&error(other)).then(one.cmp(&other)));
    let size = test.shape().elements();
    let picture = |&index: &usize| {
        let planes = &test.images()[index * size..][..size];
        let (target, prediction) = pairs[index];
        Picture::new(index, planes, test.shape(), target, prediction)
    };
    Some(Pictures {
        worst: order.iter().rev().take(PICTURES).map(picture).collect(),
        best: order.iter().take(PICTURES).map(picture).collect(),
        missing: None,
    })
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
        let pairs = [(1.0, 1.5), (2.0, 9.0), (3.0, 3.0), (4.0, 4.5)];
        let indices = |list: &[Picture]| list.iter().map(|it| it.index).collect::<Vec<_>>();
        let found = select(&pairs, &test).expect("of this set");
        assert_eq!(indices(&found.worst), [1, 3, 0, 2]);
        assert_eq!(indices(&found.best), [2, 0, 3, 1]);
        assert!(select(&pairs[..3], &test).is_none());
        assert!(select(&[(1.0, 0.0), (2.0, 0.0), (3.0, 0.0), (5.0, 0.0)], &test).is_none());
    }
}
