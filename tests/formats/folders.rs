//! Folders of pictures: which sets they hold, pictures of any size, and what is kept of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use gpu_train::data::{DataSource, Fit, Loading, Preprocessing, Split};
use gpu_train::error::Error;
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use tempfile::TempDir;

use crate::writers::encoded;

struct Place(TempDir);

impl Place {
    fn new(files: &[&str]) -> Self {
        let place = Self(TempDir::new().expect("a temporary folder"));
        for (number, file) in files.iter().enumerate() {
            place.write(file, number as u8, 4 + number as u32 % 3);
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("pictures").join(name)
    }

    fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    /// A picture of one colour, `side` + 1 pixels wide.
    fn write(&self, file: &str, shade: u8, side: u32) {
        let picture = RgbImage::from_pixel(side + 1, side, Rgb([shade, 7, 200]));
        self.put(file, &encoded(&picture.into(), ImageFormat::Png));
    }

    fn put(&self, file: &str, bytes: &[u8]) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().expect("has one")).expect("makes the folder");
        fs::write(path, bytes).expect("writes");
    }

    fn load(&self, loading: &Loading<'_>) -> Result<Split, Error> {
        DataSource::Path(self.path("")).load_with(loading)
    }

    /// Whether pictures were decoded, and what was read, with what is kept in the cache.
    fn cached(&self) -> (bool, Split) {
        let decoded = AtomicUsize::new(0);
        let progress = |done: usize, all: usize| {
            assert!((1..=all).contains(&done));
            decoded.fetch_add(1, Ordering::Relaxed);
        };
        let split = self.load(&Loading {
            cache: Some(self.cache()),
            progress: Some(&progress),
            ..sized()
        });
        let split = split.expect("whole");
        let all = split.train.len() + split.test.len();
        let decoded = decoded.into_inner();
        assert!(decoded == 0 || decoded == all, "{decoded} of {all}");
        (decoded > 0, split)
    }

    fn kept(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.cache()).into_iter().flatten();
        entries.map(|it| it.expect("readable").path()).collect()
    }

    #[track_caller]
    fn refuses(&self, loading: &Loading<'_>, words: &[&str]) {
        let error = self.load(loading).expect_err("is refused");
        let said = format!("{error}; hint: {}", error.hint());
        assert!(!error.hint().is_empty(), "{said}");
        for word in words {
            assert!(said.contains(word), "`{said}` lacks `{word}`");
        }
    }
}

/// All pictures resized to 6x5.
fn sized() -> Loading<'static> {
    Loading {
        preprocessing: Preprocessing {
            size: Some("6x5".parse().expect("a size")),
            ..Preprocessing::default()
        },
        ..Loading::default()
    }
}

fn drawn(fraction: f64, seed: u64) -> Loading<'static> {
    Loading {
        test_fraction: fraction,
        seed,
        ..sized()
    }
}

/// The first byte of every image: which picture it is.
fn shades(set: &gpu_train::data::Dataset) -> Vec<u8> {
    let images = set.images().chunks(set.shape().elements());
    images.map(|it| it[0]).collect()
}

