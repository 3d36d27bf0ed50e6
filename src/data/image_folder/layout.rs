//! Which folders hold which set, and what becomes the test set where none does.

use std::path::{Path, PathBuf};

use rand_chacha::rand_core::Rng as _;

use super::labels_csv::LABELS_FILE;
use super::listing::{Listed, Listing, Sample, entries, is_image_name, listed};
use crate::data::Loading;
use crate::error::{Error, Result};
use crate::random::{self, Purpose};

/// Folder of the training images.
pub const TRAIN_FOLDER: &str = "train";
/// Folder of the test images.
pub const TEST_FOLDER: &str = "test";
/// Folders of images to choose the best weights by, of which there is one at most.
const VALID_FOLDERS: [&str; 3] = ["val", "valid", "validation"];
/// Folders within folders in which a first picture is looked for.
const LOOKED_INTO: usize = 3;

/// The sets of a folder.
pub(super) struct Sets {
    /// Where their pictures are, for the words of errors.
    pub(super) folder: PathBuf,
    /// To train on, to test on and, where there is one, to validate on.
    pub(super) listed: Listed,
}

/// Whether `folder` holds pictures by classes, or by a table, going by names alone.
pub(in crate::data) fn accepts(folder: &Path) -> bool {
    if !folder.is_dir() {
        return false;
    }
    if folder.join(TRAIN_FOLDER).is_dir() || folder.join(LABELS_FILE).is_file() {
        return true;
    }
    let entries = entries(folder).unwrap_or_default();
    let mut folders = entries.iter().filter(|(_, path)| path.is_dir());
    folders.any(|(_, path)| holds_image(path, LOOKED_INTO))
}

fn holds_image(folder: &Path, depth: usize) -> bool {
    let entries = entries(folder).unwrap_or_default();
    let is_one = |path: &Path| is_image_name(path) && path.is_file();
    entries.iter().any(|(_, path)| is_one(path))
        || depth > 0
            && entries
                .iter()
                .any(|(_, path)| path.is_dir() && holds_image(path, depth - 1))
}

/// Looks through `folder`, at names alone; draws a test set where `loading` says so.
pub(super) fn sets(folder: &Path, loading: &Loading<'_>) -> Result<Sets> {
    let below = |name: &str| Some(folder.join(name)).filter(|it| it.is_dir());
    let train = below(TRAIN_FOLDER);
    let (test, valid) = match &train {
        Some(_) => (below(TEST_FOLDER), valid_folder(folder)?),
        None => (None, None),
    };
    let train = Listing::of(train.as_deref().unwrap_or(folder))?;
    let fraction = loading.test_fraction;
    match &test {
        Some(test) if fraction > 0.0 => {
            let hint = "omit `test_fraction`, or move that folder away";
            return Err(Error::file(test, "is a test set already", hint));
        }
        None if fraction == 0.0 => {
            let hint = "`test_fraction` 0.2 takes a fifth of the pictures of every class as the test set; or put \
                        them into a folder test/ beside train/";
            return Err(Error::file(folder, "holds no test set", hint));
        }
        _ => {}
    }
    let others = test.iter().chain(&valid);
    let others = others.map(|it| Listing::of(it)).collect::<Result<_>>()?;
    let mut listed = listed(train, others)?;
    if test.is_none() {
        let all = std::mem::take(&mut listed.samples[0]);
        if all.len() < 2 {
            let hint = "add pictures";
            return Err(Error::file(
                folder,
                "holds a single picture, which cannot be parted",
                hint,
            ));
        }
        let (train, test) = parted(all, fraction, loading.seed);
        listed.samples[0] = train;
        listed.samples.insert(1, test);
    }
    Ok(Sets {
        folder: folder.to_path_buf(),
        listed,
    })
}

