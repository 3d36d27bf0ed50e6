//! JPEG files of every kind: whole ones give the pixels that the decoder gives, damaged ones are refused
//! by name. Decoders fill what is missing with grey and call it a picture.

use std::fs;

use gpu_train::data::DataSource;
use gpu_train::error::Error;
use gpu_train::shape::ImageShape;
use tempfile::TempDir;

use crate::cases::{made, read_exact};

/// Made by Pillow: `files/make_files.py`.
const WHOLE: [&str; 10] = [
    "baseline_420",
    "baseline_422_restart",
    "baseline_444_optimised",
    "baseline_grey",
    "baseline_grey_restart",
    "baseline_rgb",
    "cmyk",
    "progressive_420",
    "progressive_444_restart",
    "progressive_grey",
];
const SHAPE: ImageShape = ImageShape::new(3, 35, 45);

fn whole(name: &str) -> Vec<u8> {
    made(&format!("jpeg/{name}.jpg"))
}

/// A file in a folder of images, read by both ways: as part of a data set, and to be predicted.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        for class in ["train/1", "test/1"] {
            fs::create_dir_all(folder.path().join(class)).expect("makes the folder");
        }
        fs::write(folder.path().join("test/1/b.jpg"), whole("baseline_420")).expect("writes");
        Self(folder)
    }

    fn read(&self, bytes: &[u8]) -> Result<Vec<u8>, Box<[Error; 2]>> {
        let path = self.0.path().join("train/1/a.jpg");
        fs::write(&path, bytes).expect("writes");
        let loaded = DataSource::Path(self.0.path().to_path_buf()).load(0);
        match (read_exact(&path, SHAPE), loaded) {
            (Ok(planes), Ok(split)) => {
                assert_eq!(split.train.images(), planes);
                Ok(planes)
            }
            (Err(one), Err(other)) => Err(Box::new([one, other])),
            (one, other) => panic!("{one:?} to predict, {:?} in a set", other.map(|_| ())),
        }
    }

    #[track_caller]
    fn refuses(&self, bytes: &[u8], what: &str) {
        let errors = self.read(bytes).expect_err(what);
        for error in errors.iter() {
            let text = error.to_string();
            assert!(text.contains("a.jpg: "), "{what}: {text}");
            assert!(error.hint().contains("damaged"), "{what}: {text}");
        }
    }
}

/// Where the codes of the first scan start.
fn scan(bytes: &[u8]) -> usize {
    let start = bytes.windows(2).position(|it| it == [0xff, 0xda]);
    let start = start.expect("it has a scan") + 2;
    start + usize::from(bytes[start + 1])
}

#[test]
fn whole_files_keep_the_pixels_of_the_decoder() {
    let place = Place::new();
    for name in WHOLE {
        let bytes = whole(name);
        let pixels = image::load_from_memory(&bytes)
            .expect(name)
            .into_rgb8()
            .into_raw();
        let plane = |at: usize| pixels[at..].iter().copied().step_by(3);
        let planes: Vec<u8> = (0..3).flat_map(plane).collect();
        assert_eq!(place.read(&bytes).expect(name), planes, "{name}");
        // Without its end marker, with half of it, after fill bytes, and with something behind it.
        let length = bytes.len();
        let filled = [&bytes[..length - 2], &[0xff; 50]].concat();
        let longer = [&bytes[..], b"and so on"].concat();
        for file in [&bytes[..length - 2], &bytes[..length - 1], &filled, &longer] {
            assert_eq!(place.read(file).expect(name), planes, "{name}");
        }
    }
}

#[test]
fn cut_files_are_refused_wherever_they_are_cut() {
    let place = Place::new();
    for name in WHOLE {
        let bytes = whole(name);
        let tenths = (1..10).map(|part| bytes.len() * part / 10);
        for length in tenths.chain(bytes.len() - 12..bytes.len() - 2) {
            let cut = &bytes[..length];
            let what = format!("{name}, cut to {length} of {}", bytes.len());
            place.refuses(cut, &what);
            place.refuses(&[cut, &[0xff; 50]].concat(), &format!("{what}, and 0xff"));
            place.refuses(
                &[cut, &[0xff, 0xd9]].concat(),
                &format!("{what}, and an end"),
            );
            place.refuses(
                &[cut, &vec![0; bytes.len() - length]].concat(),
                &format!("{what}, and zeros"),
            );
        }
    }
}

/// Every byte of the scans in turn is where a run of other bytes starts.
#[test]
fn overwritten_files_are_refused() {
    let place = Place::new();
    for name in WHOLE {
        let bytes = whole(name);
        let end = bytes.len() - 2;
        for start in (scan(&bytes)..end - 50).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[start..start + 50].fill(0xff);
            place.refuses(&damaged, &format!("{name}, 0xff at {start}"));
        }
    }
    // Bits that refine a progressive picture may all be zero; codes of a baseline one may not.
    for name in WHOLE.iter().filter(|name| !name.starts_with("progressive")) {
        let bytes = whole(name);
        let end = bytes.len() - 2;
        for start in (scan(&bytes)..end - 50).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[start..start + 50].fill(0);
            place.refuses(&damaged, &format!("{name}, zeros at {start}"));
        }
    }
}

/// Scans of a progressive file that are left away as a whole, its end marker kept or not.
#[test]
fn files_without_their_last_scans_are_refused() {
    let place = Place::new();
    for name in WHOLE.iter().filter(|name| name.starts_with("progressive")) {
        let bytes = whole(name);
        let mut starts = bytes
            .windows(2)
            .enumerate()
            .filter(|it| it.1 == [0xff, 0xda]);
        starts.next();
        for (start, _) in starts {
            place.refuses(&bytes[..start], name);
            place.refuses(&[&bytes[..start], &[0xff, 0xd9]].concat(), name);
        }
    }
}

/// Restart markers that are lost, or out of turn.
#[test]
fn lost_restarts_are_refused() {
    let place = Place::new();
    for name in WHOLE.iter().filter(|name| name.ends_with("restart")) {
        let bytes = whole(name);
        let is_restart = |pair: &[u8]| pair[0] == 0xff && (0xd0..=0xd7).contains(&pair[1]);
        let found: Vec<usize> = (scan(&bytes)..bytes.len() - 2)
            .filter(|at| is_restart(&bytes[*at..at + 2]))
            .collect();
        assert!(found.len() > 3, "{name}");
        for at in found {
            place.refuses(&[&bytes[..at], &bytes[at + 2..]].concat(), name);
            let mut other = bytes.clone();
            other[at + 1] = 0xd0 + (other[at + 1] + 1) % 8;
            place.refuses(&other, name);
        }
    }
}

#[test]
fn the_words_name_what_is_missing() {
    let place = Place::new();
    let bytes = whole("baseline_420");
    let errors = place.read(&bytes[..bytes.len() - 100]).expect_err("is cut");
    let words = [
        "not whole",
        "the scan at byte",
        "ends before all of its pixels",
    ];
    for word in words {
        assert!(errors[0].to_string().contains(word), "{}", errors[0]);
    }
}
