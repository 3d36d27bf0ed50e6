//! Files of every layout, files that are wrong in every way we know, and thousands of damaged ones.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{Labelled, TEST_FILE, TRAIN_FILE, read, read_pair};
use crate::data::Dataset;
use crate::data::matlab::MatlabFile;
use crate::data::matlab::builder::{
    DOUBLE, INT8, INT16, INT32, INT64, Layout, NARROW_DOUBLE, SINGLE, UINT8, UINT32, Variable,
    mat_file,
};
use crate::error::{Error, Result};

/// Sizes of the small images, all different: height, width, channels, images.
const SIZES: [u32; 4] = [5, 3, 2, 7];
const LABELS: [f64; 7] = [10.0, 1.0, 2.0, 9.0, 10.0, 5.0, 7.0];

fn pixels(count: usize) -> Vec<f64> {
    (0..count).map(|i| (i * 89 % 256) as f64).collect()
}

fn images() -> Variable {
    Variable::new("X", UINT8, &SIZES, &pixels(210))
}

fn labels() -> Variable {
    Variable::new("y", UINT8, &[7, 1], &LABELS)
}

fn official(variables: &[Variable]) -> Vec<u8> {
    mat_file(Layout::OFFICIAL, variables)
}

/// From memory: thousands of files on a disk would take seconds.
fn read_bytes(bytes: &[u8]) -> Result<Dataset> {
    let file =
        MatlabFile::new(Path::new("small.mat"), Cursor::new(bytes)).and_then(Labelled::new)?;
    let coded = !file.has_zero();
    file.read(coded)
}

/// The text of the error, which must name the file and carry a hint.
#[track_caller]
fn error_of(result: Result<Dataset>) -> String {
    let error = result.expect_err("the file is wrong");
    assert!(matches!(error, Error::File { .. }), "{error:?}");
    assert!(!error.hint().is_empty());
    error.to_string()
}

#[track_caller]
fn assert_error(bytes: &[u8], expected: &str) {
    let text = error_of(read_bytes(bytes));
    assert!(text.contains("small.mat: "), "{text}");
    assert!(text.contains(expected), "`{text}` lacks `{expected}`");
}

#[test]
fn every_layout_gives_nchw_images_and_digits() {
    let types = [
        UINT8,
        INT8,
        INT16,
        INT32,
        UINT32,
        INT64,
        SINGLE,
        DOUBLE,
        NARROW_DOUBLE,
    ];
    let [height, width, channels, count] = SIZES.map(|size| size as usize);
    for layout in Layout::ALL {
        for number in types {
            let labels = Variable::new("y", number, &[7, 1], &LABELS);
            let dataset = read_bytes(&mat_file(layout, &[labels, images()]))
                .unwrap_or_else(|error| panic!("{layout:?} {number:?}: {error}"));
            assert_eq!(dataset.targets(), [0.0, 1.0, 2.0, 9.0, 0.0, 5.0, 7.0]);
            assert_eq!(dataset.shape().to_string(), "2x5x3");
            let source = pixels(210);
            let mut at = 0;
            for n in 0..count {
                for c in 0..channels {
                    for h in 0..height {
                        for w in 0..width {
                            let column_major = h + height * (w + width * (c + channels * n));
                            let pixel = f64::from(dataset.images()[at]);
                            assert_eq!(pixel, source[column_major]);
                            at += 1;
                        }
                    }
                }
            }
        }
    }
}

/// Where digits are numbered from 0, a 10 can only be itself; and both files of a pair mean the same.
#[test]
fn ten_is_zero_only_where_no_label_is_zero() {
    let file = |labels: &[f64; 7]| {
        let labels = Variable::new("y", UINT8, &[7, 1], labels);
        official(&[images(), labels])
    };
    let with_ten = [10.0, 1.0, 2.0, 9.0, 10.0, 5.0, 7.0];
    let with_both = [10.0, 0.0, 2.0, 9.0, 10.0, 5.0, 7.0];
    let with_zero = [3.0, 0.0, 2.0, 9.0, 4.0, 5.0, 7.0];
    let coded = read_bytes(&file(&with_ten)).unwrap();
    assert_eq!(coded.targets(), [0.0, 1.0, 2.0, 9.0, 0.0, 5.0, 7.0]);
    let [note] = coded.notes() else {
        panic!("{:?}", coded.notes());
    };
    assert!(
        note.starts_with("small.mat: the label 10, of 2 images"),
        "{note}"
    );
    let plain = read_bytes(&file(&with_both)).unwrap();
    assert_eq!(plain.targets(), with_both.map(|it| it as f32));
    assert!(plain.notes().is_empty());

    let place = tempfile::tempdir().unwrap();
    let [train, test] = [TRAIN_FILE, "other.mat"].map(|name| place.path().join(name));
    let pair = |a: &[f64; 7], b: &[f64; 7]| {
        std::fs::write(&train, file(a)).unwrap();
        std::fs::write(&test, file(b)).unwrap();
        let split = read_pair(&train, &test).unwrap();
        let notes = [&split.train, &split.test].map(|set| set.notes().len());
        ([split.train, split.test].map(|set| set.targets()[0]), notes)
    };
    assert_eq!(pair(&with_ten, &with_ten), ([0.0, 0.0], [0, 1]));
    assert_eq!(pair(&with_ten, &with_zero), ([10.0, 3.0], [0, 0]));
    assert_eq!(pair(&with_zero, &with_ten), ([3.0, 10.0], [0, 0]));
}

