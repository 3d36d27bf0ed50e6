//! Small MATLAB v5 files for tests.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::header::ByteOrder;

/// Classes and element types of the numbers that tests store.
pub(in crate::data) const DOUBLE: (u32, u32) = (6, 9);
pub(in crate::data) const SINGLE: (u32, u32) = (7, 7);
pub(in crate::data) const INT8: (u32, u32) = (8, 1);
pub(in crate::data) const UINT8: (u32, u32) = (9, 2);
pub(in crate::data) const INT16: (u32, u32) = (10, 3);
pub(in crate::data) const INT32: (u32, u32) = (12, 5);
pub(in crate::data) const UINT32: (u32, u32) = (13, 6);
pub(in crate::data) const INT64: (u32, u32) = (14, 12);
/// Doubles stored as bytes, as MATLAB does where they fit.
pub(in crate::data) const NARROW_DOUBLE: (u32, u32) = (6, 2);

/// How a file is written.
#[derive(Debug, Clone, Copy)]
pub(in crate::data) struct Layout {
    pub(in crate::data) big_endian: bool,
    pub(in crate::data) compressed: bool,
}

impl Layout {
    pub(in crate::data) const OFFICIAL: Self = Self {
        big_endian: false,
        compressed: true,
    };

    pub(in crate::data) const ALL: [Self; 4] = [
        Self::OFFICIAL,
        Self {
            big_endian: false,
            compressed: false,
        },
        Self {
            big_endian: true,
            compressed: true,
        },
        Self {
            big_endian: true,
            compressed: false,
        },
    ];

    fn order(self) -> ByteOrder {
        if self.big_endian {
            ByteOrder::Big
        } else {
            ByteOrder::Little
        }
    }
}

/// One variable: its class and stored type, its sizes, its numbers.
#[derive(Debug, Clone)]
pub(in crate::data) struct Variable {
    pub(in crate::data) name: String,
    pub(in crate::data) number: (u32, u32),
    pub(in crate::data) sizes: Vec<u32>,
    pub(in crate::data) numbers: Vec<f64>,
    pub(in crate::data) complex: bool,
}

impl Variable {
    pub(in crate::data) fn new(
        name: &str,
        number: (u32, u32),
        sizes: &[u32],
        numbers: &[f64],
    ) -> Self {
        Self {
            name: name.to_owned(),
            number,
            sizes: sizes.to_vec(),
            numbers: numbers.to_vec(),
            complex: false,
        }
    }
}

/// The bytes of a file that holds `variables`.
pub(in crate::data) fn mat_file(layout: Layout, variables: &[Variable]) -> Vec<u8> {
    let order = layout.order();
    let mut file = b"MATLAB 5.0 MAT-file, made by a test".to_vec();
    file.resize(124, b' ');
    file.extend(if layout.big_endian {
        b"\x01\x00MI"
    } else {
        b"\x00\x01IM"
    });
    for variable in variables {
        let array = array_element(order, variable);
        if layout.compressed {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&array).unwrap();
            let deflated = encoder.finish().unwrap();
            file.extend(order.bytes(15));
            file.extend(order.bytes(deflated.len() as u32));
            file.extend(deflated);
        } else {
            file.extend(array);
        }
    }
    file
}

fn array_element(order: ByteOrder, variable: &Variable) -> Vec<u8> {
    let (class, storage) = variable.number;
    let words = |values: &[u32]| values.iter().flat_map(|&v| order.bytes(v)).collect();
    let flags = class | if variable.complex { 0x0800 } else { 0 };
    let mut body = element(order, 6, words(&[flags, 0]));
    body.extend(element(order, 5, words(&variable.sizes)));
    body.extend(element(order, 1, variable.name.clone().into_bytes()));
    let numbers = variable.numbers.iter();
    let numbers: Vec<u8> = numbers.flat_map(|&v| encode(order, storage, v)).collect();
    body.extend(element(order, storage, numbers.clone()));
    if variable.complex {
        body.extend(element(order, storage, numbers));
    }
    element(order, 14, body)
}

/// A tag with its padded contents; up to 4 bytes lie in the tag itself.
fn element(order: ByteOrder, kind: u32, mut contents: Vec<u8>) -> Vec<u8> {
    let count = contents.len() as u32;
    let mut bytes = Vec::new();
    if (1..=4).contains(&count) {
        bytes.extend(order.bytes(count << 16 | kind));
        contents.resize(4, 0);
    } else {
        bytes.extend(order.bytes(kind));
        bytes.extend(order.bytes(count));
        contents.resize(contents.len().next_multiple_of(8), 0);
    }
    bytes.extend(contents);
    bytes
}

fn encode(order: ByteOrder, storage: u32, value: f64) -> Vec<u8> {
    let mut bytes = match storage {
        1 => (value as i8).to_be_bytes().to_vec(),
        2 => (value as u8).to_be_bytes().to_vec(),
        3 => (value as i16).to_be_bytes().to_vec(),
        5 => (value as i32).to_be_bytes().to_vec(),
        6 => (value as u32).to_be_bytes().to_vec(),
        7 => (value as f32).to_be_bytes().to_vec(),
        9 => value.to_be_bytes().to_vec(),
        12 => (value as i64).to_be_bytes().to_vec(),
        other => panic!("no test stores element type {other}"),
    };
    if order == ByteOrder::Little {
        bytes.reverse();
    }
    bytes
}
