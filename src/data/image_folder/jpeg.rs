//! Whether a JPEG file is whole. Decoders fill what is missing with grey and call it a picture, so
//! every segment is walked here, and every code of every scan is read, without making pixels of them.
//!
//! A format without checksums hides some damage: a flipped bit may give another valid code. What is
//! cut, overwritten or out of step is found.
//!
//! Source: ITU-T T.81, <https://www.w3.org/Graphics/JPEG/itu-t81.pdf>.

mod entropy;
mod scan;

use std::rc::Rc;

use entropy::Huffman;
use scan::{Band, Scan};

/// Coefficients of a block of 8x8 pixels.
const COEFFICIENTS: usize = 64;
/// Tables of a kind that may be held at once.
const TABLES: usize = 4;
/// The highest sampling factor.
const MAX_SAMPLING: u8 = 4;

/// The bytes that every JPEG file starts with.
pub(super) const START: [u8; 3] = [0xff, 0xd8, 0xff];

/// Checks that `bytes`, a JPEG file, are whole: that every scan has the codes of all its blocks and
/// nothing else, and that the scans together give every coefficient. Only the end marker may be
/// missing, and anything may follow it. Says what is wrong.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let mut file = JpegFile {
        bytes,
        at: 2,
        quantisers: [None; TABLES],
        tables: Tables::default(),
        restart_interval: 0,
        frame: None,
        codes: Vec::new(),
    };
    while let Some(marker) = file.next_marker()? {
        match marker {
            END => break,
            // Markers without a segment: a restart after the last one counts for nothing.
            0x01 | 0xd0..=0xd7 => {}
            SCAN => file.scan()?,
            _ => file.segment(marker)?,
        }
    }
    file.check_complete()
}

const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// Huffman tables, by kind and number.
#[derive(Default)]
struct Tables {
    dc: [Option<Rc<Huffman>>; TABLES],
    ac: [Option<Rc<Huffman>>; TABLES],
}

/// What the frame header says, and what the scans have given so far.
struct Frame {
    progressive: bool,
    width: usize,
    height: usize,
    components: Vec<Component>,
}

/// One plane of the image.
struct Component {
    id: u8,
    across: u8,
    down: u8,
    quantiser: usize,
    /// Number of low bits that no scan has given yet, per coefficient; none where no scan has begun.
    missing: [Option<u8>; COEFFICIENTS],
    /// Which coefficients of each block are not zero: refining scans hold a bit for each of these.
    /// Empty where there are none.
    non_zero: Vec<u64>,
}

struct JpegFile<'a> {
    bytes: &'a [u8],
    at: usize,
    quantisers: [Option<[u16; COEFFICIENTS]>; TABLES],
    tables: Tables,
    restart_interval: usize,
    frame: Option<Frame>,
    /// A copy of what is between two markers of a scan, which the next ones use again.
    codes: Vec<u8>,
}

