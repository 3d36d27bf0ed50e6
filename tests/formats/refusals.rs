//! What is said about files that are wrong: which file, what, and a hint.

use zip::CompressionMethod;

use crate::cases::{self, Case, Named, unpacked};
use crate::writers::{LABELS, cifar, gz, idx, npy, npz, pixels};

pub type Files = Vec<(&'static str, Vec<u8>)>;

/// Expects an error that says all of `words`, in its text or its hint.
#[track_caller]
pub fn refuses(named: Named, files: Files, words: &[&str]) {
    let case = Case {
        name: "refusal",
        named,
        files,
        packed: unpacked,
    };
    let error = case.load().map(|_| ()).expect_err("it is wrong");
    let text = format!("{error}; hint: {}", error.hint());
    for word in words {
        assert!(text.contains(word), "`{text}` lacks `{word}`");
    }
    assert!(!error.hint().is_empty(), "{text}");
}

#[test]
fn wrong_idx_files() {
    const IMAGES: &str = "a-images-idx3-ubyte";
    const LABEL_FILE: &str = "a-labels-idx1-ubyte";
    let named = Named::Files(IMAGES, IMAGES);
    let (images, labels) = (idx(8, &[3, 5, 4], &pixels(60)), idx(8, &[3], &LABELS));
    let wrong_images = |bytes: Vec<u8>, words: &[&str]| {
        refuses(
            named,
            vec![(IMAGES, bytes), (LABEL_FILE, labels.clone())],
            words,
        );
    };
    let wrong_labels = |bytes: Vec<u8>, words: &[&str]| {
        refuses(
            named,
            vec![(IMAGES, images.clone()), (LABEL_FILE, bytes)],
            words,
        );
    };
    wrong_images(b"".to_vec(), &["truncated"]);
    wrong_images(
        b"no IDX file".to_vec(),
        &["is not an IDX file: it starts with 6e 6f 20 49"],
    );
    wrong_images(idx(8, &[], &[]), &["0 dimensions"]);
    wrong_images(
        idx(8, &[3, 20], &pixels(60)),
        &["holds no images, but an array of 3 x 20 numbers"],
    );
    wrong_images(
        idx(9, &[3, 5, 4], &pixels(60)),
        &["holds no images", "type I8"],
    );
    wrong_images(idx(8, &[0, 5, 4], &[]), &["holds no images"]);
    wrong_images(
        images[..70].to_vec(),
        &["truncated: claims an array of 3 x 5 x 4", "54 bytes follow"],
    );
    wrong_images(
        [&images[..], b"x"].concat(),
        &["corrupted: claims", "61 bytes follow"],
    );
    wrong_images(
        gz(&images[..70]),
        &["truncated: 54 of its 60 bytes", "copy it again"],
    );
    wrong_images(
        gz(&[&images[..], b"x"].concat()),
        &["more bytes follow than its header says"],
    );
    let gzipped = gz(&images);
    wrong_images(
        gzipped[..gzipped.len() - 6].to_vec(),
        &["truncated: its bytes end early"],
    );
    let mut damaged = gzipped.clone();
    damaged[30] ^= 0xff;
    wrong_images(damaged, &["corrupted: its compressed bytes do not inflate"]);
    // A million million images.
    let huge = idx(8, &[u32::MAX, 250, 1_000_000], &[]);
    wrong_images(
        huge.clone(),
        &["truncated: claims an array of 4294967295 x 250 x 1000000"],
    );
    wrong_images(
        gz(&huge),
        &["1073741823750000000 bytes, more than the 32 MiB + 8256 times its size"],
    );
    wrong_images(
        gz(&idx(8, &[u32::MAX; 3], &[])),
        &["claims an array of 4294967295 x 4294967295"],
    );

    wrong_labels(
        idx(8, &[2], &LABELS[..2]),
        &["has 2 labels, but", "a-images-idx3-ubyte has 3 images"],
    );
    wrong_labels(
        idx(8, &[3, 1], &LABELS),
        &["holds no labels, but an array of 3 x 1"],
    );
    let infinite = [1.0, f32::INFINITY, 2.0].map(f32::to_be_bytes).concat();
    wrong_labels(
        idx(13, &[3], &infinite),
        &["the target of image 1 (counted from 0) is not a finite"],
    );
    // A finite double that no float holds.
    let large = [1.0, 1e300, 2.0].map(f64::to_be_bytes).concat();
    wrong_labels(idx(14, &[3], &large), &["the target of image 1"]);
    refuses(
        named,
        vec![(IMAGES, images.clone())],
        &[LABEL_FILE, "no such file, with .gz or without"],
    );
    let named = Named::Files(LABEL_FILE, LABEL_FILE);
    refuses(
        named,
        vec![(LABEL_FILE, labels)],
        &["is not a file of images", "name the images"],
    );
    let named = Named::Files("absent-images-idx3-ubyte.gz", IMAGES);
    refuses(named, vec![(IMAGES, images)], &["no such file"]);
}

#[test]
fn wrong_cifar10_files() {
    let named = Named::Files("a.bin", "a.bin");
    let wrong = |bytes: Vec<u8>, words: &[&str]| refuses(named, vec![("a.bin", bytes)], words);
    wrong(Vec::new(), &["has 0 bytes", "binary version of CIFAR-10"]);
    wrong(
        cifar(&[1, 2])[1..].to_vec(),
        &["has 6145 bytes, no multiple of the 3073 of a record"],
    );
    wrong(
        cifar(&[1, 10, 2]),
        &["label 10 of image 1 (counted from 0)"],
    );
    refuses(
        Named::Data(""),
        vec![("data_batch_2.bin", cifar(&[1]))],
        &["data_batch_1.bin"],
    );
}

#[test]
fn wrong_archives() {
    let _alone = crate::alone();
    let named = Named::Files("a.npz", "a.npz");
    let wrong = |bytes: Vec<u8>, words: &[&str]| refuses(named, vec![("a.npz", bytes)], words);
    let (x, y) = (
        npy("|u1", false, "3, 5, 4", &pixels(60)),
        npy("|u1", false, "3,", &LABELS),
    );
    let pack = |arrays: &[(&str, Vec<u8>)]| npz(arrays, CompressionMethod::Deflated);
    let wrong_x = |x: Vec<u8>, words: &[&str]| wrong(pack(&[("x", x), ("y", y.clone())]), words);
    let wrong_y = |y: Vec<u8>, words: &[&str]| wrong(pack(&[("x", x.clone()), ("y", y)]), words);

    wrong(
        b"PK and no archive".to_vec(),
        &["is damaged, or no zip archive", "numpy.savez"],
    );
    wrong(pack(&[]), &["has no array x_train (its files: none)"]);
    wrong(
        pack(&[("x", x.clone())]),
        &["has no array x_train (its files: `x.npy`)"],
    );
    wrong(pack(&[("x_train", x.clone())]), &["has no array y_train"]);
    let floats = npy("<f4", false, "3, 5, 1", &pixels(60));
    wrong_x(
        floats,
        &[
            "x: is an array of type <f4 and shape (3, 5, 1)",
            ".astype('uint8')",
        ],
    );
    wrong_x(
        npy("|u1", false, "3, 20", &pixels(60)),
        &["shape (3, 20), which holds no images"],
    );
    wrong_x(
        npy("|u1", false, "3, 2, 5, 2", &pixels(60)),
        &["which holds no images", "1, 3 or 4"],
    );
    wrong_x(npy("|u1", false, "0, 5, 4", &[]), &["it holds no image"]);
    wrong_x(npy("|O", false, "3, 5, 4", &pixels(60)), &["type |O"]);
    wrong_x(
        npy("|u1", false, "3, 5, 5", &pixels(60)),
        &["corrupted: claims", "but has 60 bytes"],
    );
    let huge = npy("|u1", false, "1000000000000, 28, 28", &pixels(60));
    wrong_x(huge, &["shape (1000000000000, 28, 28), but has 60 bytes"]);
    let huge = npy("|u1", false, "18446744073709551615, 28, 28", &pixels(60));
    wrong_x(huge, &["shape (18446744073709551615, 28, 28)"]);
    wrong_x(
        b"\x93NUMPY\x09\x00\x00\x00".to_vec(),
        &["x: is a NumPy array of unknown version 9"],
    );
    wrong_x(b"no array".to_vec(), &["x: is not a NumPy array"]);
    wrong_x(
        b"\x93NUMPY\x02\x00\xff\xff\xff\x7f".to_vec(),
        &["has a header of 2147483647 bytes"],
    );
    wrong_x(
        npy("|u1", false, "3, -5, 4", &pixels(60)),
        &["a header that is not understood"],
    );
    wrong_y(
        npy("|u1", false, "2,", &LABELS[..2]),
        &["x has 3 images, but y has 2 labels"],
    );
    wrong_y(
        npy("|u1", false, "1, 3", &LABELS),
        &["y: is an array", "not one real number per image"],
    );
    wrong_y(
        npy("<U1", false, "3,", &pixels(12)),
        &["y: is an array of type <U1"],
    );
    wrong_y(
        npy("<f2", false, "3,", &[0, 0x3c, 0, 0x7e, 0, 0]),
        &["y: the target of image 1"],
    );
    let whole = cases::made("deflated.npz");
    for length in (0..whole.len()).step_by(7) {
        wrong(whole[..length].to_vec(), &["a.npz: "]);
    }
}

#[test]
fn files_of_no_format() {
    let named = Named::Files("a.csv", "a.csv");
    let words = [
        "is of no known format",
        ".mat files",
        ".npz files",
        ".bin files",
        "IDX files",
    ];
    refuses(named, vec![("a.csv", b"1,2".to_vec())], &words);
    refuses(
        Named::Files("", ""),
        vec![("a", Vec::new())],
        &["is a folder", "folders go to `data`"],
    );
    let words = [
        "holds no known data set",
        "train/ and test/",
        ".npz with x_train",
    ];
    refuses(Named::Data(""), vec![("a.csv", Vec::new())], &words);
    let words = [
        "is not a file that holds a training and a test set",
        "`train`",
    ];
    refuses(Named::Data("a.bin"), vec![("a.bin", cifar(&[1]))], &words);
    refuses(
        Named::Data("b.npz"),
        vec![("a.npz", Vec::new())],
        &["b.npz: no such file"],
    );
}

/// A folder with some files of a known data set is told which are missing, and where they come from.
#[test]
fn folders_that_lack_files() {
    for (file, set, words) in [
        (
            "data_batch_1.bin",
            "cifar10",
            "holds data_batch_1.bin, but not test_batch.bin",
        ),
        (
            "test_batch.bin",
            "cifar10",
            "holds test_batch.bin, but not data_batch_1.bin",
        ),
        ("train.bin", "cifar100", "holds train.bin, but not test.bin"),
        (
            "train_32x32.mat",
            "svhn",
            "holds train_32x32.mat, but not test_32x32.mat",
        ),
        (
            "train-images.idx3-ubyte.gz",
            "mnist",
            "holds train-images.idx3-ubyte.gz, but not train-labels-idx1-ubyte and t10k-images-idx3-ubyte and \
             t10k-labels-idx1-ubyte",
        ),
    ] {
        let fetch = format!("gpu-train fetch {set}");
        refuses(Named::Data(""), vec![(file, vec![0; 10])], &[words, &fetch]);
    }
}
