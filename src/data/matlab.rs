//! MATLAB v5 files ("Level 5 MAT-files"), their numbers read by the crate `matfile`.
//!
//! matfile alone takes a truncated file for one without arrays, inflates without limit, multiplies
//! dimensions in `i32`, refuses the class int32 and prints to stdout. So this module walks the
//! elements and checks every header itself, reading a few hundred bytes of each, and then hands
//! matfile one array at a time: a header written anew, followed by the array's numbers as they come
//! out of the file.
//!
//! Source: <https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf>.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::ZlibDecoder;

use super::limits::{Budget, LIMIT_HINT};
use super::stream::{DAMAGED_HINT, open_regular, unreadable};
use crate::error::{Error, Result};

#[cfg(test)]
pub(super) mod builder;
mod header;

pub(super) use header::{ArrayHeader, UINT8};
use header::{ByteOrder, TAG_BYTES, read_array_header, read_tag};

/// Bytes before the first element: text, version, byte order.
const FILE_HEADER_BYTES: usize = 128;
/// Element types that hold a variable.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// The highest element type that the format defines.
const LAST_ELEMENT_TYPE: u32 = 18;
/// How often a number is held at once, in its stored type, while matfile reads an array: in a buffer
/// that grows by doubling, and in its result.
const COPIES: u64 = 3;
/// What is made of a number afterwards: a target.
const TARGET_BYTES: u64 = 4;

const NUMERIC_HINT: &str = "an array of real numbers, of at most 2 GiB, is needed";

/// What is wrong with the bytes of a file: "truncated: …" or "corrupted: …".
#[derive(Debug)]
struct Damage(String);

impl Damage {
    fn truncated(what: impl fmt::Display) -> Self {
        Self(format!("truncated: {what}"))
    }

    fn corrupted(what: impl fmt::Display) -> Self {
        Self(format!("corrupted: {what}"))
    }
}

/// Where in the file an element lies.
#[derive(Debug, Clone, Copy)]
struct Element {
    /// First byte after the element's tag, or the tag itself where `compressed` is false: the
    /// inflated bytes start with a tag, too.
    start: u64,
    bytes: u64,
    compressed: bool,
}

/// An opened MATLAB v5 file whose headers have been checked.
pub(super) struct MatlabFile<R> {
    path: PathBuf,
    source: R,
    order: ByteOrder,
    budget: Budget,
    arrays: Vec<(ArrayHeader, Element)>,
}

impl MatlabFile<File> {
    /// Opens `path` and checks the header of each of its arrays; reads no numbers.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let (file, _) = open_regular(path, "name a MATLAB file (.mat)")?;
        Self::new(path, file)
    }
}

