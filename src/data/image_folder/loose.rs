//! Pictures that belong to no data set: found by path, read as those of data sets are.

use std::fs;
use std::path::{Path, PathBuf};

use super::listing::Found;
use super::picture::{self, OF_ANY_SIZE, Picture};
use crate::data::{ImageMode, Preprocessing, stream};
use crate::error::{Error, Result};

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
    let mut found = Found::default();
    found.walk(path, 0)?;
    if found.images.is_empty() {
        let what = "holds no picture, going by the names";
        let hint = "pictures end in .png, .jpg, .tif, .bmp, .gif, .webp or .pnm; or name the files";
        return Err(Error::file(path, what, hint));
    }
    Ok(found.images)
}

/// Reads the picture `path` as `preprocessing` says: upright as its EXIF data say, without transparency, in
/// 8 bits, as one plane of grey or three of colours. Returns the planes, one after the other; without a mode
/// they are three.
///
/// Fails, naming the file, where it cannot be read, is damaged, is no image, or takes more than 192 MiB.
pub fn read_picture(path: &Path, preprocessing: &Preprocessing) -> Result<Vec<u8>> {
    let mode = preprocessing.mode.unwrap_or(ImageMode::Rgb);
    let bytes = picture::bytes(path, OF_ANY_SIZE)?;
    let picture = Picture::open(path, &bytes, OF_ANY_SIZE)?;
    let size = preprocessing.size.unwrap_or(picture.header().size);
    let mut planes = vec![0; mode.channels() * size.height * size.width];
    picture.read(preprocessing, mode, &mut planes)?;
    Ok(planes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Fit;
    use crate::shape::ImageShape;
    use image::{DynamicImage, GrayImage, Luma, LumaA, Rgb, RgbImage, Rgba};

    fn read_exact(path: &Path, shape: ImageShape) -> Result<Vec<u8>> {
        read_picture(path, &Preprocessing::exact(shape, Fit::Stretch))
    }

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
        let planes = read_exact(&path, ImageShape::new(3, 2, 3)).expect("reads");
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
        let planes = read_exact(&path, ImageShape::new(3, 2, 2)).expect("reads");
        assert_eq!(planes, [77; 12]);
        let (_folder, path) = saved(
            image::ImageBuffer::from_pixel(2, 2, Rgba([90_u8, 90, 90, 0])),
            "a.png",
        );
        let planes = read_exact(&path, ImageShape::new(1, 2, 2)).expect("reads");
        assert_eq!(planes, [90; 4]);
    }

    /// Every pixel counts, where a picture is shrunk: picking single ones would give black or white.
    #[test]
    fn shrinking_averages() {
        let board = GrayImage::from_fn(64, 64, |x, y| {
            Luma([if (x + y) % 2 == 0 { 0 } else { 254 }])
        });
        let (_folder, path) = saved(board, "a.png");
        let planes = read_exact(&path, ImageShape::new(1, 4, 8)).expect("reads");
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
        let planes = read_exact(&path, ImageShape::new(1, 16, 8)).expect("reads");
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
