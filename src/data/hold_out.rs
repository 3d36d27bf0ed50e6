//! A validation set, held out of a training set.

use rand_chacha::rand_core::Rng as _;

use super::Dataset;
use crate::error::{Error, Result};
use crate::random::{self, Purpose};

/// Takes `fraction` of the images of `train` out of it, at least one of each: what is left, and what
/// was taken, both in their old order. Which ones depends on the number of images alone, and on no
/// seed: runs of several seeds compare only where they are chosen by the same images.
///
/// Errors where the fraction is not between 0 and 1, or `train` has a single image.
pub fn hold_out(train: &Dataset, fraction: f64) -> Result<(Dataset, Dataset)> {
    if !(fraction > 0.0 && fraction < 1.0) {
        return Err(Error::usage(
            format!("`valid_fraction` {fraction} is not between 0 and 1"),
            "try `valid_fraction` 0.1",
        ));
    }
    let count = train.len();
    if count < 2 {
        return Err(Error::usage(
            "a single training image cannot be parted into training and validation",
            "omit `valid_fraction`, or train on more images",
        ));
    }
    let taken = draw(count, held_out(count, fraction));
    let elements = train.shape.elements();
    let part = |own: bool| {
        let numbers = (0..count).filter(|&number| taken[number] == own);
        let mut images = Vec::with_capacity(numbers.clone().count() * elements);
        let mut targets = Vec::new();
        for number in numbers {
            images.extend_from_slice(&train.images[number * elements..][..elements]);
            targets.push(train.targets[number]);
        }
        let part = Dataset::new(images, targets, train.shape)?;
        Ok(match &train.classes {
            Some(classes) => part.with_classes(classes.clone()),
            None => part,
        })
    };
    Ok((part(false)?, part(true)?))
}

/// How many of `count` images, two at least, [`hold_out`] takes for `fraction`; none for 0.
pub(crate) fn held_out(count: usize, fraction: f64) -> usize {
    if fraction == 0.0 {
        return 0;
    }
    ((count as f64 * fraction).round() as usize).clamp(1, count.saturating_sub(1).max(1))
}

/// Which of `count` numbers are among `wanted` drawn ones: the start of a Fisher-Yates shuffle.
fn draw(count: usize, wanted: usize) -> Vec<bool> {
    let mut stream = random::stream(0, Purpose::Validation);
    let mut numbers: Vec<usize> = (0..count).collect();
    let mut taken = vec![false; count];
    for place in 0..wanted {
        let rest = (count - place) as u128;
        let drawn = (u128::from(stream.next_u64()) * rest) >> 64;
        numbers.swap(place, place + drawn as usize);
        taken[numbers[place]] = true;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::ImageShape;

    fn set(count: usize) -> Dataset {
        let targets = (0..count).map(|number| number as f32).collect();
        let images = (0..count * 2).map(|byte| (byte / 2) as u8).collect();
        Dataset::new(images, targets, ImageShape::new(1, 1, 2)).expect("a data set")
    }

    #[test]
    fn every_image_is_in_one_of_both_with_its_target() {
        let (train, valid) = hold_out(&set(200), 0.25).expect("can be parted");
        assert_eq!((train.len(), valid.len()), (150, 50));
        let mut all: Vec<f32> = [train.targets(), valid.targets()].concat();
        for part in [&train, &valid] {
            assert!(part.targets().is_sorted());
            for (image, target) in part.images().chunks(2).zip(part.targets()) {
                assert_eq!(image, [*target as u8; 2]);
            }
        }
        all.sort_by(f32::total_cmp);
        assert_eq!(all, set(200).targets());
        let again = hold_out(&set(200), 0.25).expect("can be parted");
        assert_eq!(again, (train, valid));
    }

    #[test]
    fn both_have_something_or_it_is_refused() {
        for (count, fraction, valid) in [(2, 0.01, 1), (2, 0.99, 1), (10, 0.999, 9)] {
            assert_eq!(
                hold_out(&set(count), fraction).expect("fits").1.len(),
                valid
            );
        }
        assert!(hold_out(&set(1), 0.5).is_err());
        for fraction in [0.0, 1.0, -0.1, f64::NAN] {
            let error = hold_out(&set(9), fraction).expect_err("makes no sense");
            assert!(error.to_string().contains("`valid_fraction`"), "{error}");
        }
    }
}