impl<R: Read + Seek> MatlabFile<R> {
    /// As [`MatlabFile::open`], for the bytes of `source`; errors name `path`.
    pub(super) fn new(path: &Path, mut source: R) -> Result<Self> {
        let unreadable = |error: &io::Error| unreadable(path, error);
        let length = source
            .seek(SeekFrom::End(0))
            .map_err(|error| unreadable(&error))?;
        source.rewind().map_err(|error| unreadable(&error))?;
        let mut header = Vec::with_capacity(FILE_HEADER_BYTES);
        (&mut source)
            .take(FILE_HEADER_BYTES as u64)
            .read_to_end(&mut header)
            .map_err(|error| unreadable(&error))?;
        let order = check_file_header(path, &header)?;
        let mut file = Self {
            path: path.to_path_buf(),
            source,
            order,
            budget: Budget::new(length),
            arrays: Vec::new(),
        };
        file.arrays = file.walk(length).map_err(|damage| file.damaged(&damage))?;
        Ok(file)
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The array of that name, case-sensitive.
    pub(super) fn find(&self, name: &str) -> Option<&ArrayHeader> {
        let mut headers = self.arrays.iter().map(|(header, _)| header);
        headers.find(|header| header.name == name)
    }

    /// Names of all variables, in the order of the file.
    pub(super) fn names(&self) -> Vec<&str> {
        let names = self.arrays.iter().map(|(header, _)| header.name.as_str());
        names.filter(|name| !name.is_empty()).collect()
    }

    /// The numbers of the array that [`MatlabFile::find`] found: a file with one array, since
    /// matfile lends an array but does not give it away.
    ///
    /// Fails where the array is not numeric, complex, above 2 GiB, or damaged.
    pub(super) fn read(&mut self, name: &str) -> Result<matfile::MatFile> {
        let found = self.arrays.iter().find(|(header, _)| header.name == name);
        let Some((header, element)) = found.cloned() else {
            return Err(self.error(format!("has no array {name}"), NUMERIC_HINT));
        };
        let Some(start) = header.for_matfile(self.order) else {
            let what = format!("{name} is {header}: it cannot be read");
            return Err(self.error(what, NUMERIC_HINT));
        };
        let stored = header.data_bytes.saturating_mul(COPIES);
        let needed = header.elements().saturating_mul(TARGET_BYTES);
        if let Err(what) = self.budget.take(stored.saturating_add(needed), 1) {
            let what = format!("{name} is {header} and needs {what}");
            return Err(self.error(what, LIMIT_HINT));
        }
        self.read_numbers(&header, element, &start)
            .map_err(|damage| self.damaged(&damage))
    }

    fn read_numbers(
        &mut self,
        header: &ArrayHeader,
        element: Element,
        start: &[u8],
    ) -> Result<matfile::MatFile, Damage> {
        let name = &header.name;
        let order = self.order;
        let mut contents = self.contents(element)?;
        let (_, small_data) = read_array_header(&mut contents, order)?;
        let in_tag = if header.small { header.data_bytes } else { 0 };
        let mut numbers = (&mut contents).take(header.data_bytes - in_tag);
        let padding = [0; TAG_BYTES];
        let stream = start
            .chain(&small_data[..in_tag as usize])
            .chain(&mut numbers)
            .chain(&padding[..header.padding_bytes() as usize]);
        let parsed = matfile::MatFile::parse(stream);
        let missing = numbers.limit();
        // A zlib stream ends with a checksum, verified when it is read to its end.
        let rest = io::copy(&mut contents, &mut io::sink());
        match parsed {
            Err(matfile::Error::IOError(error)) => Err(unreadable_array(name, &error)),
            _ if missing > 0 => Err(Damage::truncated(format_args!(
                "{name} ends {missing} bytes early"
            ))),
            Ok(file) if file.arrays().len() == 1 => match rest {
                Ok(_) => Ok(file),
                Err(error) => Err(unreadable_array(name, &error)),
            },
            _ => Err(Damage::corrupted(format_args!(
                "{name} cannot be understood"
            ))),
        }
    }

    /// Headers and places of all arrays, in a file of `length` bytes.
    fn walk(&mut self, length: u64) -> Result<Vec<(ArrayHeader, Element)>, Damage> {
        let mut arrays = Vec::new();
        let mut at = FILE_HEADER_BYTES as u64;
        while at < length {
            if length - at < TAG_BYTES as u64 {
                return Err(Damage::truncated("it ends within an element's tag"));
            }
            let order = self.order;
            let tag = read_tag(&mut self.bytes(at, TAG_BYTES as u64)?, order)?;
            if tag.small.is_some() || tag.kind == 0 || tag.kind > LAST_ELEMENT_TYPE {
                return Err(Damage::corrupted(format_args!(
                    "no element of a MATLAB file starts at byte {at}"
                )));
            }
            let end = at + TAG_BYTES as u64 + u64::from(tag.bytes);
            if end > length {
                return Err(Damage::truncated(format_args!(
                    "it has {length} bytes, but an element at byte {at} reaches to byte {end}"
                )));
            }
            if let MATRIX | COMPRESSED = tag.kind {
                let compressed = tag.kind == COMPRESSED;
                let start = if compressed {
                    at + TAG_BYTES as u64
                } else {
                    at
                };
                let element = Element {
                    start,
                    bytes: end - start,
                    compressed,
                };
                arrays.push((self.array_header(element)?, element));
            }
            at = if tag.kind == COMPRESSED {
                end
            } else {
                end.next_multiple_of(TAG_BYTES as u64)
            };
        }
        Ok(arrays)
    }

    /// Reads and checks the header of the array that `element` holds.
    fn array_header(&mut self, element: Element) -> Result<ArrayHeader, Damage> {
        let order = self.order;
        let (header, _) =
            read_array_header(&mut self.contents(element)?, order).map_err(|Damage(what)| {
                Damage(format!("{what} (in the element at byte {})", element.start))
            })?;
        if !element.compressed && header.matrix_bytes > element.bytes {
            return Err(Damage::corrupted(format_args!(
                "{} claims {} bytes, more than its {} bytes of the file",
                header.name, header.matrix_bytes, element.bytes
            )));
        }
        // A copy of the budget: what is read of the file is settled later.
        let mut budget = self.budget;
        if let Err(what) = budget.take(header.matrix_bytes, 1) {
            return Err(Damage::corrupted(format_args!(
                "{} claims {what}",
                header.name
            )));
        }
        Ok(header)
    }

    /// The bytes of an element from its matrix tag on, inflated where it is compressed.
    fn contents(&mut self, element: Element) -> Result<Box<dyn Read + '_>, Damage> {
        let bytes = self.bytes(element.start, element.bytes)?;
        Ok(if element.compressed {
            Box::new(ZlibDecoder::new(bytes))
        } else {
            Box::new(BufReader::new(bytes))
        })
    }

