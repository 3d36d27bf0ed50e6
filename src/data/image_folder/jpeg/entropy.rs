//! Bits and Huffman codes of a scan.

use std::array;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use memchr::memchr;

use super::COEFFICIENTS;

/// Bits by which most codes are looked up at once.
const LOOKED_UP: u32 = 11;
/// Bits that are held before a code is read: more than the longest one, of 16 bits, and a number take.
const ENOUGH: u32 = 32;
const TOO_SHORT: &str = "ends before all of its pixels";
/// Tables that a thread keeps, those that were used last: most files have those of the standard.
const KEPT: usize = 8;

thread_local! {
    static KNOWN: RefCell<Vec<Rc<Huffman>>> = const { RefCell::new(Vec::new()) };
}

/// Of every start of a code.
type Lookup<T> = [T; 1 << LOOKED_UP];

/// A table of codes.
pub(super) struct Huffman {
    /// How many codes there are of every length, and the values of all.
    definition: Vec<u8>,
    /// In their order, the first number of 16 bits that is behind the code, its length and its value.
    codes: Vec<(u32, u8, u8)>,
    /// The length and the value of a code; a length of 0 where it is longer, or there is none.
    short: Box<Lookup<(u8, u8)>>,
    runs: OnceCell<Box<Lookup<Run>>>,
}

/// What a code of coefficients does, or two together.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// Bits of the codes and of the numbers behind them.
    bits: u8,
    /// How many coefficients they stand for; more by [`ENDS`] where they end the block.
    steps: u8,
    /// A bit for the size of every number; the highest one where no code can be looked up.
    sizes: u16,
}

/// More than any steps within a block.
const ENDS: u8 = 128;
const NO_CODE: u16 = 1 << 15;

impl Run {
    fn new((length, value): (u8, u8)) -> Self {
        let (zeros, size) = (value >> 4, value & 15);
        let is_of_one_block = length > 0 && (size > 0 || zeros == 0 || zeros == 15);
        Self {
            bits: length + size,
            steps: if value == 0 { ENDS } else { zeros + 1 },
            sizes: if is_of_one_block { 1 << size } else { NO_CODE },
        }
    }

    /// This one of codes that start with `bits`, and the one behind it where it is whole.
    fn with_next(self, bits: usize, runs: &Lookup<Self>) -> Self {
        let next = runs[bits << self.bits & (runs.len() - 1)];
        let (bits, sizes) = (self.bits + next.bits, self.sizes | next.sizes);
        if u32::from(bits) > LOOKED_UP || sizes & NO_CODE > 0 || self.steps == ENDS {
            return self;
        }
        let steps = self.steps + next.steps;
        Self { bits, steps, sizes }
    }
}

impl Huffman {
    /// The table that `definition` gives: 16 numbers of codes, by their length, and their values. `None` where
    /// there are more codes than bits can tell apart.
    pub(super) fn of(definition: &[u8]) -> Option<Rc<Self>> {
        KNOWN.with_borrow_mut(|known| {
            if let Some(at) = known.iter().position(|it| it.definition == definition) {
                known[..=at].rotate_right(1);
                return Some(Rc::clone(&known[0]));
            }
            let table = Rc::new(Self::new(definition)?);
            known.truncate(KEPT - 1);
            known.insert(0, Rc::clone(&table));
            Some(table)
        })
    }

    fn new(definition: &[u8]) -> Option<Self> {
        let (counts, values) = definition.split_first_chunk::<16>()?;
        let mut values = values.iter();
        let (mut codes, mut end) = (Vec::new(), 0);
        let mut short = Box::new([(0, 0); 1 << LOOKED_UP]);
        for (length, count) in (1..).zip(counts) {
            for value in values.by_ref().take(usize::from(*count)) {
                let start = end >> (16 - LOOKED_UP);
                end += 1 << (16 - length);
                if u32::from(length) <= LOOKED_UP {
                    let same = short.get_mut(start..end >> (16 - LOOKED_UP))?;
                    same.fill((length, *value));
                }
                codes.push((end as u32, length, *value));
            }
        }
        (end <= 1 << 16).then(|| Self {
            definition: definition.to_vec(),
            codes,
            short,
            runs: OnceCell::new(),
        })
    }

    /// What codes of coefficients do, two at once where they can be looked up together.
    pub(super) fn runs(&self) -> &Lookup<Run> {
        self.runs.get_or_init(|| {
            let single = self.short.map(Run::new);
            Box::new(array::from_fn(|bits| single[bits].with_next(bits, &single)))
        })
    }

    /// Whether a row of zeros stands for numbers, one after the other, and for no empty blocks.
    pub(super) fn zeros_are_numbers(&self) -> bool {
        self.codes.first().is_some_and(|it| it.2 & 15 > 0)
    }
}