#[test]
fn other_variables_row_vectors_and_dropped_sizes_are_fine() {
    let other = Variable::new("extra_numbers", DOUBLE, &[2, 2], &[0.5, 1.0, 2.0, 3.0]);
    let row = Variable::new("y", UINT8, &[1, 7], &LABELS);
    let dataset = read_bytes(&official(&[other, row, images()])).unwrap();
    assert_eq!(dataset.len(), 7);

    // MATLAB drops the sizes of 1 at the end: one colour image, one grey image. One label of one
    // byte lies within its tag.
    let label = Variable::new("y", UINT8, &[1, 1], &[4.0]);
    for (sizes, shape) in [(&[5, 3, 2][..], "2x5x3"), (&[5, 3], "1x5x3")] {
        let count = sizes.iter().product::<u32>() as usize;
        let image = Variable::new("X", UINT8, sizes, &pixels(count));
        let dataset = read_bytes(&official(&[image, label.clone()])).unwrap();
        assert_eq!(dataset.targets(), [4.0]);
        assert_eq!(dataset.shape().to_string(), shape);
    }
}

#[test]
fn what_is_not_a_matlab_v5_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = error_of(read(&folder.path().join("absent.mat")));
    assert!(text.ends_with("absent.mat: no such file"), "{text}");
    let text = error_of(read(folder.path()));
    assert!(text.ends_with("is a folder, not a file"), "{text}");

    assert_error(b"", "is not a MATLAB v5 file: it has 0 bytes");
    assert_error(&[b'a'; 500], "is not a MATLAB v5 file: its header lacks");
    assert_error(b"\x89HDF\r\n\x1a\n and so on", "v7.3 file (HDF5)");
    let mut newer = official(&[images(), labels()]);
    newer[124..126].copy_from_slice(&[0, 2]);
    assert_error(&newer, "v7.3 file (HDF5)");
    newer[124..126].copy_from_slice(&[7, 7]);
    assert_error(&newer, "unknown version 0x0707");
}

#[test]
fn wrong_arrays_are_named() {
    let x = |number, sizes: &[u32]| {
        let count = sizes.iter().product::<u32>() as usize;
        Variable::new("X", number, sizes, &pixels(count))
    };
    let y = |number, sizes, values: &[f64]| Variable::new("y", number, sizes, values);
    let with_x = |images| official(&[images, labels()]);
    let with_y = |labels| official(&[images(), labels]);

    assert_error(&official(&[]), "has no array X (its arrays: none)");
    assert_error(&official(&[images()]), "has no array y (its arrays: X)");
    let other = Variable::new("data", DOUBLE, &[1, 1], &[1.0]);
    assert_error(
        &official(&[other, labels()]),
        "has no array X (its arrays: data, y)",
    );
    assert_error(&with_x(x(DOUBLE, &SIZES)), "X is 5x3x2x7 double");
    assert_error(&with_x(x(UINT8, &[5, 3, 2, 7, 2])), "X is 5x3x2x7x2 uint8");
    assert_error(&with_x(x(UINT8, &[5, 3, 0, 7])), "it holds no image");
    assert_error(&with_x(x(UINT8, &[5, 3, 2])), "X has 1 images, but y has 7");
    let mut complex = images();
    complex.complex = true;
    assert_error(&with_x(complex), "X is 5x3x2x7 complex uint8");

    assert_error(
        &with_y(y(UINT8, &[6, 1], &LABELS[1..])),
        "X has 7 images, but y has 6 labels",
    );
    assert_error(&with_y(y(UINT8, &[7, 2], &pixels(14))), "y is 7x2 uint8");
    let text = Variable::new("y", (4, 2), &[7, 1], &LABELS);
    assert_error(&with_y(text), "y is 7x1 char");
    for wrong in [11.0, -1.0, 2.5, f64::NAN] {
        let mut labels = LABELS;
        labels[3] = wrong;
        assert_error(
            &with_y(y(DOUBLE, &[7, 1], &labels)),
            &format!("label {wrong} of image 3"),
        );
    }
}