#[test]
fn folders_within_a_class_belong_to_it() {
    let place = Place::new(&[
        "train/cat/b.png",
        "train/cat/a/2/x.png",
        "train/cat/a/1.png",
        "train/dog/z.png",
        "test/cat/deep/er/a.png",
        "test/dog/.hidden/a.png",
    ]);
    fs::create_dir_all(place.path("test/dog")).expect("makes it");
    let split = place.load(&sized()).expect("whole");
    assert_eq!(shades(&split.train), [2, 1, 0, 3]);
    assert_eq!(split.train.targets(), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(shades(&split.test), [4]);
    let note = "5 of 5 pictures are stretched to 6x5: they were of another size";
    assert_eq!(split.notes(), [note]);
}

#[test]
fn a_folder_of_its_own_is_the_validation_set() {
    for name in ["val", "valid", "validation"] {
        let valid = format!("{name}/1/a.png");
        let place = Place::new(&["train/1/a.png", "test/2/a.png", &valid]);
        let split = place.load(&sized()).expect("whole");
        let valid = split.valid.expect("there is one");
        assert_eq!((valid.targets(), shades(&valid)), (&[1.0][..], vec![2]));
    }
    let place = Place::new(&[
        "train/1/a.png",
        "test/2/a.png",
        "val/1/a.png",
        "valid/1/a.png",
    ]);
    place.refuses(
        &sized(),
        &["valid: is a second validation set", "val", "leave one"],
    );
    let place = Place::new(&["train/cat/a.png", "test/cat/a.png", "val/dog/a.png"]);
    place.refuses(&sized(), &["val: lacks the class cat"]);
    // Without a test set, it is none.
    let place = Place::new(&["train/1/a.png", "train/2/a.png", "val/1/a.png"]);
    place.refuses(
        &sized(),
        &["holds no test set", "`test_fraction` 0.2", "test/"],
    );
    let split = place.load(&drawn(0.5, 0)).expect("whole");
    assert_eq!((split.train.len(), split.test.len()), (1, 1));
    assert_eq!(split.valid.expect("there is one").len(), 1);
}

#[test]
fn a_test_set_is_drawn_where_there_is_none() {
    let names: Vec<String> = (0..60)
        .map(|it| format!("{}/{it:02}.png", ["cat", "cow", "dog"][it % 3]))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let place = Place::new(&names);
    let load = |fraction, seed| place.load(&drawn(fraction, seed)).expect("whole");
    let split = load(0.2, 1);
    assert_eq!((split.train.len(), split.test.len()), (48, 12));
    for target in [0.0, 1.0, 2.0] {
        let of = split.test.targets().iter().filter(|it| **it == target);
        assert_eq!(of.count(), 4, "of every class");
    }
    let mut all = [shades(&split.train), shades(&split.test)].concat();
    all.sort_unstable();
    assert_eq!(all, (0..60).collect::<Vec<u8>>());
    assert_eq!(load(0.2, 1), split);
    assert_ne!(shades(&load(0.2, 2).test), shades(&split.test));
    let classes = split.classes().expect("they have names");
    assert_eq!(classes.names(), ["cat", "cow", "dog"]);
    place.refuses(&sized(), &["holds no test set", "`test_fraction` 0.2"]);
    let both = Place::new(&["train/1/a.png", "test/1/a.png"]);
    both.refuses(
        &drawn(0.2, 0),
        &["test: is a test set already", "omit `test_fraction`"],
    );
    let other = DataSource::DRAWN
        .load_with(&drawn(0.2, 0))
        .expect_err("has one");
    assert!(
        other.to_string().contains("house-digits has a test set"),
        "{other}"
    );
    let single = Place::new(&["1/a.png"]);
    single.refuses(&drawn(0.2, 0), &["a single picture"]);
    // A table of measured values has no folders at all.
    let place = Place::new(&["a.png", "b.png", "c.png", "d.png"]);
    place.put(
        "labels.csv",
        b"file,target\na.png,1.5\nb.png,2.5\nc.png,3.5\nd.png,4.5\n",
    );
    let split = place.load(&drawn(0.25, 0)).expect("whole");
    assert_eq!((split.train.len(), split.test.len()), (3, 1));
}

#[test]
fn grey_pictures_have_one_channel_unless_a_mode_is_asked_for() {
    let place = Place::new(&[]);
    let grey = |shade| {
        let picture = GrayImage::from_pixel(9, 8, Luma([shade]));
        encoded(&DynamicImage::from(picture), ImageFormat::Png)
    };
    for (file, shade) in [
        ("train/1/a.png", 10),
        ("train/2/a.png", 20),
        ("test/1/a.png", 30),
    ] {
        place.put(file, &grey(shade));
    }
    for loading in [sized(), Loading::default()] {
        let split = place.load(&loading).expect("whole");
        assert_eq!(split.train.shape().channels, 1);
        let pixels = split.train.shape().pixels();
        assert_eq!(
            split.train.images(),
            [vec![10; pixels], vec![20; pixels]].concat()
        );
    }
    place.write("test/2/b.png", 40, 4);
    let split = place.load(&sized()).expect("whole");
    assert_eq!(split.train.shape().channels, 3);
    assert_eq!(split.test.images()[..90], [30; 90]);
}

/// Without a size every image has 16 MiB at most, with one 192 MiB: a small file that claims more is refused.
#[test]
fn bombs_stay_bombs() {
    let _alone = crate::alone();
    let place = Place::new(&["train/1/b.png", "test/1/a.png"]);
    let huge = DynamicImage::new_rgb8(9000, 8000);
    place.put("train/1/a.png", &encoded(&huge, ImageFormat::Png));
    place.refuses(
        &sized(),
        &[
            "claims 9000x8000 pixels of 216000000 bytes",
            "192 MiB",
            "scaled down",
        ],
    );
    let large = DynamicImage::new_rgb8(4000, 3000);
    place.put("train/1/a.png", &encoded(&large, ImageFormat::Png));
    place.refuses(
        &Loading::default(),
        &["claims 4000x3000", "16 MiB", "`image_size` 64"],
    );
    let cropped = Loading {
        preprocessing: Preprocessing {
            fit: Fit::Crop,
            ..sized().preprocessing
        },
        ..Loading::default()
    };
    let split = place.load(&cropped).expect("is resized");
    assert_eq!(split.train.images()[..90], [0; 90]);
    // A line of pixels, whose other side would be 512 * 16,000 pixels: 12 GiB.
    let line = DynamicImage::from(RgbImage::from_pixel(16_000, 1, Rgb([9, 9, 9])));
    place.put("train/1/a.png", &encoded(&line, ImageFormat::Png));
    crate::ALLOCATED.reset_peak_usage();
    let square = Loading {
        preprocessing: Preprocessing {
            size: Some("512".parse().expect("a size")),
            fit: Fit::Crop,
            ..Preprocessing::default()
        },
        ..Loading::default()
    };
    let split = place.load(&square).expect("is cropped");
    assert!(
        split.train.images()[..3 * 512 * 512]
            .iter()
            .all(|it| *it == 9)
    );
    assert!(crate::ALLOCATED.peak_usage() < 400 << 20);
}

#[test]
fn what_was_decoded_is_kept_by_content() {
    let place = Place::new(&["train/2/b.png", "test/1/c.png"]);
    let picture = |shade| {
        let picture = RgbImage::from_pixel(5, 4, Rgb([shade, 7, 200]));
        encoded(&picture.into(), ImageFormat::Pnm)
    };
    place.put("train/1/a.ppm", &picture(0));
    let (decoded, first) = place.cached();
    assert!(decoded);
    let (decoded, second) = place.cached();
    assert_eq!((decoded, &second), (false, &first));
    assert_eq!(place.kept().len(), 1);
    // Names, sizes and dates stay, and a picture is another one.
    let path = place.path("train/1/a.ppm");
    let date = fs::metadata(&path).expect("is there").modified();
    place.put("train/1/a.ppm", &picture(77));
    let file = fs::File::options().write(true).open(&path);
    let dated = file.and_then(|it| it.set_modified(date.expect("has one")));
    dated.expect("is ours");
    let (decoded, third) = place.cached();
    assert!(decoded);
    assert_eq!(shades(&third.train), [77, 0]);
    assert!(!place.cached().0);
    // Another class, the same pictures: targets are not kept.
    fs::rename(place.path("train/2"), place.path("train/3")).expect("renames");
    let (decoded, renamed) = place.cached();
    assert!(!decoded);
    assert_eq!(renamed.train.targets(), [1.0, 3.0]);
}

#[test]
fn damaged_files_of_the_cache_are_made_anew() {
    let place = Place::new(&["train/1/a.png", "train/2/b.png", "test/1/c.png"]);
    let (_, whole) = place.cached();
    let path = place.kept().remove(0);
    let bytes = fs::read(&path).expect("reads");
    let mut damaged: Vec<Vec<u8>> = (0..bytes.len())
        .step_by(7)
        .map(|at| bytes[..at].to_vec())
        .collect();
    damaged.push([&bytes[..], b"x"].concat());
    damaged.extend((0..bytes.len()).step_by(3).map(|at| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        bytes
    }));
    for damaged in damaged {
        fs::write(&path, &damaged).expect("writes");
        let (decoded, read) = place.cached();
        assert!(decoded, "it is damaged");
        assert_eq!(read, whole);
        assert_eq!(fs::read(&path).expect("reads"), bytes);
    }
}

