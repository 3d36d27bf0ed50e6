//! Bits and Huffman codes of a scan.

/// The longest code, in bits.
const LONGEST: usize = 16;

/// Bits by which most codes are looked up at once.
const LOOKED_UP: u32 = 9;
/// Bits that are held before a code is read: more than the longest one and a number take.
const ENOUGH: u32 = 32;
const TOO_SHORT: &str = "ends before all of its pixels";

/// A table of codes: canonical, so that the number of codes of every length says all.
pub(super) struct Huffman {
    lengths: [Codes; LONGEST],
    values: Vec<u8>,
    /// Per start of a code, its length and value; a length of 0 where it is longer, or there is none.
    short: Vec<(u8, u8)>,
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
        let mut short = vec![(0, 0); 1 << LOOKED_UP];
        for (length, codes) in (1..=LOOKED_UP).zip(&lengths) {
            let same = 1 << (LOOKED_UP - length);
            for (code, value) in (codes.first..codes.end).zip(values.get(codes.value..)?) {
                short[(code * same) as usize..][..same as usize].fill((length as u8, *value));
            }
        }
        Some(Self {
            lengths,
            values: values.to_vec(),
            short,
        })
    }
}

/// The bits between two markers.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next `count` bits, at the high end; the others are zero.
    held: u64,
    count: u32,
    zero_bits: u32,
}

#[expect(
    clippy::inline_always,
    reason = "every code of every picture passes here, and calls cost as much as the work"
)]
impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            held: 0,
            count: 0,
            zero_bits: 0,
        }
    }

    fn fill(&mut self) {
        while self.count <= ENOUGH {
            let bytes = &self.bytes[self.at..];
            if let Some(word) = bytes.first_chunk()
                && !word.contains(&0xff)
            {
                self.held |= u64::from(u32::from_be_bytes(*word)) << (32 - self.count);
                (self.at, self.count) = (self.at + 4, self.count + 32);
                continue;
            }
            let (byte, read) = match *bytes {
                // A byte of 0xff is followed by a zero; without it, a marker starts.
                [0xff, 0, ..] => (0xff, 2),
                [0xff, ..] | [] => return,
                [byte, ..] => (byte, 1),
            };
            self.at += read;
            self.held |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// The next `count` bits, at most 32, of which those that are not there are zero.
    #[inline(always)]
    fn peek(&self, count: u32) -> u32 {
        (self.held >> 32 >> (32 - count)) as u32
    }

    /// Takes the next `count` bits, at most 32, which are `value`.
    #[inline(always)]
    fn skip(&mut self, count: u32, value: u32) -> Result<(), &'static str> {
        self.count = self.count.checked_sub(count).ok_or(TOO_SHORT)?;
        self.held <<= count;
        self.zero_bits = if value == 0 {
            self.zero_bits.saturating_add(count)
        } else {
            value.trailing_zeros()
        };
        Ok(())
    }

    /// The next `count` bits, at most 16.
    pub(super) fn take(&mut self, count: u8) -> Result<u32, &'static str> {
        let count = u32::from(count);
        if self.count < count {
            self.fill();
        }
        let value = self.peek(count);
        self.skip(count, value)?;
        Ok(value)
    }

    /// How many of the bits that were taken last were zero.
    pub(super) fn zero_bits(&self) -> u32 {
        self.zero_bits
    }

    /// The length and the value of the next code, which stays.
    #[inline(always)]
    fn next_code(&mut self, table: &Huffman) -> Result<(u32, u8), &'static str> {
        if self.count < ENOUGH {
            self.fill();
        }
        let (length, value) = table.short[self.peek(LOOKED_UP) as usize];
        if length > 0 {
            return Ok((u32::from(length), value));
        }
        self.long_code(table)
    }

    /// [`Bits::next_code`] of a code that is too long to be looked up.
    #[cold]
    fn long_code(&self, table: &Huffman) -> Result<(u32, u8), &'static str> {
        for (length, codes) in (1..).zip(&table.lengths) {
            let code = self.peek(length);
            if code < codes.end {
                let value = codes.value + (code - codes.first) as usize;
                return Ok((length, table.values[value]));
            }
        }
        if self.count < LONGEST as u32 {
            return Err(TOO_SHORT);
        }
        Err("is damaged: it holds a code that its tables lack")
    }

    /// The value of the next code.
    pub(super) fn code(&mut self, table: &Huffman) -> Result<u8, &'static str> {
        let (length, value) = self.next_code(table)?;
        self.skip(length, self.peek(length))?;
        Ok(value)
    }

    /// The value of the next code, and the number behind it, whose size in bits are the low four bits of
    /// that value: small ones of a size are negative.
    #[inline(always)]
    pub(super) fn code_and_number(&mut self, table: &Huffman) -> Result<(u8, i32), &'static str> {
        let (length, value) = self.next_code(table)?;
        let size = u32::from(value & 15);
        let both = self.peek(length + size);
        self.skip(length + size, both)?;
        let bits = (both & ((1 << size) - 1)).cast_signed();
        let negative = size > 0 && bits < 1 << (size - 1);
        let number = if negative {
            bits + 1 - (1 << size)
        } else {
            bits
        };
        Ok((value, number))
    }

    /// Ends a run of bits: gives the position of the marker that follows, or of the end. Less than a
    /// byte may be left, which fills up the last one.
    pub(super) fn end(&mut self) -> Result<usize, String> {
        self.fill();
        if self.count >= 8 {
            return Err("is damaged: it holds more than its pixels need".to_owned());
        }
        Ok(self.at)
    }

    /// Goes on after the restart marker of that number, which must be here.
    pub(super) fn restart(&mut self, number: usize) -> Result<(), String> {
        let start = self.end()?;
        let rest = &self.bytes[start..];
        let fill = rest.iter().take_while(|byte| **byte == 0xff).count();
        match rest.get(fill) {
            Some(marker) if fill > 0 && usize::from(*marker) == 0xd0 + number % 8 => {
                (self.at, self.held, self.count) = (start + fill + 1, 0, 0);
                Ok(())
            }
            _ => Err(format!("lacks its restart marker {number}")),
        }
    }
}
