//! Bytes of small data files.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Labels of the three images of the files.
pub const LABELS: [u8; 3] = [3, 0, 7];

/// Byte `index` of a file's images.
pub fn pixel(index: usize) -> u8 {
    (index * 89 % 256) as u8
}

pub fn pixels(count: usize) -> Vec<u8> {
    (0..count).map(pixel).collect()
}

/// An IDX file of numbers of type `kind`.
pub fn idx(kind: u8, sizes: &[u32], numbers: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, sizes.len() as u8];
    bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    bytes.extend(numbers);
    bytes
}

pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("writes to memory");
    encoder.finish().expect("writes to memory")
}

/// A `.npy` array.
pub fn npy(descr: &str, fortran_order: bool, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let order = if fortran_order { "True" } else { "False" };
    let header =
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({shape}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(numbers);
    bytes
}

/// A zip archive of these arrays, each named without `.npy`.
pub fn npz(arrays: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        let options = SimpleFileOptions::default().compression_method(method);
        archive
            .start_file(format!("{name}.npy"), options)
            .expect("writes to memory");
        archive.write_all(bytes).expect("writes to memory");
    }
    archive.finish().expect("writes to memory").into_inner()
}

/// Records of CIFAR-10 with these labels.
pub fn cifar(labels: &[u8]) -> Vec<u8> {
    let record = |(n, &label): (usize, &u8)| {
        let image = (0..3072).map(move |i| pixel(n * 3072 + i));
        [label].into_iter().chain(image)
    };
    labels.iter().enumerate().flat_map(record).collect()
}

pub fn grey(width: u32, height: u32) -> DynamicImage {
    let count = (width * height) as usize;
    GrayImage::from_raw(width, height, pixels(count))
        .expect("fits")
        .into()
}

pub fn colour(width: u32, height: u32) -> DynamicImage {
    let count = (3 * width * height) as usize;
    RgbImage::from_raw(width, height, pixels(count))
        .expect("fits")
        .into()
}

pub fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, format)
        .expect("writes to memory");
    bytes.into_inner()
}

/// A MATLAB file whose arrays are compressed, made of one whose arrays are not.
pub fn compressed_mat(plain: &[u8]) -> Vec<u8> {
    let Some((header, mut rest)) = plain.split_at_checked(128) else {
        return plain.to_vec();
    };
    let mut bytes = header.to_vec();
    while let Some(size) = rest.get(4..8) {
        let size = u32::from_le_bytes(size.try_into().expect("four bytes")) as usize;
        let (element, after) = rest.split_at(size.saturating_add(8).min(rest.len()));
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(element).expect("writes to memory");
        let element = encoder.finish().expect("writes to memory");
        bytes.extend(15u32.to_le_bytes());
        bytes.extend((element.len() as u32).to_le_bytes());
        bytes.extend(element);
        rest = after;
    }
    bytes
}
