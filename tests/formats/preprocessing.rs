//! What pictures become: sizes, fits and colours. The right values are Pillow's (`files/make_pictures.py`).

use std::fs;
use std::path::{Path, PathBuf};

use gpu_train::data::image_folder::read_picture;
use gpu_train::data::{Dataset, Fit, ImageMode, ImageSize, Preprocessing};
use gpu_train::shape::ImageShape;

const MODES: [(ImageMode, &str); 2] = [(ImageMode::Rgb, "rgb"), (ImageMode::Grey, "grey")];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/formats/files")
        .join(name)
}

/// The planes of a picture that Pillow wrote, and its size.
fn planes(path: &Path, mode: ImageMode) -> (Vec<u8>, ImageSize) {
    let image = image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let size = ImageSize {
        height: image.height() as usize,
        width: image.width() as usize,
    };
    let pixels = image.into_rgb8().into_raw();
    let plane = |at: usize| pixels[at..].iter().copied().step_by(3);
    ((0..mode.channels()).flat_map(plane).collect(), size)
}

fn fit(name: &str) -> Fit {
    match name {
        "stretch" => Fit::Stretch,
        "crop" => Fit::Crop,
        "pad" => Fit::Pad,
        other => panic!("{other}"),
    }
}

/// The farthest that two are apart.
fn apart(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    let apart = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    apart.max().expect("pixels")
}

/// Every file `NAME-FIT-SIZE.png`, read as a file and as an image of a data set.
#[test]
fn sizes_are_those_of_pillow_within_one_level() {
    let mut compared = 0;
    for entry in fs::read_dir(folder("resized")).expect("is there") {
        let path = entry.expect("readable").path();
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let parts: Vec<&str> = name.split('-').collect();
        let [source, how, size] = parts[..] else {
            continue;
        };
        let mode = match source {
            "grey" => ImageMode::Grey,
            _ => ImageMode::Rgb,
        };
        let preprocessing = Preprocessing {
            size: Some(size.parse().expect("a size")),
            fit: fit(how),
            mode: Some(mode),
        };
        let source = folder("resized").join(format!("{source}.png"));
        let (expected, _) = planes(&path, mode);
        let found = read_picture(&source, &preprocessing).expect("reads");
        let most = apart(&found, &expected);
        assert!(most <= 1, "{name}: {most} levels from Pillow");
        // Images of other data sets go through the same.
        let (images, own) = planes(&source, mode);
        let shape = ImageShape::new(mode.channels(), own.height, own.width);
        let set = Dataset::new([&images[..], &images].concat(), vec![0.0; 2], shape);
        let set = preprocessing.apply(set.expect("a set")).expect("can be");
        assert_eq!(set.images(), [&found[..], &found].concat(), "{name}");
        compared += 1;
    }
    assert!(compared >= 30, "{compared} compared");
}

/// Transparency, palettes, two shades, CMYK, 16 bits, pictures that lie on their side.
#[test]
fn colours_are_those_of_pillow() {
    let mut compared = 0;
    for entry in fs::read_dir(folder("colours")).expect("is there") {
        let path = entry.expect("readable").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if name.ends_with(".rgb.png") || name.ends_with(".grey.png") {
            continue;
        }
        for (mode, word) in MODES {
            let (expected, size) = planes(&path.with_file_name(format!("{name}.{word}.png")), mode);
            let preprocessing = Preprocessing {
                mode: Some(mode),
                ..Preprocessing::default()
            };
            let found = read_picture(&path, &preprocessing);
            let found = found.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(
                found.len(),
                mode.channels() * size.height * size.width,
                "{name}"
            );
            // Decoders of JPEG files round by themselves.
            let most = if path.extension().is_some_and(|it| it == "jpg") {
                3
            } else {
                0
            };
            let apart = apart(&found, &expected);
            assert!(apart <= most, "{name}, {word}: {apart} levels from Pillow");
            compared += 1;
        }
    }
    assert!(compared >= 30, "{compared} compared");
}

#[test]
fn sets_become_grey_and_coloured() {
    let shape = ImageShape::new(3, 1, 2);
    let set = Dataset::new(vec![255, 12, 0, 200, 0, 77], vec![1.0], shape).expect("a set");
    let make = |set: Dataset, mode: ImageMode| {
        let preprocessing = Preprocessing {
            mode: Some(mode),
            ..Preprocessing::default()
        };
        preprocessing.apply(set)
    };
    assert_eq!(make(set.clone(), ImageMode::Rgb).expect("is"), set);
    let grey = make(set, ImageMode::Grey).expect("can be");
    assert_eq!(grey.images(), [76, 130]);
    assert_eq!(grey.notes(), ["images of 3x1x2 are made 1x1x2"]);
    let coloured = make(grey, ImageMode::Rgb).expect("can be");
    assert_eq!(coloured.images(), [76, 130, 76, 130, 76, 130]);
    let four = Dataset::new(vec![0; 8], vec![1.0], ImageShape::new(4, 1, 2)).expect("a set");
    let error = make(four, ImageMode::Grey).expect_err("what would it be?");
    assert!(
        error.to_string().contains("images of 4 channels"),
        "{error}"
    );
}
