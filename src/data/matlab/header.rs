//! Tags and array headers of a MATLAB v5 file: read, checked, and written anew for matfile.

use std::fmt;
use std::io::{self, Read};

use super::{Damage, FILE_HEADER_BYTES, MATRIX};

/// Bytes of an element's tag, and the unit to which elements are padded.
pub(super) const TAG_BYTES: usize = 8;
/// More dimensions or a longer name than MATLAB and `NumPy` make are taken for damage.
const MAX_DIMENSIONS_BYTES: u32 = 64 * 4;
const MAX_NAME_BYTES: u32 = 256;
/// Element types of an array's header.
const INT8: u32 = 1;
const INT32: u32 = 5;
const UINT32: u32 = 6;
const UTF8: u32 = 16;
/// Classes of arrays: those from `DOUBLE` to `UINT64` hold numbers.
const CELL: u8 = 1;
const SPARSE: u8 = 5;
const DOUBLE: u8 = 6;
pub(in crate::data) const UINT8: u8 = 9;
const UINT64: u8 = 15;

/// Byte order of everything after the file's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(super) fn bytes(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

/// Type and size of what follows; up to 4 bytes may lie in the tag itself.
pub(super) struct Tag {
    pub(super) kind: u32,
    pub(super) bytes: u32,
    pub(super) small: Option<[u8; 4]>,
}

/// Reads one tag. Fails where the input ends, or where a small element claims more than 4 bytes.
pub(super) fn read_tag(input: &mut impl Read, order: ByteOrder) -> Result<Tag, Damage> {
    let mut tag = [0; TAG_BYTES];
    fill(input, &mut tag)?;
    let [a, b, c, d, rest @ ..] = tag;
    let first = order.u32([a, b, c, d]);
    let small_bytes = first >> 16;
    if small_bytes == 0 {
        return Ok(Tag {
            kind: first,
            bytes: order.u32(rest),
            small: None,
        });
    }
    if small_bytes > 4 {
        return Err(Damage::corrupted(format_args!(
            "a small element of {small_bytes} bytes, where 4 fit"
        )));
    }
    Ok(Tag {
        kind: first & 0xffff,
        bytes: small_bytes,
        small: Some(rest),
    })
}

/// What the header of an array says, checked for consistency.
#[derive(Debug, Clone)]
pub(in crate::data) struct ArrayHeader {
    /// Name of the variable; empty where the file gives none.
    pub(in crate::data) name: String,
    /// Class of the numbers, as in the format's table of array types.
    pub(in crate::data) class: u8,
    /// Sizes, the first varying fastest.
    pub(in crate::data) dimensions: Vec<u64>,
    complex: bool,
    /// Bytes of the whole array, its own tag included.
    pub(super) matrix_bytes: u64,
    /// Element type under which the numbers are stored; may be smaller than the class.
    storage: u32,
    /// Bytes of the numbers, without padding.
    pub(super) data_bytes: u64,
    /// Whether the numbers lie within their tag.
    pub(super) small: bool,
}

impl ArrayHeader {
    /// Product of the dimensions, which only the sizes of a sparse array can make overflow.
    pub(in crate::data) fn elements(&self) -> u64 {
        let sizes = self.dimensions.iter();
        sizes.fold(1, |product, &size| product.saturating_mul(size))
    }

    /// Whether the array holds real numbers, one per element.
    pub(in crate::data) fn is_real_number(&self) -> bool {
        !self.complex && storage_of(self.storage).is_some()
    }

    /// Zeros after the numbers, up to the next multiple of 8 bytes.
    pub(super) fn padding_bytes(&self) -> u64 {
        self.data_bytes.next_multiple_of(TAG_BYTES as u64) - self.data_bytes
    }

    /// The start of a MATLAB file with this array alone, as one column, up to its numbers; `None`
    /// where matfile would not read it.
    ///
    /// The class is chosen after the stored type, which holds the same numbers: matfile 0.5 takes
    /// class int32 for uint32 and refuses it, and so it does with some narrower stored types.
    pub(super) fn for_matfile(&self, order: ByteOrder) -> Option<Vec<u8>> {
        let (class, _) = storage_of(self.storage).filter(|_| !self.complex)?;
        let elements = i32::try_from(self.elements()).ok()?;
        let numbers = u32::try_from(self.data_bytes + self.padding_bytes()).ok()?;
        let mut body = Vec::new();
        let mut push = |values: &[u32]| {
            for &value in values {
                body.extend(order.bytes(value));
            }
        };
        push(&[UINT32, 8, u32::from(class), 0]);
        push(&[INT32, 8, elements as u32, 1]);
        // Any name: eight spaces, the same in both byte orders.
        push(&[INT8, 8, 0x2020_2020, 0x2020_2020]);
        push(&[self.storage, self.data_bytes as u32]);
        let matrix_bytes = numbers.checked_add(body.len() as u32)?;

        let mut start = vec![b' '; FILE_HEADER_BYTES - 4];
        start.extend(match order {
            ByteOrder::Little => b"\x00\x01IM",
            ByteOrder::Big => b"\x01\x00MI",
        });
        start.extend(order.bytes(MATRIX));
        start.extend(order.bytes(matrix_bytes));
        start.extend(body);
        Some(start)
    }
}

impl fmt::Display for ArrayHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<_> = self.dimensions.iter().map(u64::to_string).collect();
        let complex = if self.complex { "complex " } else { "" };
        write!(f, "{} {complex}{}", sizes.join("x"), class_name(self.class))
    }
}

