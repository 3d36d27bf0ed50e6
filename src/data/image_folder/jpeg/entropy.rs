//! Bits and Huffman codes of a scan.

use super::COEFFICIENTS;

/// The longest code, in bits.
const LONGEST: usize = 16;

/// Bits by which most codes are looked up at once.
const LOOKED_UP: u32 = 9;
/// Bytes that are looked ahead.
const AHEAD: usize = size_of::<u64>();
/// What [`Short::advance`] is of the code that ends a block, and of those that end more than one: with the
/// coefficients before them they lead to numbers of their own.
const ENDS: u8 = 192;
const ENDS_MORE: u8 = 100;
/// Bits of zero, one after the other, that no block can have which is not empty: of all codes of a table
/// a single one is nothing but zeros, so a picture would need dozens of coefficients of -1 in a row.
const MAX_ZERO_BITS: u32 = 96;
pub(super) const TOO_SHORT: &str = "ends before all of its pixels";
pub(super) const BEYOND: &str = "is damaged: its codes lead beyond a block";

/// A table of codes: canonical, so that the number of codes of every length says all.
pub(super) struct Huffman {
    lengths: [Codes; LONGEST],
    values: Vec<u8>,
    /// Per start of a code, what it says; no code where it is longer, or there is none.
    short: Box<[Short; 1 << LOOKED_UP]>,
}

/// The codes of one length.
#[derive(Clone, Copy, Default)]
struct Codes {
    first: u32,
    /// The first number that is no code any more.
    end: u32,
    /// Where the value of the first code is.
    value: usize,
}

/// What a code says: its length and its value, bits of the code and the number behind it, and the coefficients that
/// it stands for in a sequential scan; a byte each, in one number that a register holds. 0 is no code.
#[derive(Clone, Copy, Default)]
struct Short(u32);

impl Short {
    fn new(length: u8, value: u8) -> Self {
        let (zeros, size) = (value >> 4, value & 15);
        let advance = match (zeros, size) {
            (0, 0) => ENDS,
            (1..15, 0) => ENDS_MORE,
            _ => zeros + 1,
        };
        Self(u32::from_le_bytes([length, value, length + size, advance]))
    }

    const fn length(self) -> u32 {
        self.0 & 0xff
    }

    const fn value(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// Bits of the number behind it.
    const fn size(self) -> u8 {
        self.value() & 15
    }

    /// Bits of the code and the number behind it.
    const fn bits(self) -> u32 {
        self.0 >> 16 & 0xff
    }

    const fn advance(self) -> usize {
        (self.0 >> 24) as usize
    }
}

impl Huffman {
    /// The table of `counts` codes per length, from 1 bit on, and their values. `None` where there are
    /// more codes than bits can tell apart.
    pub(super) fn new(counts: &[u8; LONGEST], values: &[u8]) -> Option<Self> {
        let (mut first, mut value) = (0, 0);
        let mut lengths = [Codes::default(); LONGEST];
        for (index, (codes, count)) in lengths.iter_mut().zip(counts).enumerate() {
            let end = first + u32::from(*count);
            if end > 2 << index {
                return None;
            }
            *codes = Codes { first, end, value };
            value += usize::from(*count);
            first = end << 1;
        }
        let mut short = Box::new([Short::default(); 1 << LOOKED_UP]);
        for (length, codes) in (1..=LOOKED_UP).zip(&lengths) {
            let same = 1 << (LOOKED_UP - length);
            for (code, value) in (codes.first..codes.end).zip(values.get(codes.value..)?) {
                let code = (code * same) as usize;
                short[code..][..same as usize].fill(Short::new(length as u8, *value));
            }
        }
        Some(Self {
            lengths,
            values: values.to_vec(),
            short,
        })
    }
}

/// The bits between two markers, and then between the next two.
pub(super) struct Bits<'a> {
    raw: &'a [u8],
    /// Where the marker is that ends these bits, in `raw`.
    marker: usize,
    /// The bytes before the marker, without the zeros that follow every 0xff, and zeros to look ahead to.
    bytes: Vec<u8>,
    /// How many of `bytes` were there.
    length: usize,
    next: Next,
}

