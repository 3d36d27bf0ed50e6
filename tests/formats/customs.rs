//! Files as people have them: names of other tools, what systems leave behind, pictures of one colour.

use gpu_train::data::{DataSource, Dataset, Split};
use gpu_train::error::Result;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use zip::CompressionMethod;

use crate::cases::{self, Case, Named, unpacked};
use crate::writers::{LABELS, colour, encoded, grey, gz, idx, npy, npz, pixels};

fn try_load(named: Named, files: Vec<(&'static str, Vec<u8>)>) -> Result<Split> {
    let case = Case {
        name: "customs",
        named,
        files,
        packed: unpacked,
    };
    case.load()
}

fn load(named: Named, files: Vec<(&'static str, Vec<u8>)>) -> Split {
    try_load(named, files).expect("it is whole")
}

/// The text of the error, and its hint.
#[track_caller]
fn refused(named: Named, files: Vec<(&'static str, Vec<u8>)>) -> String {
    let error = try_load(named, files).expect_err("is refused");
    format!("{error}; {}", error.hint())
}

fn png(image: &DynamicImage) -> Vec<u8> {
    encoded(image, ImageFormat::Png)
}

/// 600 pictures of one colour each are 72 MB in 0.5 MB of files, and no attack.
#[test]
fn flat_pictures_are_no_bombs() {
    let _alone = crate::alone();
    let place = tempfile::tempdir().expect("a temporary folder");
    for (set, count) in [("train", 500), ("test", 100)] {
        let folder = place.path().join(set).join("1");
        std::fs::create_dir_all(&folder).expect("makes the folder");
        for number in 0..count {
            let shade = Rgb([number as u8, 7, (number / 2) as u8]);
            let flat = DynamicImage::from(RgbImage::from_pixel(200, 200, shade));
            let file = folder.join(format!("{number:03}.png"));
            std::fs::write(file, png(&flat)).expect("writes");
        }
    }
    let source = DataSource::Path(place.path().to_path_buf());
    let split = source.load(0).expect("is no bomb");
    assert_eq!((split.train.len(), split.test.len()), (500, 100));
    let image = &split.train.images()[499 * 120_000..];
    assert_eq!(image[0], 243);
    assert_eq!((image[40_000], image[119_999]), (7, 249));

    // The same in an archive: 42 MiB in 43 kB.
    let zeros = npy("|u1", false, "42, 1024, 1024", &vec![0; 42 << 20]);
    let labels = npy("|u1", false, "42,", &[1; 42]);
    let archive = npz(&[("x", zeros), ("y", labels)], CompressionMethod::Deflated);
    assert!(archive.len() < 50_000);
    let named = Named::Files("set.npz", "set.npz");
    assert_eq!(load(named, vec![("set.npz", archive)]).train.len(), 42);
}

#[test]
fn what_systems_leave_in_folders_is_passed_over_with_one_note() {
    let picture = || png(&grey(6, 5));
    let split = load(
        Named::Data(""),
        vec![
            ("train/1/a.png", picture()),
            ("train/1/Thumbs.db", b"x".to_vec()),
            ("train/desktop.ini", b"x".to_vec()),
            ("train/__MACOSX/1/b.png", b"no image".to_vec()),
            ("train/.DS_Store", b"x".to_vec()),
            ("test/2/a.png", picture()),
            ("test/2/__MACOSX/c.png", b"no image".to_vec()),
            ("test/2/notes.txt", b"x".to_vec()),
        ],
    );
    assert_eq!(split.train.targets(), [1.0]);
    assert_eq!(split.test.targets(), [2.0]);
    let expected = "passed over what is not an image, going by its name: Thumbs.db, __MACOSX, desktop.ini, \
                    __MACOSX and 1 more";
    assert_eq!(split.notes(), [expected]);
    let clean = vec![("train/1/a.png", picture()), ("test/1/a.png", picture())];
    assert!(load(Named::Data(""), clean).notes().is_empty());
}

#[test]
fn a_picture_that_is_listed_several_times_counts_as_often() {
    let table = b"file,target\na.png,1\n./a.png,2\na.png,1\n".to_vec();
    let split = load(
        Named::Data(""),
        vec![
            ("train/labels.csv", table),
            ("train/a.png", png(&grey(6, 5))),
            ("test/1/a.png", png(&grey(6, 5))),
        ],
    );
    assert_eq!(split.train.targets(), [1.0, 2.0, 1.0]);
    let images = split.train.images();
    assert_eq!(images, [pixels(30), pixels(30), pixels(30)].concat());
}

/// What Pillow wrote and reads; of 16 bits the upper eight, upright as `ImageOps.exif_transpose` has it.
#[test]
fn tiff_and_jfif_are_read_as_pillow_reads_them() {
    let tiff = |file: &str| cases::picture("", "train/4/a.tif", "test/4/b.TIFF", cases::made(file));
    let smooth: Vec<u8> = (0..480).map(|i| (i / 20 * 7 + i % 20 * 4) as u8).collect();
    for file in ["lzw.tif", "packbits_alpha.tif"] {
        let set = tiff(file).load().expect(file).train;
        assert_eq!(set.shape().to_string(), "3x24x20", "{file}");
        assert_eq!(set.images()[..480], smooth, "{file}");
        let inverse: Vec<u8> = smooth.iter().map(|it| 255 - it).collect();
        assert_eq!(set.images()[480..960], inverse, "{file}");
    }
    for file in ["deflate_grey.tif", "deep_grey.tif"] {
        let set = tiff(file).load().expect(file).train;
        assert_eq!(set.shape().to_string(), "1x24x20", "{file}");
        assert_eq!(set.images()[..4], [150, 149, 148, 147], "{file}");
        assert_eq!(set.images()[20..24], [148, 147, 146, 145], "{file}");
    }
    let turned = tiff("turned.tif").load().expect("whole").train;
    assert_eq!(turned.shape().to_string(), "3x20x24");
    let pixel = |at: usize| [0, 480, 960].map(|plane| turned.images()[plane + at]);
    let first = [[161, 94, 80], [154, 101, 77], [147, 108, 73]];
    assert_eq!([0, 1, 2].map(pixel), first);

    let jpeg = encoded(&colour(20, 24), ImageFormat::Jpeg);
    let jfif = cases::picture("", "train/4/a.jfif", "test/4/a.JFIF", jpeg.clone());
    let jpg = cases::picture("", "train/4/a.jpg", "test/4/a.jpg", jpeg);
    assert_eq!(jfif.load().expect("whole"), jpg.load().expect("whole"));
}

/// The four files of a set, whose names begin and go on so.
fn idx_set(before: &str, test: &str, dash: &str, gzipped: bool) -> Vec<(&'static str, Vec<u8>)> {
    let images = idx(8, &[3, 5, 4], &pixels(60));
    let labels = idx(8, &[3], &LABELS);
    let mut files = Vec::new();
    for set in ["train", test] {
        for (kind, dimensions, bytes) in [("images", 3, &images), ("labels", 1, &labels)] {
            let name = format!("{before}{set}-{kind}{dash}idx{dimensions}-ubyte");
            files.push(if gzipped {
                ((name + ".gz").leak() as &str, gz(bytes))
            } else {
                (name.leak() as &str, bytes.clone())
            });
        }
    }
    files
}

#[test]
fn idx_files_have_the_names_of_emnist_and_dots() {
    for (before, test, dash, gzipped) in [
        ("", "t10k", "-", false),
        ("", "t10k", ".", false),
        ("my-", "test", "-", true),
        ("emnist-digits-", "test", "-", true),
        ("emnist-letters-", "test", "-", false),
    ] {
        let files = idx_set(before, test, dash, gzipped);
        let (train, test) = (files[0].0, files[2].0);
        let split = load(Named::Data(""), files.clone());
        assert_eq!(split.train.targets(), [3.0, 0.0, 7.0], "{train}");
        // EMNIST's, of which 5x4 are stored, are turned upright.
        if before.starts_with("emnist") {
            let image = |image: &[u8]| (0..20).map(|at| image[at % 5 * 4 + at / 5]).collect();
            let upright: Vec<Vec<u8>> = pixels(60).chunks(20).map(image).collect();
            assert_eq!(split.train.images(), upright.concat(), "{train}");
            assert_eq!(split.train.shape().to_string(), "1x4x5");
            assert!(split.notes()[0].contains("upright"));
        } else {
            assert_eq!(split.train.images(), pixels(60), "{train}");
            assert!(split.notes().is_empty());
        }
        // 0 is no letter.
        assert_eq!(split.classes(), None, "{train}");
        assert_eq!(split.test, split.train, "{train}");
        let pair = load(Named::Files(train, test), files);
        assert_eq!(pair, split, "{train}");
    }
    // Images and labels whose names are parted by different signs.
    let mut files = idx_set("", "t10k", ".", false);
    files[1].0 = "train-labels-idx1-ubyte";
    assert_eq!(load(Named::Data(""), files).train.len(), 3);
    let two = ["emnist-digits-", "emnist-letters-"];
    let two = two.map(|before| idx_set(before, "test", "-", true));
    let error = refused(Named::Data(""), two.concat());
    let words =
        "holds several sets: emnist-digits-train-images-idx3-ubyte.gz, emnist-letters-train";
    assert!(error.contains(words), "{error}");
}

/// Of torchvision's `EMNIST.classes`, and of the `emnist-*-mapping.txt` beside the official files.
#[test]
fn labels_of_emnist_are_characters() {
    for (set, labels, targets, names) in [
        ("letters", [1, 26, 4], [0.0, 25.0, 3.0], "azd"),
        ("balanced", [9, 35, 36], [9.0, 35.0, 36.0], "9Za"),
        ("balanced", [37, 46, 10], [37.0, 46.0, 10.0], "btA"),
        ("bymerge", [40, 41, 42], [40.0, 41.0, 42.0], "fgh"),
        ("byclass", [10, 36, 61], [10.0, 36.0, 61.0], "Aaz"),
    ] {
        let mut files = idx_set(&format!("emnist-{set}-"), "test", "-", false);
        for at in [1, 3] {
            files[at].1 = idx(8, &[3], &labels);
        }
        let split = load(Named::Data(""), files);
        assert_eq!(split.train.targets(), targets, "{set}");
        let classes = split.classes().expect("are named");
        let named = targets.iter().map(|it| classes.name(*it).expect(set));
        assert_eq!(named.collect::<String>(), names, "{set}");
    }
}

fn array(shape: &str, count: usize) -> Vec<u8> {
    npy("|u1", false, shape, &pixels(count))
}

fn labels() -> Vec<u8> {
    npy("|u1", false, "3, 1", &LABELS)
}

/// Sets of three images of 5x4 in one file, under these names: images and labels in turns.
fn archive(names: &[&'static str]) -> Vec<(&'static str, Vec<u8>)> {
    let arrays = names.chunks_exact(2).flat_map(|pair| {
        let images = array("3, 5, 4", 60);
        [(pair[0], images), (pair[1], labels())]
    });
    let arrays: Vec<(&str, Vec<u8>)> = arrays.collect();
    vec![("set.npz", npz(&arrays, CompressionMethod::Deflated))]
}

#[track_caller]
fn assert_three(set: &Dataset) {
    assert_eq!(set.targets(), [3.0, 0.0, 7.0]);
    assert_eq!(set.images(), pixels(60));
}

#[test]
fn npz_files_have_the_names_of_the_field() {
    for names in [
        ["x_train", "y_train", "x_test", "y_test"],
        ["X_train", "y_train", "X_test", "y_test"],
        ["train_images", "train_labels", "test_images", "test_labels"],
        ["images_train", "labels_train", "images_test", "labels_test"],
        ["train_x", "train_y", "test_x", "test_y"],
        ["trainX", "trainY", "testX", "testY"],
    ] {
        let split = load(Named::Data("set.npz"), archive(&names));
        assert_three(&split.train);
        assert_three(&split.test);
        assert!(split.notes().is_empty(), "{names:?}");
    }
    for names in [
        ["x", "y"],
        ["X", "Y"],
        ["images", "labels"],
        ["image", "label"],
        ["data", "target"],
        ["arr_0", "arr_1"],
    ] {
        let split = load(Named::Files("set.npz", "set.npz"), archive(&names));
        assert_three(&split.train);
        assert_eq!(split.test, split.train);
        let error = refused(Named::Data("set.npz"), archive(&names));
        let words = format!("holds one set alone, {} and {}", names[0], names[1]);
        assert!(error.contains(&words), "{error}");
    }
    // As MedMNIST has them.
    let three = [
        "train_images",
        "train_labels",
        "val_images",
        "val_labels",
        "test_images",
        "test_labels",
    ];
    let split = load(Named::Data("set.npz"), archive(&three));
    assert!(split.notes()[0].starts_with("val_images and its labels are left alone"));
    let split = load(Named::Data("set.npz"), archive(&three[..4]));
    assert_three(&split.test);
    assert_eq!(
        split.notes(),
        ["without a test set, the test set is val_images"]
    );
}

#[test]
fn which_axis_is_that_of_the_channels_is_said() {
    let set = |shape: &str, count: usize| {
        let bytes = npz(
            &[("x", array(shape, count)), ("y", labels())],
            CompressionMethod::Stored,
        );
        load(Named::Files("set.npz", "set.npz"), vec![("set.npz", bytes)])
    };
    for (shape, count, images, note) in [
        (
            "3, 5, 4, 3",
            180,
            "3x5x4",
            "arrays of shape (N, 5, 4, 3) are read channels last, as images of 3x5x4",
        ),
        (
            "3, 3, 5, 7",
            315,
            "3x5x7",
            "arrays of shape (N, 3, 5, 7) are read channels first, as images of 3x5x7",
        ),
        (
            "3, 1, 5, 3",
            45,
            "3x1x5",
            "arrays of shape (N, 1, 5, 3) are read channels last, as images of 3x1x5",
        ),
    ] {
        let split = set(shape, count);
        assert_eq!(split.train.shape().to_string(), images);
        assert_eq!(split.notes(), [note]);
    }
    assert!(set("3, 5, 4", 60).notes().is_empty());
}

/// A coarse label, a fine one, and the planes.
fn cifar100(labels: &[[u8; 2]]) -> Vec<u8> {
    let record = |label: &[u8; 2]| [&label[..], &pixels(3072)].concat();
    labels.iter().flat_map(record).collect()
}

#[test]
fn cifar100_has_fine_and_coarse_labels() {
    let files = || {
        vec![
            ("train.bin", cifar100(&[[19, 99], [4, 0]])),
            ("test.bin", cifar100(&[[11, 49]])),
        ]
    };
    let split = load(Named::Data(""), files());
    assert_eq!(split.train.targets(), [99.0, 0.0]);
    assert_eq!(split.test.targets(), [49.0]);
    assert_eq!(split.train.images(), [pixels(3072), pixels(3072)].concat());
    assert_eq!(load(Named::Files("train.bin", "test.bin"), files()), split);
    let place = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in files() {
        std::fs::write(place.path().join(name), bytes).expect("writes");
    }
    let names: Vec<String> = (0..20).map(|it| format!("group {it}")).collect();
    let names_file = place.path().join("coarse_label_names.txt");
    std::fs::write(names_file, names.join("\n")).expect("writes");
    let coarse = gpu_train::data::cifar100::load_coarse(place.path()).expect("whole");
    assert_eq!(coarse.train.targets(), [19.0, 4.0]);
    let name = coarse.classes().and_then(|it| it.name(11.0));
    assert_eq!(name, Some("group 11"));
    let wrong = vec![
        ("train.bin", cifar100(&[[19, 100]])),
        ("test.bin", cifar100(&[[0, 0]])),
    ];
    let error = refused(Named::Data(""), wrong);
    assert!(error.contains("label 100 of image 0"), "{error}");
}
