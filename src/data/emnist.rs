//! What is particular to EMNIST's files, which are else those of MNIST: pictures are stored column by column, and
//! labels stand for letters.
//!
//! Source: Cohen, Afshar, Tapson and van Schaik, "EMNIST: an extension of MNIST to handwritten letters", 2017, and the
//! `emnist-*-mapping.txt` beside the files.

use super::{Classes, Dataset};
use crate::error::Result;
use crate::shape::ImageShape;

/// What the names of all files begin with.
const START: &str = "emnist-";
/// Sets whose labels are places of characters: the first label, and the characters. Letters whose upper and lower
/// case look alike are one class in all but `byclass`.
const NAMED: [(&str, f32, &str); 4] = [
    ("letters-", 1.0, "abcdefghijklmnopqrstuvwxyz"),
    ("balanced-", 0.0, MERGED),
    ("bymerge-", 0.0, MERGED),
    (
        "byclass-",
        0.0,
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    ),
];
const MERGED: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt";

/// The data set of the `images` of a file called `name`, as it is stored: EMNIST's are turned upright, and their
/// labels become places in a list of names where all of them are characters of the set.
pub(super) fn dataset(
    name: &str,
    mut images: Vec<u8>,
    targets: Vec<f32>,
    shape: ImageShape,
) -> Result<Dataset> {
    let Some(set) = name.strip_prefix(START) else {
        return Dataset::new(images, targets, shape);
    };
    let upright = ImageShape::new(shape.channels, shape.width, shape.height);
    for plane in images.chunks_exact_mut(shape.pixels()) {
        transpose(plane, shape);
    }
    let note = "pictures of EMNIST are stored column by column: they are read upright";
    let named = NAMED.iter().find(|(start, ..)| set.starts_with(start));
    let named = named.filter(|(_, first, names)| {
        let places = 0..names.len();
        let is_place = |target: &f32| places.contains(&((target - first) as usize));
        targets.iter().all(|it| it >= first && is_place(it))
    });
    let data = match named {
        Some((_, first, names)) => {
            let targets = targets.into_iter().map(|it| it - first).collect();
            let names = names.chars().map(String::from).collect();
            Dataset::new(images, targets, upright)?.with_classes(Classes::new(names))
        }
        None => Dataset::new(images, targets, upright)?,
    };
    Ok(data.with_note(note.to_owned()))
}

/// Makes the rows of a plane its columns.
fn transpose(plane: &mut [u8], shape: ImageShape) {
    let stored = plane.to_vec();
    for (row, pixels) in stored.chunks_exact(shape.width).enumerate() {
        for (column, pixel) in pixels.iter().enumerate() {
            plane[column * shape.height + row] = *pixel;
        }
    }
}