/// What comes next of some bytes. Loops work on a copy, which stays in registers.
#[derive(Clone, Copy, Default)]
struct Next {
    /// Bytes that were looked at; more than there are where too many are asked for.
    at: usize,
    /// The next `count` bits, at the high end.
    held: u64,
    count: u32,
    /// Whether zeros are counted: where no long row of them can be, this would take as long as all the rest.
    counts_zeros: bool,
    /// How many of the bits that were taken last were zero.
    zero_bits: u32,
}

#[expect(
    clippy::inline_always,
    reason = "every code of every picture passes here, and calls cost as much as the work"
)]
impl Next {
    /// Holds at least 56 bits, of which those behind the end of `bytes` are zero.
    #[inline(always)]
    fn fill(&mut self, bytes: &[u8]) {
        let rest = bytes.get(self.at..).unwrap_or_default();
        let next = rest.first_chunk().map_or(0, |it| u64::from_be_bytes(*it));
        self.held |= next >> self.count;
        // Whole bytes count, up to 56 bits and those of a part of a byte; what was held of the next one comes again.
        self.at += ((63 - self.count) >> 3) as usize;
        self.count |= 0x38;
    }

    /// The next `count` bits, at most 32.
    #[inline(always)]
    fn peek(self, count: u32) -> u32 {
        (self.held >> 32 >> (32 - count)) as u32
    }

    /// Takes the next `count` bits, at most 32.
    #[inline(always)]
    fn skip(&mut self, count: u32) {
        if self.counts_zeros {
            self.zero_bits = match self.peek(count) {
                0 => self.zero_bits.saturating_add(count),
                value => value.trailing_zeros(),
            };
        }
        self.count -= count;
        self.held <<= count;
    }

    /// The next code, which stays.
    #[inline(always)]
    fn code(&mut self, bytes: &[u8], table: &Huffman) -> Result<Short, &'static str> {
        self.fill(bytes);
        let short = table.short[self.peek(LOOKED_UP) as usize];
        if short.0 != 0 {
            return Ok(short);
        }
        self.long_code(table)
    }

    /// [`Next::code`] of a code that is too long to be looked up.
    #[cold]
    fn long_code(self, table: &Huffman) -> Result<Short, &'static str> {
        for (length, codes) in (1..).zip(&table.lengths) {
            let code = self.peek(length);
            if code < codes.end {
                let value = codes.value + (code - codes.first) as usize;
                return Ok(Short::new(length as u8, table.values[value]));
            }
        }
        Err("is damaged: it holds a code that its tables lack")
    }

    /// The number behind the next code: small ones of a size are negative.
    #[inline(always)]
    fn number(self, code: Short) -> i32 {
        let size = u32::from(code.size());
        let both = self.peek(code.bits());
        let bits = (both & ((1 << size) - 1)).cast_signed();
        let negative = size > 0 && bits < 1 << (size - 1);
        if negative {
            bits + 1 - (1 << size)
        } else {
            bits
        }
    }

    /// Errors where too many of the bits that were taken last were zero.
    #[inline(always)]
    fn check_zeros(self) -> Result<(), &'static str> {
        if self.counts_zeros && self.zero_bits > MAX_ZERO_BITS {
            return Err("is damaged: zeros stand where its codes were");
        }
        Ok(())
    }
}

impl<'a> Bits<'a> {
    /// The bits from the start of `raw` up to the first marker.
    pub(super) fn new(raw: &'a [u8]) -> Self {
        let mut bits = Self {
            raw,
            marker: 0,
            bytes: Vec::new(),
            length: 0,
            next: Next::default(),
        };
        bits.start(0);
        bits
    }

