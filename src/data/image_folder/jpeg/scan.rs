//! The codes of one scan: all blocks of its components, in their order.

use std::mem;
use std::rc::Rc;

use memchr::memmem;

use super::entropy::{Bits, Huffman, copy_to_marker};
use super::{COEFFICIENTS, Component, Frame, Plane, TABLES, Tables};

/// The most bits of a difference of averages, and of another coefficient, of 8-bit pixels.
const MAX_DC_SIZE: u8 = 11;
const MAX_AC_SIZE: u8 = 10;
/// No coefficient of 8-bit pixels is beyond 1024. Encoders that overshoot on purpose (mozjpeg, by 31
/// shades) stay within this; what is out of step with the codes soon does not.
const MAX_COEFFICIENT: i64 = 1280;
/// Zeros that no block of [`MANY`] coefficients can have which is not empty: of all codes of a table a single one is
/// nothing but zeros, so a picture would need dozens of coefficients of -1 in a row. Blocks of a few coefficients,
/// which a scan of a progressive file may have, can be such, one after the other.
///
/// Whole bytes: a row of 95 bits covers as many, wherever it starts.
const ZEROS: [u8; 11] = [0; 11];
const MANY: usize = 32;
/// The most bits by which coefficients are refined.
const MAX_REFINED: u8 = 13;
/// Rows and columns of a block.
const SIDE: usize = 8;
const BEYOND: &str = "is damaged: its codes lead beyond a block";

/// Which coefficients a scan gives, and which of their bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band {
    pub(super) first: usize,
    pub(super) last: usize,
    /// Low bits that were missing before this scan; 0 where it is the first.
    pub(super) before: u8,
    /// Low bits that it leaves to later ones.
    pub(super) after: u8,
}

impl Band {
    pub(super) fn is_valid(self, progressive: bool, planes: usize) -> bool {
        if !progressive {
            return (self.first, self.last) == (0, COEFFICIENTS - 1)
                && (self.before, self.after) == (0, 0);
        }
        let averages = self.first == 0 && self.last == 0;
        let others = self.first > 0 && self.first <= self.last && planes == 1;
        (averages || others && self.last < COEFFICIENTS)
            && (self.before == 0 || self.before == self.after + 1)
            && self.after <= MAX_REFINED
    }
}

/// A scan that is about to be read.
pub(super) struct Scan<'a> {
    pub(super) band: Band,
    pub(super) tables: &'a Tables,
    pub(super) quantisers: &'a [Option<[u16; COEFFICIENTS]>; TABLES],
    pub(super) restart_interval: usize,
}

