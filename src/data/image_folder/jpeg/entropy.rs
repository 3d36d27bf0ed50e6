//! Bits and Huffman codes of a scan.

/// The longest code, in bits.
const LONGEST: usize = 16;

/// A table of codes: canonical, so that the number of codes of every length says all.
pub(super) struct Huffman {
    lengths: [Codes; LONGEST],
    values: Vec<u8>,
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
        Some(Self {
            lengths,
            values: values.to_vec(),
        })
    }
}

/// The bits between two markers.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next `count` bits, at the low end.
    held: u64,
    count: u32,
    zero_bits: u32,
}

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
        while self.count <= 48 {
            let (byte, read) = match self.bytes[self.at..] {
                // A byte of 0xff is followed by a zero; without it, a marker starts.
                [0xff, 0, ..] => (0xff, 2),
                [0xff, ..] | [] => return,
                [byte, ..] => (byte, 1),
            };
            self.at += read;
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    /// The next `count` bits, at most 16.
    pub(super) fn take(&mut self, count: u8) -> Result<u32, String> {
        let count = u32::from(count);
        if self.count < count {
            self.fill();
        }
        let left = self.count.checked_sub(count);
        self.count = left.ok_or("ends before all of its pixels")?;
        let value = (self.held >> self.count) as u32 & ((1 << count) - 1);
        self.zero_bits = if value == 0 {
            self.zero_bits.saturating_add(count)
        } else {
            value.trailing_zeros()
        };
        Ok(value)
    }

    /// How many of the bits that were taken last were zero.
    pub(super) fn zero_bits(&self) -> u32 {
        self.zero_bits
    }

    /// The value of the next code.
    pub(super) fn code(&mut self, table: &Huffman) -> Result<u8, String> {
        let mut code = 0;
        for codes in &table.lengths {
            code = code << 1 | self.take(1)?;
            if code < codes.end {
                let value = codes.value + (code - codes.first) as usize;
                return Ok(table.values[value]);
            }
        }
        Err("is damaged: it holds a code that its tables lack".to_owned())
    }

    /// A number whose size in bits is known: small ones of a size are negative.
    pub(super) fn number(&mut self, size: u8) -> Result<i32, String> {
        let bits = self.take(size)?.cast_signed();
        let negative = size > 0 && bits < 1 << (size - 1);
        Ok(if negative {
            bits + 1 - (1 << size)
        } else {
            bits
        })
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
                (self.at, self.count) = (start + fill + 1, 0);
                Ok(())
            }
            _ => Err(format!("lacks its restart marker {number}")),
        }
    }
}
