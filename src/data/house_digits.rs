//! `house-digits`: pictures of digits on house walls, drawn by the program itself in the manner of
//! SVHN crops, so that training works without any file.
//!
//! A picture depends on the seed, its set and its index alone, not on how many are drawn or on how
//! many threads. It is the same on every machine: only IEEE-exact arithmetic (`+ - * /` and square
//! roots) enters it, and no function of a system's mathematics library.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::loading::Progress;
use super::{Dataset, Split};
use crate::error::{Error, Result};
use crate::shape::ImageShape;

mod canvas;
mod glyphs;
mod random;
mod scene;
mod typeface;

use random::Random;

/// Images of the training set where the user names no number.
pub const TRAIN_IMAGES: usize = 8192;
/// Images of the test set where the user names no number.
pub const TEST_IMAGES: usize = 2048;
/// Height and width of a picture.
const SIZE: usize = 32;
/// Shape of a picture: 3x32x32.
pub const SHAPE: ImageShape = ImageShape::new(3, SIZE, SIZE);
/// The most images of one set: 3 GB.
const MAX_IMAGES: usize = 1_000_000;

/// Draws `train` and `test` pictures with their digits, 0 to 9, each equally likely.
///
/// Fails where one of the sets would be empty, above a million pictures, or beyond the memory.
pub fn generate(train: usize, test: usize, seed: u64) -> Result<Split> {
    generate_with(train, test, seed, None)
}

/// The same, of which `progress` is told how many pictures are drawn.
pub(super) fn generate_with(
    train: usize,
    test: usize,
    seed: u64,
    progress: Option<Progress<'_>>,
) -> Result<Split> {
    check_counts(train, test)?;
    let done = AtomicUsize::new(0);
    let drawn = || {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(tell) = progress {
            tell(done, train + test);
        }
    };
    Ok(Split {
        train: draw_set(train, seed, 0, &drawn)?,
        test: draw_set(test, seed, 1, &drawn)?,
        valid: None,
    })
}

/// Checks that both sets are of a size that can be drawn.
pub(super) fn check_counts(train: usize, test: usize) -> Result<()> {
    let (least, most) = (train.min(test), train.max(test));
    let what = if least == 0 {
        "house-digits needs at least one training and one test image".to_owned()
    } else if most > MAX_IMAGES {
        format!("house-digits draws at most {MAX_IMAGES} images, not {most}")
    } else {
        return Ok(());
    };
    let hint = "for example `data` house-digits:20000,5000";
    Err(Error::usage(what, hint))
}

/// Draws one set on all cores; `set` tells apart the random numbers of training and test set. Calls `drawn` after
/// every picture, from any thread.
fn draw_set(count: usize, seed: u64, set: u64, drawn: &(impl Fn() + Sync)) -> Result<Dataset> {
    let mut images = Vec::new();
    if images.try_reserve_exact(count * SHAPE.elements()).is_err() {
        return Err(Error::usage(
            format!("{count} images of {SHAPE} do not fit into the memory"),
            "draw fewer, for example `data` house-digits:20000,5000",
        ));
    }
    images.resize(count * SHAPE.elements(), 0);
    let mut targets = vec![0.0; count];
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = count.div_ceil(threads);
    thread::scope(|scope| {
        let shares = images
            .chunks_mut(share * SHAPE.elements())
            .zip(targets.chunks_mut(share));
        for (thread, (images, targets)) in shares.enumerate() {
            scope.spawn(move || {
                let pictures = images.chunks_exact_mut(SHAPE.elements()).zip(targets);
                for (offset, (image, target)) in pictures.enumerate() {
                    let index = (thread * share + offset) as u64;
                    let digit = scene::draw(&mut Random::new(seed, set, index), image);
                    *target = f32::from(digit);
                    drawn();
                }
            });
        }
    });
    Dataset::new(images, targets, SHAPE)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::sync::Mutex;

    use sha2::{Digest, Sha256};

    use super::{SHAPE, generate, generate_with};

    #[test]
    fn pictures_depend_on_seed_set_and_index_alone() {
        let few = generate(5, 3, 7).unwrap();
        let many = generate(64, 3, 7).unwrap();
        let bytes = 5 * SHAPE.elements();
        assert_eq!(few.train.images(), &many.train.images()[..bytes]);
        assert_eq!(few.train.targets(), &many.train.targets()[..5]);
        assert_eq!(few.test, many.test);
        let train = &few.train.images()[..3 * SHAPE.elements()];
        assert_ne!(train, few.test.images());
        assert_ne!(few.train, generate(5, 3, 8).unwrap().train);
    }

    #[test]
    fn every_picture_that_is_drawn_is_told() {
        let told = Mutex::new(Vec::new());
        let tell = |done, all| told.lock().unwrap().push((done, all));
        let split = generate_with(5, 3, 7, Some(&tell)).unwrap();
        assert_eq!(split.test, generate(1, 3, 7).unwrap().test);
        let mut told = told.into_inner().unwrap();
        told.sort_unstable();
        assert_eq!(told, (1..=8).map(|done| (done, 8)).collect::<Vec<_>>());
    }

    /// The same bytes on every operating system and processor.
    #[test]
    fn the_pictures_are_pinned() {
        let split = generate(200, 50, 0).unwrap();
        let mut hash = Sha256::new();
        for set in [&split.train, &split.test] {
            hash.update(set.images());
            let digits: Vec<u8> = set.targets().iter().map(|&t| t as u8).collect();
            hash.update(digits);
        }
        let hex = hash.finalize().iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        assert_eq!(
            hex,
            "48a687cb25bf80f28e2e3ab362288340e16fb5d11131b7f16a3352a754313c62"
        );
    }

    #[test]
    fn all_digits_are_equally_likely() {
        let train = generate(4000, 1, 3).unwrap().train;
        for digit in 0..10u8 {
            let target = f32::from(digit);
            let count = train.targets().iter().filter(|&&t| t == target).count();
            assert!((320..480).contains(&count), "{count} times {digit}");
        }
    }

    #[test]
    fn empty_and_enormous_sets_are_refused() {
        for (train, test) in [(0, 1), (1, 0), (1_000_001, 1)] {
            assert_eq!(generate(train, test, 0).unwrap_err().exit_code(), 2);
        }
    }
}