/// Name of a class of arrays, as MATLAB's `class` gives it.
fn class_name(class: u8) -> &'static str {
    const NAMES: [&str; 16] = [
        "unknown", "cell", "struct", "object", "char", "sparse", "double", "single", "int8",
        "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    ];
    NAMES.get(usize::from(class)).unwrap_or(&NAMES[0])
}

/// Class to ask matfile for, and bytes per number, of a stored type.
fn storage_of(kind: u32) -> Option<(u8, u64)> {
    Some(match kind {
        INT8 => (8, 1),
        2 => (UINT8, 1),
        3 => (10, 2),
        4 => (11, 2),
        INT32 => (DOUBLE, 4),
        UINT32 => (13, 4),
        7 => (7, 4),
        9 => (DOUBLE, 8),
        12 => (14, 8),
        13 => (UINT64, 8),
        _ => return None,
    })
}

/// Reads the header of an array, from the array's own tag up to its numbers, and checks that its
/// parts agree. Also gives the 4 bytes of the numbers' tag that may hold them.
pub(super) fn read_array_header(
    input: &mut impl Read,
    order: ByteOrder,
) -> Result<(ArrayHeader, [u8; 4]), Damage> {
    let tag = read_tag(input, order)?;
    if tag.kind != MATRIX || tag.small.is_some() {
        return Err(Damage::corrupted("an element that holds no array"));
    }
    let mut header = ArrayHeader {
        name: String::new(),
        class: 0,
        dimensions: Vec::new(),
        complex: false,
        matrix_bytes: TAG_BYTES as u64 + u64::from(tag.bytes),
        storage: 0,
        data_bytes: 0,
        small: false,
    };
    if tag.bytes == 0 {
        // MATLAB writes an empty matrix this way, without a name.
        return Ok((header, [0; 4]));
    }
    let mut input = input.take(u64::from(tag.bytes));
    let flags = read_part(&mut input, order, &[UINT32], 8, "flags")?;
    let flags = match flags[..] {
        [a, b, c, d, ..] if flags.len() == 8 => order.u32([a, b, c, d]),
        _ => return Err(Damage::corrupted("array flags that are not 8 bytes")),
    };
    header.class = flags as u8;
    header.complex = flags & 0x0800 != 0;
    if !(CELL..=UINT64).contains(&header.class) {
        // Function handles and objects, whose headers differ: nothing we could use.
        return Ok((header, [0; 4]));
    }
    let sizes = read_part(&mut input, order, &[INT32], MAX_DIMENSIONS_BYTES, "sizes")?;
    let name = read_part(&mut input, order, &[INT8, UTF8], MAX_NAME_BYTES, "name")?;
    header.name = String::from_utf8_lossy(&name).into_owned();
    header.dimensions = checked_dimensions(&sizes, order)?;
    if header.class <= SPARSE {
        return Ok((header, [0; 4]));
    }
    let tag = read_tag(&mut input, order)?;
    header.storage = tag.kind;
    header.data_bytes = u64::from(tag.bytes);
    header.small = tag.small.is_some();
    let held = if header.small { 0 } else { header.data_bytes };
    let needed = storage_of(tag.kind).map(|(_, bytes)| header.elements().saturating_mul(bytes));
    if needed != Some(header.data_bytes) || held > input.limit() {
        return Err(Damage::corrupted(format_args!(
            "{} is {header}, but has {} bytes of element type {}",
            header.name, header.data_bytes, tag.kind
        )));
    }
    Ok((header, tag.small.unwrap_or_default()))
}

/// Sizes of an array: at least two, none negative.
fn checked_dimensions(bytes: &[u8], order: ByteOrder) -> Result<Vec<u64>, Damage> {
    let (sizes, rest) = bytes.as_chunks::<4>();
    let sizes: Vec<u64> = sizes.iter().map(|&b| order.u32(b).into()).collect();
    if sizes.len() < 2 || !rest.is_empty() || sizes.iter().any(|&size| size > i32::MAX as u64) {
        return Err(Damage::corrupted(format_args!(
            "an array of size {sizes:?}"
        )));
    }
    Ok(sizes)
}

/// Reads one part of an array's header, with its padding: of one of `kinds`, at most `limit` bytes.
fn read_part(
    input: &mut impl Read,
    order: ByteOrder,
    kinds: &[u32],
    limit: u32,
    part: &str,
) -> Result<Vec<u8>, Damage> {
    let tag = read_tag(input, order)?;
    if !kinds.contains(&tag.kind) || tag.bytes > limit {
        return Err(Damage::corrupted(format_args!(
            "array {part} of element type {} and {} bytes",
            tag.kind, tag.bytes
        )));
    }
    let count = tag.bytes as usize;
    if let Some(bytes) = tag.small {
        return Ok(bytes[..count].to_vec());
    }
    let mut bytes = vec![0; count.next_multiple_of(TAG_BYTES)];
    fill(input, &mut bytes)?;
    bytes.truncate(count);
    Ok(bytes)
}

/// Reads exactly `bytes.len()` bytes.
fn fill(input: &mut impl Read, bytes: &mut [u8]) -> Result<(), Damage> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Damage::truncated("it ends within an array's header"),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            Damage::corrupted(format_args!("compressed bytes do not inflate ({error})"))
        }
        _ => Damage(format!("cannot be read: {error}")),
    })
}