    /// Goes on with the bits from byte `from` of `raw` on.
    fn start(&mut self, from: usize) {
        let raw = &self.raw[from..];
        let mut at = 0;
        self.bytes.clear();
        // A byte of 0xff is followed by a zero; without it, a marker starts.
        loop {
            let rest = &raw[at..];
            let plain = plain_bytes(rest);
            self.bytes.extend_from_slice(&rest[..plain]);
            at += plain;
            if !raw[at..].starts_with(&[0xff, 0]) {
                break;
            }
            self.bytes.push(0xff);
            at += 2;
        }
        self.next = Next {
            // A row of 11 zero bytes holds four that are aligned.
            counts_zeros: self.bytes.as_chunks().0.contains(&[0; 4]),
            zero_bits: self.next.zero_bits,
            ..Next::default()
        };
        self.marker = from + at;
        self.length = self.bytes.len();
        self.bytes.resize(self.length + AHEAD, 0);
    }

    /// Errors where more bits were taken than there are.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if 8 * self.next.at > 8 * self.length + self.next.count as usize {
            return Err(TOO_SHORT);
        }
        Ok(())
    }

    /// The next `count` bits, at most 16.
    pub(super) fn take(&mut self, count: u8) -> u32 {
        let count = u32::from(count);
        self.next.fill(&self.bytes);
        let value = self.next.peek(count);
        self.next.skip(count);
        value
    }

    /// Errors where too many of the bits that were taken last were zero.
    pub(super) fn check_zeros(&self) -> Result<(), &'static str> {
        self.next.check_zeros()
    }

    /// The value of the next code.
    pub(super) fn code(&mut self, table: &Huffman) -> Result<u8, &'static str> {
        let code = self.next.code(&self.bytes, table)?;
        self.next.skip(code.length());
        Ok(code.value())
    }

    /// The value of the next code, and the number behind it, whose size in bits are the low four bits of
    /// that value.
    pub(super) fn code_and_number(&mut self, table: &Huffman) -> Result<(u8, i32), &'static str> {
        let code = self.next.code(&self.bytes, table)?;
        let number = self.next.number(code);
        self.next.skip(code.bits());
        Ok((code.value(), number))
    }

    /// Takes the codes and numbers of all coefficients of a block but the first. Tells `unlikely` of a place,
    /// the size and the number itself where that size is above what `plain` says of the place.
    pub(super) fn block(
        &mut self,
        table: &Huffman,
        plain: &[u8; 256],
        unlikely: impl Fn(usize, u8, i32) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        let mut next = self.next;
        // One more than the place of the last coefficient.
        let mut at = 1;
        while at < COEFFICIENTS {
            let code = next.code(&self.bytes, table)?;
            at += code.advance();
            let size = code.size();
            if size > plain[(at - 1) & 255] {
                unlikely(at - 1, size, next.number(code))?;
            }
            next.skip(code.bits());
            if size > 0 {
                next.check_zeros()?;
            }
        }
        self.next = next;
        if at == COEFFICIENTS || at > usize::from(ENDS) {
            return Ok(());
        }
        Err(BEYOND)
    }

    /// Ends a run of bits: gives the position of the marker that follows, or of the end. Less than a
    /// byte may be left, which fills up the last one.
    pub(super) fn end(&mut self) -> Result<usize, String> {
        self.check()?;
        if 8 * self.next.at + 8 <= 8 * self.length + self.next.count as usize {
            return Err("is damaged: it holds more than its pixels need".to_owned());
        }
        Ok(self.marker)
    }

    /// Goes on after the restart marker of that number, which must be here.
    pub(super) fn restart(&mut self, number: usize) -> Result<(), String> {
        let start = self.end()?;
        let rest = &self.raw[start..];
        let fill = rest.iter().take_while(|byte| **byte == 0xff).count();
        match rest.get(fill) {
            Some(marker) if fill > 0 && usize::from(*marker) == 0xd0 + number % 8 => {
                self.start(start + fill + 1);
                Ok(())
            }
            _ => Err(format!("lacks its restart marker {number}")),
        }
    }
}

/// How many bytes there are before the first 0xff.
fn plain_bytes(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks();
    // Whether a byte is zero in what is the opposite of the word.
    let has_none = |word: &[u8; 8]| {
        let word = !u64::from_ne_bytes(*word);
        word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080 == 0
    };
    let whole = 8 * words.iter().take_while(|it| has_none(it)).count();
    let rest = bytes[whole..].iter();
    whole + rest.take_while(|byte| **byte != 0xff).count()
}
