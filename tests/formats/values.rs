//! What is read, byte by byte.

use gpu_train::data::{Dataset, Split};
use image::{DynamicImage, ImageFormat};
use zip::CompressionMethod;

use crate::cases::{self, Case, Named, unpacked};
use crate::writers::{LABELS, colour, encoded, grey, gz, idx, npy, npz, pixel, pixels};

const TARGETS: [f32; 3] = [3.0, 0.0, 7.0];

fn load(named: Named, files: Vec<(&'static str, Vec<u8>)>) -> Split {
    let case = Case {
        name: "values",
        named,
        files,
        packed: unpacked,
    };
    case.load().expect("it is whole")
}

/// Reads one file of images, or of both, as training and test set.
fn single(name: &'static str, bytes: Vec<u8>) -> Dataset {
    load(Named::Files(name, name), vec![(name, bytes)]).train
}

/// An array (N, H, W, C) in the order NCHW.
fn channels_first(values: &[u8], [height, width, channels]: [usize; 3]) -> Vec<u8> {
    let mut images = Vec::new();
    for image in values.chunks_exact(height * width * channels) {
        for channel in 0..channels {
            images.extend(image[channel..].iter().step_by(channels));
        }
    }
    images
}

#[track_caller]
fn assert_set(set: &Dataset, shape: &str, images: &[u8], targets: &[f32]) {
    assert_eq!(set.shape().to_string(), shape);
    assert_eq!(set.targets(), targets);
    assert_eq!(set.images(), images);
}

#[test]
fn matlab_files_of_scipy() {
    for case in cases::mats() {
        let split = case.load().expect("it is whole");
        assert_set(&split.train, "2x5x4", &pixels(120), &TARGETS);
        assert_set(&split.test, "2x5x4", &pixels(120), &TARGETS);
    }
}

/// X (height, width, images): as many labels as the last size has tell images from channels.
#[test]
fn matlab_files_of_grey_images() {
    let grey = single("grey.mat", cases::made("grey.mat"));
    assert_set(&grey, "1x5x4", &pixels(60), &TARGETS);
}

#[test]
fn idx_files_of_three_and_four_dimensions() {
    for case in cases::idxs() {
        let split = case.load().expect("it is whole");
        assert_set(&split.train, "1x5x4", &pixels(60), &TARGETS);
        assert_eq!(split.test, split.train);
    }
    let images = idx(8, &[3, 2, 5, 2], &pixels(60));
    let files = vec![
        ("my.images.idx4-ubyte", images.clone()),
        ("my.labels.idx1-ubyte.gz", gz(&idx(8, &[3], &LABELS))),
        ("b-images-idx4-ubyte.gz", gz(&images)),
        ("b-labels-idx1-ubyte", idx(8, &[3], &LABELS)),
    ];
    let named = Named::Files("my.images.idx4-ubyte", "b-images-idx4-ubyte.gz");
    let split = load(named, files);
    assert_set(&split.train, "2x5x2", &pixels(60), &TARGETS);
    assert_eq!(split.test, split.train);
}

#[test]
fn idx_labels_of_every_type() {
    let bytes = |of: fn(f64) -> Vec<u8>| [-2.0, 100.0, 0.0].iter().flat_map(|&v| of(v)).collect();
    let labels: [(u8, Vec<u8>); 5] = [
        (0x09, bytes(|v| (v as i8).to_be_bytes().into())),
        (0x0b, bytes(|v| (v as i16).to_be_bytes().into())),
        (0x0c, bytes(|v| (v as i32).to_be_bytes().into())),
        (0x0d, bytes(|v| (v as f32).to_be_bytes().into())),
        (0x0e, bytes(|v| v.to_be_bytes().into())),
    ];
    for (kind, labels) in labels {
        let name = "a-images-idx3-ubyte";
        let images = idx(8, &[3, 1, 2], &pixels(6));
        let files = vec![
            (name, images),
            ("a-labels-idx1-ubyte", idx(kind, &[3], &labels)),
        ];
        let split = load(Named::Files(name, name), files);
        assert_set(&split.train, "1x1x2", &pixels(6), &[-2.0, 100.0, 0.0]);
    }
}

#[test]
fn cifar10_files_in_order_and_without_those_that_are_missing() {
    let split = cases::cifar10().load().expect("it is whole");
    let first = pixels(2 * 3072);
    let images = [&first[..], &pixels(3072)].concat();
    assert_set(&split.train, "3x32x32", &images, &[6.0, 9.0, 1.0]);
    assert_set(&split.test, "3x32x32", &pixels(3072), &[0.0]);
}

#[test]
fn cifar10_classes_have_the_names_that_lie_beside_them() {
    let named = |names: &str| {
        let mut case = cases::cifar10();
        case.files.push(("batches.meta.txt", names.into()));
        let split = case.load().expect("it is whole");
        assert_eq!(split.train.classes(), split.test.classes());
        split.classes().map(|it| it.names().join(" "))
    };
    let names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    let expected = "airplane automobile bird cat deer dog frog horse ship truck";
    assert_eq!(named(names).as_deref(), Some(expected));
    assert_eq!(named("a\nb\n"), None);
    let without = cases::cifar10().load().expect("it is whole");
    assert_eq!(without.classes(), None);
}

#[test]
fn archives_of_numpy() {
    let images = channels_first(&pixels(180), [5, 4, 3]);
    for file in ["stored.npz", "deflated.npz"] {
        let split = load(Named::Data(file), vec![(file, cases::made(file))]);
        assert_set(&split.train, "3x5x4", &images, &TARGETS);
        assert_set(&split.test, "3x5x4", &images[60..], &TARGETS[1..]);
        // The same file twice: each set takes its own arrays.
        let twice = load(Named::Files(file, file), vec![(file, cases::made(file))]);
        assert_eq!(twice, split);
    }
    let fortran = single("set.npz", cases::made("fortran.npz"));
    assert_set(&fortran, "3x4x5", &pixels(180), &TARGETS);
}

#[test]
fn arrays_of_every_layout() {
    let y = npy("|u1", false, "3, 1", &LABELS);
    let set = |descr, fortran, shape, count| {
        let x = npy(descr, fortran, shape, &pixels(count));
        single(
            "set.npz",
            npz(&[("x", x), ("y", y.clone())], CompressionMethod::Deflated),
        )
    };
    for descr in ["|u1", "<u1", ">u1"] {
        assert_set(
            &set(descr, false, "3, 5, 4", 60),
            "1x5x4",
            &pixels(60),
            &TARGETS,
        );
    }
    assert_set(
        &set("|u1", false, "3, 5, 4, 1", 60),
        "1x5x4",
        &pixels(60),
        &TARGETS,
    );
    assert_set(
        &set("|u1", false, "3, 4, 5, 2", 120),
        "4x5x2",
        &pixels(120),
        &TARGETS,
    );
    // Both could be channels: they are last.
    let both = channels_first(&pixels(180), [3, 5, 4]);
    assert_set(
        &set("|u1", false, "3, 3, 5, 4", 180),
        "4x3x5",
        &both,
        &TARGETS,
    );
    // Fortran order, channels last: image 1, row 2, column 3, channel 2 of (3, 5, 4, 3).
    let fortran = set("|u1", true, "3, 5, 4, 3", 180);
    let at = 60 + 2 * 20 + 2 * 4 + 3;
    assert_eq!(fortran.images()[at], pixel(1 + 3 * (2 + 5 * (3 + 4 * 2))));
}

#[test]
fn pictures_that_lose_nothing() {
    let planes = channels_first(&pixels(90), [5, 6, 3]);
    let grey_and_colour = [
        (grey(6, 5), "1x5x6", pixels(30)),
        (colour(6, 5), "3x5x6", planes),
    ];
    for (picture, shape, images) in grey_and_colour {
        let alpha = if shape.starts_with('1') {
            DynamicImage::from(picture.to_luma_alpha16())
        } else {
            DynamicImage::from(picture.to_rgba16())
        };
        for (name, format, picture) in [
            ("train/4/a.png", ImageFormat::Png, &picture),
            ("train/4/a.PNG", ImageFormat::Png, &alpha),
            ("train/4/a.pnm", ImageFormat::Pnm, &picture),
        ] {
            let bytes = encoded(picture, format);
            let split = cases::picture("", name, "test/4/b.png", bytes)
                .load()
                .expect("whole");
            assert_set(&split.train, shape, &images, &[4.0]);
            assert_eq!(split.test, split.train);
        }
    }
    let planes = channels_first(&pixels(90), [5, 6, 3]);
    for (name, format) in [("a.bmp", ImageFormat::Bmp), ("a.webp", ImageFormat::WebP)] {
        let name: &str = if name == "a.bmp" {
            "train/4/a.bmp"
        } else {
            "train/4/a.webp"
        };
        let split = cases::picture("", name, "test/4/b.bmp", encoded(&colour(6, 5), format)).load();
        assert_set(&split.expect("whole").train, "3x5x6", &planes, &[4.0]);
    }
}

/// JPEG, lossy WebP and palettes lose a little of the smooth picture that `make_files.py` drew.
#[test]
fn pictures_that_lose_little() {
    for (file, name, most) in [
        ("progressive.jpg", "train/0/a.jpg", 12),
        ("lossy.webp", "train/0/a.webp", 24),
        ("alpha_lossy.webp", "train/0/a.webp", 24),
        ("palette.gif", "train/0/a.gif", 48),
        ("palette.png", "train/0/a.png", 48),
    ] {
        let split = cases::picture(
            "",
            name,
            name.replace("train", "test").leak(),
            cases::made(file),
        )
        .load();
        let set = split
            .unwrap_or_else(|error| panic!("{file}: {error}"))
            .train;
        assert_eq!(set.shape().to_string(), "3x24x20", "{file}");
        for (i, &value) in set.images()[..480].iter().enumerate() {
            let drawn = (i / 20 * 7 + i % 20 * 4) as u8;
            assert!(
                value.abs_diff(drawn) <= most,
                "{file}: {value} for {drawn} at {i}"
            );
        }
    }
}

#[test]
fn classes_are_numbers_or_are_numbered() {
    let png = |seed: u32| {
        let mut picture = grey(3, 2).into_luma8();
        picture.get_pixel_mut(0, 0).0 = [seed as u8];
        encoded(&picture.into(), ImageFormat::Png)
    };
    let targets = |files: &[(&'static str, u32)]| {
        let files = files.iter().map(|&(name, seed)| (name, png(seed)));
        let split = load(Named::Data(""), files.collect());
        let firsts = |set: &Dataset| set.images().iter().copied().step_by(6).collect::<Vec<u8>>();
        let of = |set: &Dataset| (set.targets().to_vec(), firsts(set));
        (of(&split.train), of(&split.test))
    };
    // Sorted by name as text: -1.5, 10, 9. Hidden files are passed over; test needs not all.
    let (train, test) = targets(&[
        ("train/9/b.png", 3),
        ("train/9/a.png", 2),
        ("train/10/a.png", 1),
        ("train/-1.5/a.png", 0),
        ("train/9/.hidden", 9),
        ("train/.DS_Store", 9),
        ("test/9/a.png", 4),
    ]);
    assert_eq!(train, (vec![-1.5, 10.0, 9.0, 9.0], vec![0, 1, 2, 3]));
    assert_eq!(test, (vec![9.0], vec![4]));
    // `inf` is no number to train on, so these are names.
    let (train, test) = targets(&[
        ("train/inf/a.png", 2),
        ("train/cat/a.png", 1),
        ("train/7/a.png", 0),
        ("test/7/a.png", 3),
        ("test/cat/a.png", 4),
        ("test/inf/a.png", 5),
    ]);
    assert_eq!(train, (vec![0.0, 1.0, 2.0], vec![0, 1, 2]));
    assert_eq!(test, (vec![0.0, 1.0, 2.0], vec![3, 4, 5]));
}

#[test]
fn a_table_of_labels_keeps_its_order() {
    let csv = "file,target\r\nc/z.png, 0.25\n./a.png,-3e2\n"
        .as_bytes()
        .to_vec();
    let colour = encoded(&colour(2, 1), ImageFormat::Png);
    let split = load(
        Named::Data(""),
        vec![
            ("train/labels.csv", csv),
            ("train/a.png", colour),
            ("train/c/z.png", encoded(&grey(2, 1), ImageFormat::Png)),
            ("train/unlisted.txt", b"left alone".to_vec()),
            ("test/1/a.png", encoded(&grey(2, 1), ImageFormat::Png)),
        ],
    );
    // One image has colours, so all have three channels.
    let grey = [0, 89, 0, 89, 0, 89];
    let images = [&grey[..], &channels_first(&pixels(6), [1, 2, 3])].concat();
    assert_set(&split.train, "3x1x2", &images, &[0.25, -300.0]);
    assert_set(&split.test, "3x1x2", &grey, &[1.0]);
}