impl Scan<'_> {
    /// Reads the codes at the start of `scan`, by way of `bytes`; gives the number of bytes up to the marker behind.
    pub(super) fn read(
        &self,
        frame: &mut Frame,
        planes: &[Plane],
        scan: &[u8],
        bytes: &mut Vec<u8>,
    ) -> Result<usize, String> {
        let (across, down) = frame.units(planes);
        let units = across * down;
        let interval = match self.restart_interval {
            0 => units,
            interval => interval,
        };
        let mut non_zero = mem::take(&mut frame.components[planes[0].component].non_zero);
        if self.band.first > 0 {
            non_zero.resize(units, 0);
        }
        let mut at = 0;
        for start in (0..units).step_by(interval) {
            if start > 0 {
                at = behind_restart(scan, at, start / interval - 1)?;
            }
            at += copy_to_marker(&scan[at..], bytes);
            let mut bits = Bits::new(bytes);
            let mut blocks = planes
                .iter()
                .map(|it| self.blocks(frame, it, planes.len() == 1))
                .collect::<Result<Vec<_>, _>>()?;
            let has_many = self.band.last - self.band.first >= MANY;
            if has_many
                && blocks.iter().any(Blocks::lack_zeros)
                && memmem::find(bytes, &ZEROS).is_some()
            {
                return Err("is damaged: zeros stand where its codes were".to_owned());
            }
            for unit in start..units.min(start + interval) {
                let mut unused = 0;
                let non_zero = non_zero.get_mut(unit).unwrap_or(&mut unused);
                for blocks in &mut blocks {
                    for _ in 0..blocks.of_unit {
                        blocks.next(&mut bits, non_zero)?;
                    }
                }
            }
            if let Some(blocks) = blocks.iter().find(|it| it.empty > 0) {
                return Err(format!("is damaged: {} blocks too many", blocks.empty));
            }
            bits.end()?;
        }
        frame.components[planes[0].component].non_zero = non_zero;
        Ok(at)
    }

    /// The blocks of `plane`.
    fn blocks(&self, frame: &Frame, plane: &Plane, is_alone: bool) -> Result<Blocks<'_>, String> {
        let component = &frame.components[plane.component];
        let quantiser = self.quantisers.get(component.quantiser);
        let quantiser = quantiser.and_then(Option::as_ref);
        let quantiser = quantiser.ok_or("lacks the table that it was quantised by")?;
        let highest = quantiser.iter().fold(1, |all, it| all.max(*it));
        let usual = 0..=MAX_AC_SIZE;
        let usual = usual.take_while(|size| check_value((1 << size) - 1, 0, highest).is_ok());
        let has_averages = self.band.first == 0 && self.band.before == 0;
        Ok(Blocks {
            band: self.band,
            dc: table(&self.tables.dc, plane.dc, has_averages)?,
            ac: table(&self.tables.ac, plane.ac, self.band.last > 0)?,
            quantiser,
            unusual: usual.fold(!0, |sizes, size| sizes & !(1 << size)),
            of_unit: if is_alone {
                1
            } else {
                component.across * component.down
            },
            average: 0,
            empty: 0,
        })
    }
}

/// The blocks of a plane between two markers, which are read one after the other.
struct Blocks<'a> {
    band: Band,
    /// The tables of averages and other coefficients, where there are codes of them.
    dc: Option<&'a Huffman>,
    ac: Option<&'a Huffman>,
    quantiser: &'a [u16; COEFFICIENTS],
    /// A bit for every size of which a number is, in some place of a block, beyond those of pixels.
    unusual: u16,
    /// How many follow each other before it is another plane's turn.
    of_unit: u8,
    /// The last one.
    average: i32,
    /// How many to come hold nothing new.
    empty: u32,
}

