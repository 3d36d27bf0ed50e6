//! Pictures that belong to no data set: found by path, scaled to what a net reads.

use std::fs;
use std::path::{Path, PathBuf};

use super::listing::{entries, is_image_name};
use super::picture::{Limit, Picture};
use crate::data::stream;
use crate::error::{Error, Result};
use crate::shape::ImageShape;

/// How large a picture may be: 64 megapixels of three bytes.
const OF_ONE: Limit = Limit {
    bytes: 192 << 20,
    hint: "scale it down first, for example with ImageMagick: mogrify -resize 1024x1024 FILE",
};
/// Folders within folders: more is a loop of mounts or a mistake.
const MAX_DEPTH: usize = 32;

/// The pictures that `path` stands for: itself, or, of a folder, the files in it and in the folders
/// below whose names end as an image's do, sorted by path. Hidden ones, and links to folders, are
/// passed over.
///
/// Fails where nothing is there, a folder cannot be read, or one that holds no picture.
pub fn find_images(path: &Path) -> Result<Vec<PathBuf>> {
    let metadata = fs::metadata(path).map_err(|error| stream::unreadable(path, &error))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    walk(path, 0, &mut found)?;
    if found.is_empty() {
        let what = "holds no picture, going by the names";
        let hint = "pictures end in .png, .jpg, .tif, .bmp, .gif, .webp or .pnm; or name the files";
        return Err(Error::file(path, what, hint));
    }
    Ok(found)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    if depth > MAX_DEPTH {
        let what = format!("lies more than {MAX_DEPTH} folders deep");
        return Err(Error::file(folder, what, "name this folder itself"));
    }
    for (_, path) in entries(folder)? {
        if path.is_symlink() && path.is_dir() {
            continue;
        }
        if path.is_dir() {
            walk(&path, depth + 1, found)?;
        } else if is_image_name(&path) {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads the picture `path` as a net of images of `shape` reads it, by the way of images of data sets:
/// upright as its EXIF data say, without transparency, in 8 bits, as one plane of grey or three of
/// colours, and scaled where it is of another size. A picture of that size keeps its pixels. Returns
/// the planes, one after the other.
///
/// Fails, naming the file, where it cannot be read, is damaged, is no image, or takes more than
/// 192 MiB; and where `shape` has another number of channels than 1 or 3.
pub fn read_scaled(path: &Path, shape: ImageShape) -> Result<Vec<u8>> {
    if !matches!(shape.channels, 1 | 3) {
        let channels = shape.channels;
        return Err(Error::usage(
            format!("the net reads images of {channels} channels, and pictures have 1 or 3"),
            "use a net that was trained on grey or coloured images",
        ));
    }
    Picture::open(path, OF_ONE)?.read(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, GrayImage, Luma, LumaA, Rgb, RgbImage, Rgba};

    fn saved(image: impl Into<DynamicImage>, name: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        image.into().save(&path).expect("writes");
        (folder, path)
    }

    #[test]
    fn pictures_of_the_right_size_keep_their_pixels_as_planes() {
        let image = RgbImage::from_fn(3, 2, |x, y| {
            Rgb([10 * x as u8, 20 * y as u8, (x + y) as u8])
        });
        let (_folder, path) = saved(image, "a.png");
        let planes = read_scaled(&path, ImageShape::new(3, 2, 3)).expect("reads");
        assert_eq!(planes[..6], [0, 10, 20, 0, 10, 20]);
        assert_eq!(planes[6..12], [0, 0, 0, 20, 20, 20]);
        assert_eq!(planes[12..], [0, 1, 2, 1, 2, 3]);
    }

    #[test]
    fn grey_becomes_colour_and_colour_grey_and_transparency_is_dropped() {
        let (_folder, path) = saved(
            image::ImageBuffer::from_pixel(2, 2, LumaA([77_u8, 3])),
            "a.png",
        );
        let planes = read_scaled(&path, ImageShape::new(3, 2, 2)).expect("reads");
        assert_eq!(planes, [77; 12]);
        let (_folder, path) = saved(
            image::ImageBuffer::from_pixel(2, 2, Rgba([90_u8, 90, 90, 0])),
            "a.png",
        );
        let planes = read_scaled(&path, ImageShape::new(1, 2, 2)).expect("reads");
        assert_eq!(planes, [90; 4]);
        let error = read_scaled(&path, ImageShape::new(2, 2, 2)).expect_err("two channels");
        assert!(error.to_string().contains("2 channels"), "{error}");
    }

    /// Every pixel counts, where a picture is shrunk: picking single ones would give black or white.
    #[test]
    fn shrinking_averages() {
        let board = GrayImage::from_fn(64, 64, |x, y| {
            Luma([if (x + y) % 2 == 0 { 0 } else { 254 }])
        });
        let (_folder, path) = saved(board, "a.png");
        let planes = read_scaled(&path, ImageShape::new(1, 4, 8)).expect("reads");
        assert_eq!(planes.len(), 32);
        assert!(
            planes.iter().all(|pixel| (120..=134).contains(pixel)),
            "{planes:?}"
        );
    }

    /// Cameras store what they see and say how they were held.
    #[test]
    fn pictures_stand_upright() {
        // The left half black, the right half white; to be turned by a quarter, clockwise.
        let image = GrayImage::from_fn(16, 8, |x, _| Luma([if x < 8 { 0 } else { 255 }]));
        let (_folder, path) = saved(image, "a.jpg");
        let jpeg = fs::read(&path).expect("reads");
        let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let length = (exif.len() as u16 + 2).to_be_bytes();
        let segment = [&[0xff, 0xe1], &length[..], exif].concat();
        fs::write(&path, [&jpeg[..2], &segment, &jpeg[2..]].concat()).expect("writes");
        let planes = read_scaled(&path, ImageShape::new(1, 16, 8)).expect("reads");
        assert!(planes[..64].iter().all(|it| *it < 8), "the upper half");
        assert!(planes[64..].iter().all(|it| *it > 247), "the lower half");
    }

    #[test]
    fn folders_are_walked_in_order_without_hidden_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        for path in ["b.png", "a.JPG", "notes.txt", ".hidden.png"] {
            fs::write(root.join(path), b"").expect("writes");
        }
        for below in ["c", ".git", "empty"] {
            fs::create_dir(root.join(below)).expect("makes");
        }
        fs::write(root.join("c/d.webp"), b"").expect("writes");
        fs::write(root.join(".git/e.png"), b"").expect("writes");
        let found = find_images(root).expect("finds");
        assert_eq!(
            found,
            ["a.JPG", "b.png", "c/d.webp"].map(|it| root.join(it))
        );
        assert!(find_images(&root.join("empty")).is_err());
        assert!(find_images(&root.join("nothing")).is_err());
        let named = root.join("notes.txt");
        assert_eq!(find_images(&named).expect("is there"), [named]);
    }
}