    fn bytes(&mut self, start: u64, count: u64) -> Result<io::Take<&mut R>, Damage> {
        self.source
            .seek(SeekFrom::Start(start))
            .map_err(|error| Damage(format!("cannot be read: {error}")))?;
        Ok((&mut self.source).take(count))
    }

    /// An error about the contents of this file.
    pub(super) fn error(&self, what: impl Into<String>, hint: &str) -> Error {
        Error::file(&self.path, what, hint)
    }

    fn damaged(&self, damage: &Damage) -> Error {
        self.error(&damage.0, DAMAGED_HINT)
    }
}

fn unreadable_array(name: &str, error: &io::Error) -> Damage {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            Damage::truncated(format_args!("the compressed bytes of {name} end early"))
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Damage::corrupted(
            format_args!("the compressed bytes of {name} do not inflate ({error})"),
        ),
        _ => Damage(format!("cannot be read: {error}")),
    }
}

/// Checks the 128 bytes before the first element; gives the byte order of everything after them.
fn check_file_header(path: &Path, header: &[u8]) -> Result<ByteOrder> {
    const V5_HINT: &str = "save it with `save -v7` in MATLAB, or with scipy.io.savemat";
    let not_v5 = |what: &str| Err(Error::file(path, what, V5_HINT));
    if header.starts_with(b"\x89HDF\r\n\x1a\n") || header.starts_with(b"MATLAB 7.3") {
        return not_v5("is a MATLAB v7.3 file (HDF5), not a v5 one");
    }
    if header.len() < FILE_HEADER_BYTES {
        return not_v5(&format!(
            "is not a MATLAB v5 file: it has {} bytes, and the header alone has {FILE_HEADER_BYTES}",
            header.len()
        ));
    }
    let order = match &header[126..128] {
        b"IM" => ByteOrder::Little,
        b"MI" => ByteOrder::Big,
        _ => return not_v5("is not a MATLAB v5 file: its header lacks the mark `IM` or `MI`"),
    };
    match order.u16([header[124], header[125]]) {
        0x0100 => Ok(order),
        0x0200 => not_v5("is a MATLAB v7.3 file (HDF5), not a v5 one"),
        other => not_v5(&format!("is a MATLAB file of unknown version {other:#06x}")),
    }
}