/// The folder of the validation set in `folder`, if there is one.
fn valid_folder(folder: &Path) -> Result<Option<PathBuf>> {
    let found = VALID_FOLDERS.map(|name| folder.join(name));
    let mut found = found.into_iter().filter(|it| it.is_dir());
    let first = found.next();
    if let (Some(first), Some(second)) = (&first, found.next()) {
        let what = format!("is a second validation set beside {}", first.display());
        return Err(Error::file(&second, what, "leave one of them"));
    }
    Ok(first)
}

/// Parts `all` into what stays and what is taken, both in their old order: `fraction` of all, and of every
/// target as nearly as whole pictures allow. Which ones depends on the seed and on the targets alone.
///
/// The samples are put in the order of their targets, equal ones in an order that is drawn; then one is taken
/// whenever another one is due, so that measured values, too, are taken evenly from low to high.
fn parted(all: Vec<Sample>, fraction: f64, seed: u64) -> (Vec<Sample>, Vec<Sample>) {
    let count = all.len();
    let wanted = ((count as f64 * fraction).round() as usize).clamp(1, count - 1);
    let mut stream = random::stream(seed, Purpose::TestSet);
    let mut order: Vec<(u64, usize)> = (0..count).map(|it| (stream.next_u64(), it)).collect();
    order.sort_by(|(key, a), (other, b)| {
        let targets = all[*a].target.total_cmp(&all[*b].target);
        targets.then(key.cmp(other)).then(a.cmp(b))
    });
    let first = ((u128::from(stream.next_u64()) * count as u128) >> 64) as usize;
    let due = |place: usize| (place * wanted + first) / count;
    let mut taken = vec![false; count];
    for (place, (_, sample)) in order.into_iter().enumerate() {
        taken[sample] = due(place + 1) > due(place);
    }
    let mut taken = taken.into_iter();
    let (test, train) = all.into_iter().partition(|_| taken.next() == Some(true));
    (train, test)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(targets: impl IntoIterator<Item = f32>) -> Vec<Sample> {
        let targets = targets.into_iter().enumerate();
        let sample = |(index, target)| Sample {
            path: PathBuf::from(format!("{index}.png")),
            target,
        };
        targets.map(sample).collect()
    }

    fn count(samples: &[Sample], target: f32) -> usize {
        samples.iter().filter(|it| it.target == target).count()
    }

    #[test]
    fn every_target_gives_its_share() {
        let targets = || (0..1000).map(|it| [0.0, 1.0, 1.0, 1.0, 7.5][it % 5]);
        for seed in 0..20 {
            let (train, test) = parted(samples(targets()), 0.15, seed);
            assert_eq!((train.len(), test.len()), (850, 150), "{seed}");
            for (target, of) in [(0.0, 30), (1.0, 90), (7.5, 30)] {
                assert!(count(&test, target).abs_diff(of) <= 1, "{seed}");
            }
            let paths = |it: &[Sample]| it.iter().map(|it| it.path.clone()).collect::<Vec<_>>();
            let again = parted(samples(targets()), 0.15, seed);
            assert_eq!(paths(&again.1), paths(&test));
            let other = parted(samples(targets()), 0.15, seed + 1);
            assert_ne!(paths(&other.1), paths(&test));
        }
    }

    /// Of measured values, which are all different, low ones are taken as high ones are.
    #[test]
    fn measured_values_are_taken_evenly() {
        let (_, test) = parted(samples((0..1000).map(|it| it as f32)), 0.1, 3);
        let lowest: Vec<f32> = test.iter().map(|it| it.target).collect();
        assert_eq!(lowest.len(), 100);
        for (place, target) in lowest.iter().enumerate() {
            assert!((*target - 10.0 * place as f32).abs() <= 10.0, "{target}");
        }
    }

    #[test]
    fn both_parts_have_a_picture() {
        for (count, fraction, of_test) in [(2, 0.01, 1), (2, 0.99, 1), (10, 0.96, 9)] {
            let (train, test) = parted(samples((0..count).map(|_| 1.0)), fraction, 0);
            assert_eq!((train.len(), test.len()), (count - of_test, of_test));
        }
    }
}