impl Blocks<'_> {
    /// Whether their codes have no long row of zeros.
    fn lack_zeros(&self) -> bool {
        self.band.before == 0 && self.ac.is_some_and(Huffman::zeros_are_numbers)
    }

    /// Reads one block; `non_zero` has a bit for each of its coefficients.
    #[expect(
        clippy::inline_always,
        reason = "its copy of the bits stays in registers"
    )]
    #[inline(always)]
    fn next(&mut self, bits: &mut Bits<'_>, non_zero: &mut u64) -> Result<(), String> {
        let mut copy = *bits;
        if let Some(table) = self.dc {
            let (size, difference) = copy.code_and_number(table)?;
            if size > MAX_DC_SIZE {
                return Err(format!("is damaged: an average of {size} bits"));
            }
            self.average += difference;
            check_value(self.average, self.band.after, self.quantiser[0])?;
        }
        match self.ac {
            Some(table) if self.band.before > 0 => self.refine(&mut copy, table, non_zero)?,
            Some(table) => self.coefficients(&mut copy, table, non_zero)?,
            None if self.band.before > 0 => _ = copy.take(1)?,
            None => {}
        }
        *bits = copy;
        Ok(())
    }

    /// Reads the coefficients of a block for the first time.
    fn coefficients(
        &mut self,
        bits: &mut Bits<'_>,
        table: &Huffman,
        non_zero: &mut u64,
    ) -> Result<(), &'static str> {
        if self.empty > 0 {
            self.empty -= 1;
            return Ok(());
        }
        let runs = self.dc.map(|_| table.runs());
        let (mut at, last) = (self.band.first.max(1), self.band.last);
        while at <= last {
            if let Some(runs) = runs {
                at = bits.run(runs, self.unusual, at);
                if at > last {
                    break;
                }
            }
            let (code, number) = bits.code_and_number(table)?;
            let (zeros, size) = (code >> 4, code & 15);
            if size == 0 && zeros < 15 {
                self.empty = (1 << zeros) - 1 + bits.take(zeros)?;
                // Blocks are passed over where a scan gives no averages.
                let is_valid = self.empty == 0 || self.dc.is_none();
                return is_valid.then_some(()).ok_or(BEYOND);
            }
            at += usize::from(zeros);
            if at > last || size > MAX_AC_SIZE {
                return Err(BEYOND);
            }
            if size > 0 {
                *non_zero |= 1 << at;
                check_value(number, self.band.after, self.quantiser[at])?;
            }
            at += 1;
        }
        Ok(())
    }

    /// Reads one more bit of the coefficients of a block: of those in `non_zero`, which it had, and of
    /// those that become so.
    fn refine(
        &mut self,
        bits: &mut Bits<'_>,
        table: &Huffman,
        non_zero: &mut u64,
    ) -> Result<(), &'static str> {
        let (mut at, last) = (self.band.first, self.band.last);
        while at <= last && self.empty == 0 {
            // The number behind is the sign of a coefficient of 1.
            let (code, _) = bits.code_and_number(table)?;
            let (mut zeros, size) = (code >> 4, code & 15);
            if size > 1 {
                return Err(BEYOND);
            }
            if size == 0 && zeros < 15 {
                self.empty = (1 << zeros) + bits.take(zeros)?;
                break;
            }
            while at <= last {
                if *non_zero >> at & 1 == 1 {
                    bits.take(1)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                at += 1;
            }
            if at > last {
                return Err(BEYOND);
            }
            *non_zero |= u64::from(size) << at;
            at += 1;
        }
        if self.empty > 0 {
            let old = (at..=last).filter(|at| *non_zero >> at & 1 == 1);
            old.clone().try_for_each(|_| bits.take(1).map(|_| ()))?;
            self.empty -= 1;
        }
        Ok(())
    }
}

impl Frame {
    /// What is read one after the other, across and down: blocks, or groups of blocks where several
    /// planes take turns.
    fn units(&self, planes: &[Plane]) -> (usize, usize) {
        let highest = |of: fn(&Component) -> u8| {
            let all = self.components.iter().map(of);
            usize::from(all.max().unwrap_or(1))
        };
        let (across, down) = (highest(|it| it.across), highest(|it| it.down));
        if let [plane] = planes {
            let component = &self.components[plane.component];
            let blocks = |side: usize, own: u8, highest: usize| {
                (side * usize::from(own)).div_ceil(highest).div_ceil(SIDE)
            };
            return (
                blocks(self.width, component.across, across),
                blocks(self.height, component.down, down),
            );
        }
        (
            self.width.div_ceil(SIDE * across),
            self.height.div_ceil(SIDE * down),
        )
    }
}

/// The table of that number, where it is `needed`.
fn table(
    tables: &[Option<Rc<Huffman>>; TABLES],
    number: usize,
    needed: bool,
) -> Result<Option<&Huffman>, &'static str> {
    let table = tables.get(number).and_then(Option::as_deref);
    match table {
        None if needed => Err("lacks its Huffman tables"),
        _ => Ok(table.filter(|_| needed)),
    }
}

/// The position behind the restart marker of that number, which must be at `at`.
fn behind_restart(scan: &[u8], at: usize, number: usize) -> Result<usize, String> {
    let fill = scan[at..].iter().take_while(|byte| **byte == 0xff).count();
    match scan.get(at + fill) {
        Some(marker) if fill > 0 && usize::from(*marker) == 0xd0 + number % 8 => Ok(at + fill + 1),
        _ => Err(format!("lacks its restart marker {number}")),
    }
}

/// Errors where no pixels give such a coefficient.
fn check_value(value: i32, missing: u8, quantiser: u16) -> Result<(), &'static str> {
    let size = (i64::from(value) << missing).abs();
    if size * i64::from(quantiser) <= MAX_COEFFICIENT + (i64::from(quantiser) << missing) {
        return Ok(());
    }
    Err("is damaged: its values are beyond those of pixels")
}
