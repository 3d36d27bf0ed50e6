//! How an image becomes what a net reads: upright, and grey as the field has it. The right values are
//! Pillow's, of `ImageOps.exif_transpose` and `convert("L")`.

use std::fs;
use std::path::Path;

use gpu_train::data::DataSource;
use gpu_train::shape::ImageShape;
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};

use crate::cases::read_exact;
use crate::writers::encoded;

/// Blocks of 8x8 pixels of one shade each, 3 in a row.
const SHADES: [u8; 6] = [0, 50, 100, 150, 200, 250];

/// Per orientation: blocks in a row, and all shades.
const UPRIGHT: [(usize, [u8; 6]); 8] = [
    (3, [0, 50, 100, 150, 200, 250]),
    (3, [100, 50, 0, 250, 200, 150]),
    (3, [250, 200, 150, 100, 50, 0]),
    (3, [150, 200, 250, 0, 50, 100]),
    (2, [0, 150, 50, 200, 100, 250]),
    (2, [150, 0, 200, 50, 250, 100]),
    (2, [250, 100, 200, 50, 150, 0]),
    (2, [100, 250, 50, 200, 0, 150]),
];

/// A JPEG file of `SHADES` that was taken in that `orientation`.
fn taken(orientation: u8) -> Vec<u8> {
    let blocks = GrayImage::from_fn(24, 16, |x, y| Luma([SHADES[(y / 8 * 3 + x / 8) as usize]]));
    let jpeg = encoded(&DynamicImage::from(blocks), ImageFormat::Jpeg);
    let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0";
    let exif = [&exif[..], &[orientation, 0, 0, 0, 0, 0, 0, 0]].concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

/// Whether the planes are blocks of these shades; JPEG may round them.
fn assert_shades(planes: &[u8], across: usize, shades: &[u8], what: &str) {
    assert_eq!(planes.len(), 24 * 16, "{what}");
    for (at, pixel) in planes.iter().enumerate() {
        let (x, y) = (at % (8 * across), at / (8 * across));
        let shade = shades[y / 8 * across + x / 8];
        assert!(pixel.abs_diff(shade) <= 2, "{what}: {pixel} at {x}, {y}");
    }
}

#[test]
fn pictures_are_upright_in_data_sets_as_where_they_are_predicted() {
    for (orientation, (across, shades)) in (1..).zip(UPRIGHT) {
        let what = format!("orientation {orientation}");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        for set in ["train", "test"] {
            fs::create_dir_all(path(set).join("1")).expect("makes the folder");
            fs::write(path(set).join("1/a.jpg"), taken(orientation)).expect("writes");
        }
        let split = DataSource::Path(path("")).load(0).expect(&what);
        let shape = ImageShape::new(1, 48 / across, 8 * across);
        assert_eq!(split.test.shape(), shape, "{what}");
        assert_shades(split.train.images(), across, &shades, &what);
        let predicted = read_exact(&path("train/1/a.jpg"), shape).expect(&what);
        assert_eq!(predicted, split.train.images(), "{what}");
    }
}

/// Pictures of which some lie on their side are of one size, if they are upright.
#[test]
fn sizes_are_compared_upright() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: Vec<u8>| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("makes the folder");
        fs::write(path, bytes).expect("writes");
    };
    write("train/1/a.jpg", taken(6));
    write("train/1/b.jpg", taken(8));
    let upright = DynamicImage::from(GrayImage::new(16, 24));
    write("test/1/a.png", encoded(&upright, ImageFormat::Png));
    let source = DataSource::Path(folder.path().to_path_buf());
    assert_eq!(source.load(0).expect("one size").train.len(), 2);
    write("train/1/c.jpg", taken(1));
    let error = source.load(0).expect_err("lies on its side").to_string();
    assert!(error.contains("c.jpg: has 24x16 pixels"), "{error}");
}

fn grey(path: &Path, width: usize) -> Vec<u8> {
    read_exact(path, ImageShape::new(1, 1, width)).expect("reads")
}

#[test]
fn grey_is_that_of_pillow() {
    let colours = [
        ([255, 0, 0], 76),
        ([0, 255, 0], 150),
        ([0, 0, 255], 29),
        ([255, 255, 255], 255),
        ([0, 0, 0], 0),
        ([255, 255, 0], 226),
        ([12, 200, 77], 130),
        ([1, 2, 3], 2),
        ([254, 1, 128], 91),
        ([90, 91, 92], 91),
        ([3, 0, 4], 1),
        ([77, 178, 13], 129),
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let width = colours.len() as u32;
    let image = RgbImage::from_fn(width, 1, |x, _| Rgb(colours[x as usize].0));
    let shades = colours.map(|it| it.1);
    for name in ["a.png", "a.bmp", "a.ppm", "a.webp", "a.gif"] {
        let path = folder.path().join(name);
        image.save(&path).expect("writes");
        assert_eq!(grey(&path, colours.len()), shades, "{name}");
    }
    let image = DynamicImage::from(image);
    for (name, image) in [
        ("alpha.png", DynamicImage::from(image.to_rgba8())),
        ("deep.png", DynamicImage::from(image.to_rgb16())),
    ] {
        let path = folder.path().join(name);
        image.save(&path).expect("writes");
        assert_eq!(grey(&path, colours.len()), shades, "{name}");
    }
}

/// Every 101st of all colours: their sum, and one that depends on their order, are Pillow's.
#[test]
fn grey_is_that_of_pillow_for_all_colours() {
    const COUNT: usize = 166_112;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.png");
    let colour = |at: u32| {
        let [_, r, g, b] = (at * 101).to_be_bytes();
        Rgb([r, g, b])
    };
    let height = COUNT as u32 / 32;
    let image = RgbImage::from_fn(32, height, |x, y| colour(y * 32 + x));
    image.save(&path).expect("writes");
    let shape = ImageShape::new(1, COUNT / 32, 32);
    let shades = read_exact(&path, shape).expect("reads");
    let sum: u64 = shades.iter().map(|it| u64::from(*it)).sum();
    let places = (0..).map(|at: u64| at % 9973);
    let placed: u64 = shades
        .iter()
        .zip(places)
        .map(|(it, at)| u64::from(*it) * at)
        .sum();
    assert_eq!((sum, placed), (21_179_230, 104_406_854_093));
}