impl JpegFile<'_> {
    /// The next marker, which must be here; none at the end of the file.
    fn next_marker(&mut self) -> Result<Option<u8>, String> {
        let rest = &self.bytes[self.at..];
        if rest.first().is_some_and(|byte| *byte != 0xff) {
            return Err(format!("no segment starts at byte {}", self.at));
        }
        let fill = rest.iter().take_while(|byte| **byte == 0xff).count();
        self.at += fill;
        let marker = self.bytes.get(self.at).copied();
        self.at += usize::from(marker.is_some());
        Ok(marker)
    }

    /// The body of the segment that starts here.
    fn body(&mut self) -> Result<&[u8], String> {
        let start = self.at;
        let cut = || format!("cut off within the segment at byte {start}");
        let length = self.bytes[start..].first_chunk().ok_or_else(cut)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let body = self.bytes[start..].get(2..length).ok_or_else(cut)?;
        self.at += length;
        Ok(body)
    }

    fn segment(&mut self, marker: u8) -> Result<(), String> {
        let body = self.body()?.to_vec();
        let read = match marker {
            0xdb => self.define_quantisers(&body),
            0xc4 => self.define_huffman(&body),
            0xdd => body.first_chunk().map(|interval| {
                self.restart_interval = usize::from(u16::from_be_bytes(*interval));
            }),
            0xc0..=0xc2 => self.start_frame(&body, marker == 0xc2),
            // Application data, comments, and what reserves lines of the image.
            0xdc | 0xe0..=0xfe => Some(()),
            _ => None,
        };
        read.ok_or_else(|| format!("its segment {marker:#04x} makes no sense"))
    }

    fn define_quantisers(&mut self, mut body: &[u8]) -> Option<()> {
        while let [head, rest @ ..] = body {
            let bytes = match head >> 4 {
                0 => 1,
                1 => 2,
                _ => return None,
            };
            let values = rest.get(..COEFFICIENTS * bytes)?;
            let mut table = [0; COEFFICIENTS];
            for (entry, value) in table.iter_mut().zip(values.chunks_exact(bytes)) {
                *entry = value
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | u16::from(*byte));
            }
            if table.contains(&0) {
                return None;
            }
            *self.quantisers.get_mut(usize::from(head & 15))? = Some(table);
            body = &rest[values.len()..];
        }
        Some(())
    }

    fn define_huffman(&mut self, mut body: &[u8]) -> Option<()> {
        while let [head, rest @ ..] = body {
            let counts = rest.get(..16)?.iter();
            let length = 16 + counts.map(|count| usize::from(*count)).sum::<usize>();
            let table = Huffman::of(rest.get(..length)?)?;
            let tables = match head >> 4 {
                0 => &mut self.tables.dc,
                1 => &mut self.tables.ac,
                _ => return None,
            };
            *tables.get_mut(usize::from(head & 15))? = Some(table);
            body = &rest[length..];
        }
        Some(())
    }

    fn start_frame(&mut self, body: &[u8], progressive: bool) -> Option<()> {
        let [8, h0, h1, w0, w1, count, parts @ ..] = body else {
            return None;
        };
        let side = |bytes| usize::from(u16::from_be_bytes(bytes));
        let (width, height) = (side([*w0, *w1]), side([*h0, *h1]));
        let parts: &[[u8; 3]] = parts.as_chunks().0;
        let wrong = width == 0 || height == 0 || !(1..=4).contains(count);
        if wrong || self.frame.is_some() || parts.len() != usize::from(*count) {
            return None;
        }
        let component = |[id, sampling, quantiser]: &[u8; 3]| {
            let (across, down) = (sampling >> 4, sampling & 15);
            let valid = 1..=MAX_SAMPLING;
            (valid.contains(&across) && valid.contains(&down)).then(|| Component {
                id: *id,
                across,
                down,
                quantiser: usize::from(*quantiser),
                missing: [None; COEFFICIENTS],
                non_zero: Vec::new(),
            })
        };
        self.frame = Some(Frame {
            progressive,
            width,
            height,
            components: parts.iter().map(component).collect::<Option<_>>()?,
        });
        Some(())
    }

    /// Reads the header of a scan and all of its codes.
    fn scan(&mut self) -> Result<(), String> {
        let start = self.at;
        let body = self.body()?.to_vec();
        let wrong = || format!("the header of the scan at byte {start} makes no sense");
        let frame = self.frame.as_mut().ok_or_else(wrong)?;
        let (planes, band) = scan_header(&body, frame).ok_or_else(wrong)?;
        let scan = Scan {
            band,
            tables: &self.tables,
            quantisers: &self.quantisers,
            restart_interval: self.restart_interval,
        };
        let read = scan.read(frame, &planes, &self.bytes[self.at..], &mut self.codes);
        let bytes = read.map_err(|what| format!("the scan at byte {start} {what}"))?;
        self.at += bytes;
        Ok(())
    }

    fn check_complete(&self) -> Result<(), String> {
        let Some(frame) = &self.frame else {
            return Err("cut off before its pixels".to_owned());
        };
        let whole = |it: &Component| it.missing.iter().all(|bits| *bits == Some(0));
        if frame.components.iter().all(whole) {
            return Ok(());
        }
        Err("some of its scans are missing".to_owned())
    }
}

/// A component of a scan: its number in the frame, and those of its Huffman tables.
struct Plane {
    component: usize,
    dc: usize,
    ac: usize,
}

/// What the header of a scan says; notes in `frame` which bits it gives.
fn scan_header(body: &[u8], frame: &mut Frame) -> Option<(Vec<Plane>, Band)> {
    let (count, rest) = body.split_first()?;
    let (parts, rest) = rest.as_chunks::<2>();
    let [[first, last], ..] = parts.get(usize::from(*count)..)? else {
        return None;
    };
    let ([bits], parts) = (rest, &parts[..usize::from(*count)]) else {
        return None;
    };
    let band = Band {
        first: usize::from(*first),
        last: usize::from(*last),
        before: bits >> 4,
        after: bits & 15,
    };
    let mut planes = Vec::new();
    for [id, tables] in parts {
        let mut components = frame.components.iter();
        let component = components.position(|it| it.id == *id)?;
        if planes.iter().any(|it: &Plane| it.component == component) {
            return None;
        }
        planes.push(Plane {
            component,
            dc: usize::from(tables >> 4),
            ac: usize::from(tables & 15),
        });
    }
    if planes.is_empty() || !band.is_valid(frame.progressive, planes.len()) {
        return None;
    }
    for plane in &planes {
        let component = &mut frame.components[plane.component];
        // Alternating coefficients say nothing without their average, which comes first.
        if band.first > 0 && component.missing[0].is_none() {
            return None;
        }
        for missing in &mut component.missing[band.first..=band.last] {
            let expected = (band.before > 0).then_some(band.before);
            if *missing != expected {
                return None;
            }
            *missing = Some(band.after);
        }
    }
    Some((planes, band))
}