#[test]
fn every_truncation_is_an_error() {
    for layout in Layout::ALL {
        let whole = mat_file(layout, &[images(), labels()]);
        for length in 0..whole.len() {
            let text = error_of(read_bytes(&whole[..length]));
            // Cut between two elements, the file is a whole one that lacks y.
            let named = ["truncated: ", "is not a MATLAB v5 file", "has no array"];
            assert!(named.iter().any(|name| text.contains(name)), "{text}");
        }
    }
}

#[test]
fn claims_beyond_the_file_are_refused_before_anything_is_read() {
    // Sizes of 2 GiB in both the header and the tag of the numbers, in a file of a few hundred bytes.
    let mut bytes = mat_file(Layout::ALL[1], &[images(), labels()]);
    let sizes = 128 + 8 + 16 + 8;
    bytes[sizes..sizes + 16].copy_from_slice(&[0, 4, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 2, 0, 0, 0]);
    assert_error(&bytes, "corrupted: X is 1024x1024x1024x2 uint8");
    let tag = sizes + 16 + 8;
    bytes[tag + 4..tag + 8].copy_from_slice(&(1u32 << 31).to_le_bytes());
    assert_error(&bytes, "corrupted: X is 1024x1024x1024x2 uint8");

    // The same, compressed: no deflate stream of this size inflates to that much.
    let mut array = bytes[128..128 + 8 + 80].to_vec();
    array[4..8].copy_from_slice(&((1u32 << 31) + 64).to_le_bytes());
    let deflated = {
        use std::io::Write;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&array).unwrap();
        encoder.finish().unwrap()
    };
    bytes.truncate(128);
    bytes.extend(15u32.to_le_bytes());
    bytes.extend((deflated.len() as u32).to_le_bytes());
    bytes.extend(deflated);
    assert_error(&bytes, "corrupted: X claims 2147483720 bytes");
}

/// Never a panic, and from compressed files, which carry a checksum, never other data.
#[test]
fn damaged_files_give_errors() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let wholes = Layout::ALL.map(|layout| (layout, mat_file(layout, &[images(), labels()])));
    let original = read_bytes(&wholes[0].1).unwrap();
    let mut errors = 0;
    for round in 0..8_000 {
        let (layout, whole) = &wholes[round % wholes.len()];
        let mut bytes = whole.clone();
        damage(&mut bytes, &mut random);
        match read_bytes(&bytes) {
            Err(error) => {
                assert!(matches!(error, Error::File { .. }), "{error:?}");
                errors += 1;
            }
            Ok(dataset) => assert!(!layout.compressed || dataset == original, "round {round}"),
        }
    }
    assert!(errors > 2000, "{errors}");
}

/// One to four changes: of bits, of bytes, of words to extreme values, of the length.
fn damage(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    const EXTREMES: [u32; 6] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fff9, u32::MAX];
    for _ in 0..=random.next_u32() % 4 {
        let at = random.next_u32() as usize % bytes.len();
        match random.next_u32() % 6 {
            0 | 1 => bytes[at] ^= 1 << (random.next_u32() % 8),
            2 => bytes[at] = random.next_u32() as u8,
            3 | 4 => {
                let at = at & !3;
                let value = EXTREMES[random.next_u32() as usize % EXTREMES.len()];
                let end = bytes.len().min(at + 4);
                bytes[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
            }
            _ if random.next_u32().is_multiple_of(8) => bytes.truncate(at + 1),
            _ => bytes.insert(at, random.next_u32() as u8),
        }
    }
}

/// The first 10,000 official test crops, where the machine has them.
#[test]
fn real_crops_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/svhn");
    let files: [PathBuf; 2] = [TRAIN_FILE, TEST_FILE].map(|file| folder.join(file));
    if !files.iter().all(|file| file.is_file()) {
        return;
    }
    let split = super::load(&folder).unwrap();
    assert_eq!((split.train.len(), split.test.len()), (8000, 2000));
    assert_eq!(split.train.shape().to_string(), "3x32x32");
    assert_eq!(split.train.targets()[..5], [5.0, 2.0, 1.0, 0.0, 6.0]);
    assert!(
        split
            .train
            .targets()
            .iter()
            .all(|&t| (0.0..10.0).contains(&t))
    );
}
