//! The header of a `.npy` array: a line of Python that gives type, order and shape.
//!
//! The line is read here, not by the crate npyz: its parser of Python values takes minutes over
//! nested brackets (a thousand of them: more than ten seconds, version 0.9.1), trusts the header's
//! length, and multiplies sizes without a check. Three keys of known types need no such parser.

use std::fmt;

use crate::data::numbers::{Kind, Numbers};
use crate::data::stream::Stream;
use crate::error::Result;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest header that is read, as in `NumPy` itself.
const MAX_HEADER_BYTES: usize = 10_000;
const HINT: &str = "write it with numpy.savez: x of uint8, y of numbers";

/// What the header of an array says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ArrayHeader {
    /// Type, as `NumPy` writes it: `|u1`, `<f8`.
    descr: String,
    /// Whether the first index varies fastest.
    pub(super) fortran_order: bool,
    /// Sizes, one per axis.
    pub(super) sizes: Vec<u64>,
    /// Bytes before the numbers.
    pub(super) header_bytes: u64,
}

impl ArrayHeader {
    /// Product of the sizes, where it can be counted.
    pub(super) fn elements(&self) -> Option<u64> {
        let mut sizes = self.sizes.iter();
        sizes.try_fold(1, |product: u64, &size| product.checked_mul(size))
    }

    /// The type of the numbers, where they are real numbers of a size that we know.
    pub(super) fn numbers(&self) -> Option<Numbers> {
        let (order, kind) = self.descr.split_at_checked(1)?;
        let kind = match kind {
            "u1" | "b1" => Kind::U8,
            "i1" => Kind::I8,
            "u2" => Kind::U16,
            "i2" => Kind::I16,
            "u4" => Kind::U32,
            "i4" => Kind::I32,
            "u8" => Kind::U64,
            "i8" => Kind::I64,
            "f2" => Kind::F16,
            "f4" => Kind::F32,
            "f8" => Kind::F64,
            _ => return None,
        };
        let big_endian = match order {
            ">" => true,
            "<" | "|" => false,
            _ => return None,
        };
        Some(Numbers { kind, big_endian })
    }

    /// Whether the numbers are unsigned bytes.
    pub(super) fn is_uint8(&self) -> bool {
        self.descr.get(1..) == Some("u1") && self.numbers().is_some()
    }
}

impl fmt::Display for ArrayHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.sizes.iter().map(u64::to_string).collect();
        let sizes = sizes.join(", ");
        write!(f, "an array of type {} and shape ({sizes})", self.descr)
    }
}

/// Reads the header at the start of an array.
pub(super) fn read_header(stream: &mut Stream) -> Result<ArrayHeader> {
    let mut start = [0; 8];
    stream.fill(&mut start)?;
    let [magic @ .., major, _minor] = &start;
    if magic != MAGIC {
        return Err(stream.error("is not a NumPy array", HINT));
    }
    let mut length = [0; 4];
    let length_bytes = match major {
        1 => 2,
        2 | 3 => 4,
        other => {
            let what = format!("is a NumPy array of unknown version {other}");
            return Err(stream.error(what, HINT));
        }
    };
    stream.fill(&mut length[..length_bytes])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_HEADER_BYTES {
        let what = format!("has a header of {length} bytes, where {MAX_HEADER_BYTES} would do");
        return Err(stream.error(what, HINT));
    }
    let mut text = vec![0; length];
    stream.fill(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let header = parse(&text).ok_or_else(|| {
        let text: String = text.trim_end().chars().take(100).collect();
        stream.error(
            format!("has a header that is not understood: {text:?}"),
            HINT,
        )
    })?;
    Ok(ArrayHeader {
        header_bytes: (start.len() + length_bytes + length) as u64,
        ..header
    })
}

/// Reads `{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28), }`, in any order.
fn parse(text: &str) -> Option<ArrayHeader> {
    let text = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut rest = text.trim_start();
    let (mut descr, mut fortran_order, mut sizes) = (None, None, None);
    while !rest.is_empty() {
        let (key, after) = quoted(rest)?;
        let value = after.trim_start().strip_prefix(':')?.trim_start();
        let after = match key {
            "descr" => {
                let (value, after) = quoted(value)?;
                descr = Some(value.to_owned());
                after
            }
            "fortran_order" => {
                let word = if value.starts_with("True") {
                    "True"
                } else {
                    "False"
                };
                fortran_order = Some(word == "True");
                value.strip_prefix(word)?
            }
            "shape" => {
                let (inside, after) = value.strip_prefix('(')?.split_once(')')?;
                sizes = Some(parse_sizes(inside)?);
                after
            }
            _ => return None,
        };
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(ArrayHeader {
        descr: descr?,
        fortran_order: fortran_order?,
        sizes: sizes?,
        header_bytes: 0,
    })
}

/// A Python string without escapes at the start of `text`, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

/// The numbers of a tuple; Python 2 wrote an L behind some.
fn parse_sizes(inside: &str) -> Option<Vec<u64>> {
    let inside = inside.trim();
    let numbers = inside.strip_suffix(',').unwrap_or(inside);
    if numbers.is_empty() {
        return Some(Vec::new());
    }
    let number = |text: &str| text.trim().trim_end_matches('L').parse().ok();
    numbers.split(',').map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_numpy_are_read() {
        let header = |descr: &str, fortran_order, sizes: &[u64]| {
            Some(ArrayHeader {
                descr: descr.to_owned(),
                fortran_order,
                sizes: sizes.to_vec(),
                header_bytes: 0,
            })
        };
        for (text, expected) in [
            (
                "{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28), }     \n",
                header("|u1", false, &[60000, 28, 28]),
            ),
            (
                "{\"shape\":(5L,),\"descr\":\"<f8\",\"fortran_order\":True}",
                header("<f8", true, &[5]),
            ),
            (
                "{'descr': '<i4', 'fortran_order': False, 'shape': ()}",
                header("<i4", false, &[]),
            ),
            ("{'descr': '|u1', 'fortran_order': False}", None),
            (
                "{'descr': '|u1', 'fortran_order': Maybe, 'shape': (1,)}",
                None,
            ),
            (
                "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
                None,
            ),
            (
                "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}",
                None,
            ),
            (
                "{'descr': '|u1', 'fortran_order': False, 'shape': (1 2)}",
                None,
            ),
            (
                "{'descr': '|u1' 'fortran_order': False, 'shape': (1,)}",
                None,
            ),
            ("{", None),
            ("", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn types_are_known_by_order_and_size() {
        let numbers = |descr: &str| {
            let header = ArrayHeader {
                descr: descr.to_owned(),
                fortran_order: false,
                sizes: vec![u64::MAX, 2],
                header_bytes: 0,
            };
            assert_eq!(header.elements(), None, "overflows");
            header.numbers()
        };
        let expected = |kind, big_endian| Some(Numbers { kind, big_endian });
        assert_eq!(numbers("|u1"), expected(Kind::U8, false));
        assert_eq!(numbers(">i8"), expected(Kind::I64, true));
        assert_eq!(numbers("<f2"), expected(Kind::F16, false));
        for unknown in ["|O", "<U3", "<c8", "<f16", "=i4", "", "é", "<M8[ns]"] {
            assert_eq!(numbers(unknown), None, "{unknown}");
        }
    }
}