/// Copies to `bytes` what is in `scan` before its first marker, without the zeros that follow every 0xff.
/// Gives the position of the marker, or of the end.
pub(super) fn copy_to_marker(scan: &[u8], bytes: &mut Vec<u8>) -> usize {
    bytes.clear();
    let mut rest = scan;
    loop {
        let (plain, more) = rest.split_at(memchr(0xff, rest).unwrap_or(rest.len()));
        bytes.extend_from_slice(plain);
        // A byte of 0xff is followed by a zero; without it, a marker starts.
        let [0xff, 0, more @ ..] = more else {
            return scan.len() - more.len();
        };
        bytes.push(0xff);
        rest = more;
    }
}

/// Bits that are read one after the other. Loops work on a copy, which stays in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next `count` bits, at the high end; what is below is zero, or the bits behind them.
    held: u64,
    count: u32,
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
        }
    }

    /// Holds at least 56 bits, or says that there are no more bytes for as many.
    #[inline(always)]
    fn fill(&mut self) -> bool {
        let word = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk);
        if let Some(word) = word {
            self.held |= u64::from_be_bytes(*word) >> self.count;
            self.at += (63 - self.count as usize) / 8;
            self.count |= 0x38;
        }
        word.is_some()
    }

    /// With the last bytes.
    #[cold]
    fn filled_last(mut self) -> Self {
        let more = (63 - self.count as usize) / 8;
        for byte in self.bytes[self.at..].iter().take(more) {
            self.held |= u64::from(*byte) << (56 - self.count);
            (self.at, self.count) = (self.at + 1, self.count + 8);
        }
        self
    }

    /// The next `count` bits, at most 32, of which those that are not there are zero.
    #[inline(always)]
    fn peek(self, count: u32) -> u32 {
        (self.held >> 32 >> (32 - count)) as u32
    }

    #[inline(always)]
    fn skip(&mut self, count: u32) -> Result<(), &'static str> {
        self.count = self.count.checked_sub(count).ok_or(TOO_SHORT)?;
        self.held <<= count;
        Ok(())
    }

    /// The next `count` bits, at most 16.
    pub(super) fn take(&mut self, count: u8) -> Result<u32, &'static str> {
        if self.count < ENOUGH && !self.fill() {
            *self = self.filled_last();
        }
        let value = self.peek(count.into());
        self.skip(count.into())?;
        Ok(value)
    }

    /// Takes codes of coefficients and the numbers behind them, from the one for place `at` of a block on: as many as
    /// can be looked up in `runs` and have no number of the sizes `unusual`. Gives the place that comes next, which
    /// is behind the block where it ended. The last ones of all stay.
    #[inline(always)]
    pub(super) fn run(&mut self, runs: &Lookup<Run>, unusual: u16, mut at: usize) -> usize {
        while self.fill() {
            // Two have at most 42 bits: sizes above those of coefficients are unusual.
            for _ in 0..2 {
                let run = runs[self.peek(LOOKED_UP) as usize];
                let next = at + usize::from(run.steps);
                let ends = usize::from(ENDS) + 1..usize::from(ENDS) + COEFFICIENTS;
                let beyond = next > COEFFICIENTS && !ends.contains(&next);
                if run.sizes & unusual > 0 || beyond {
                    return at;
                }
                self.held <<= run.bits;
                self.count -= u32::from(run.bits);
                at = next;
                if at >= COEFFICIENTS {
                    return at;
                }
            }
        }
        at
    }

    /// The length and the value of the next code, which is too long to be looked up.
    #[cold]
    fn long_code(self, table: &Huffman) -> Result<(u8, u8), &'static str> {
        let bits = self.peek(16);
        let at = table.codes.partition_point(|it| it.0 <= bits);
        match table.codes.get(at) {
            Some((_, length, value)) => Ok((*length, *value)),
            None if self.count < 16 => Err(TOO_SHORT),
            None => Err("is damaged: it holds a code that its tables lack"),
        }
    }

    /// The value of the next code, and the number behind it, whose size in bits are the low four bits of
    /// that value: small ones of a size are negative.
    #[inline(always)]
    pub(super) fn code_and_number(&mut self, table: &Huffman) -> Result<(u8, i32), &'static str> {
        if self.count < ENOUGH && !self.fill() {
            *self = self.filled_last();
        }
        let (length, value) = match table.short[self.peek(LOOKED_UP) as usize] {
            (0, _) => self.long_code(table)?,
            found => found,
        };
        let (length, size) = (u32::from(length), u32::from(value & 15));
        let bits = (self.peek(length + size) & ((1 << size) - 1)).cast_signed();
        self.skip(length + size)?;
        let negative = size > 0 && bits < 1 << (size - 1);
        let number = if negative {
            bits + 1 - (1 << size)
        } else {
            bits
        };
        Ok((value, number))
    }

    /// Errors where more is left than the bits that fill up the last byte.
    pub(super) fn end(self) -> Result<(), String> {
        let left = 8 * (self.bytes.len() - self.at) + self.count as usize;
        if left >= 8 {
            return Err("is damaged: it holds more than its pixels need".to_owned());
        }
        Ok(())
    }
}