/// As many at once as like write the same file, and damage is never read.
#[test]
fn several_at_once_do_no_harm() {
    let place = Place::new(&["train/1/a.png", "train/2/b.png", "test/1/c.png"]);
    let expected = place.load(&sized()).expect("whole");
    for _ in 0..5 {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(place.cached().1, expected));
            }
        });
        assert_eq!(place.kept().len(), 1);
        fs::remove_dir_all(place.cache()).expect("ours");
    }
}

/// A cache that cannot be written is a word, and no failure.
#[test]
fn a_cache_that_cannot_be_written_is_said() {
    let place = Place::new(&["train/1/a.png", "test/1/c.png"]);
    fs::write(place.cache(), b"no folder").expect("writes");
    let (decoded, split) = place.cached();
    assert!(decoded);
    let notes = split.notes().join("; ");
    assert!(notes.contains("decoded pictures are not kept"), "{notes}");
    assert!(notes.contains("`no_cache`"), "{notes}");
}

/// The first in their order, whichever processor finds its own first.
#[test]
fn the_first_damaged_picture_is_named() {
    let names: Vec<String> = (0..100).map(|it| format!("train/1/{it:03}.png")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.push("test/1/a.png");
    let place = Place::new(&names);
    for number in [40, 41, 90] {
        place.put(
            &format!("train/1/{number:03}.png"),
            b"\x89PNG\r\n\x1a\n, and no more",
        );
    }
    for _ in 0..10 {
        place.refuses(&sized(), &["040.png: cannot be read", "damaged"]);
    }
    assert!(Path::new(&place.path("train")).is_dir());
}
