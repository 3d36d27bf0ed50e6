//! The codes of one scan: all blocks of its components, in their order.

use std::ops::RangeInclusive;

use super::entropy::{Bits, Huffman};
use super::{COEFFICIENTS, Component, Frame, Plane, TABLES, Tables};

/// The most bits of a difference of averages, and of another coefficient, of 8-bit pixels.
const MAX_DC_SIZE: u8 = 11;
const MAX_AC_SIZE: u8 = 10;
/// No coefficient of 8-bit pixels is beyond 1024. Encoders that overshoot on purpose (mozjpeg, by 31
/// shades) stay within this; what is out of step with the codes soon does not.
const MAX_COEFFICIENT: i64 = 1280;
/// Bits of zero, one after the other, that no block can have which is not empty: of all codes of a table
/// a single one is nothing but zeros, so a picture would need dozens of coefficients of -1 in a row.
const MAX_ZERO_BITS: u32 = 96;
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

/// What the next block depends on.
#[derive(Default)]
struct Carried {
    /// The last average of each plane.
    averages: [i32; 4],
    /// Blocks to come that hold nothing new.
    empty_blocks: u32,
}

impl Scan<'_> {
    /// Reads the codes at the start of `bytes`; gives the number of bytes up to the marker behind.
    pub(super) fn read(
        &self,
        frame: &mut Frame,
        planes: &[Plane],
        bytes: &[u8],
    ) -> Result<usize, String> {
        let (across, down) = frame.units(planes);
        let interval = match self.restart_interval {
            0 => usize::MAX,
            interval => interval,
        };
        let mut bits = Bits::new(bytes);
        let mut carried = Carried::default();
        if self.band.first > 0 {
            let non_zero = &mut frame.components[planes[0].component].non_zero;
            non_zero.resize(across * down, 0);
        }
        for unit in 0..across * down {
            if unit > 0 && unit % interval == 0 {
                carried.end()?;
                bits.restart(unit / interval - 1)?;
            }
            for (number, plane) in planes.iter().enumerate() {
                let component = &mut frame.components[plane.component];
                let blocks = match planes.len() {
                    1 => 1,
                    _ => component.across * component.down,
                };
                for _ in 0..blocks {
                    let at = (unit, number);
                    self.block(at, plane, component, &mut bits, &mut carried)?;
                }
            }
        }
        carried.end()?;
        bits.end()
    }

    /// Reads one block; `at` is its number where its plane is alone, and the number of its plane.
    fn block(
        &self,
        (block, number): (usize, usize),
        plane: &Plane,
        component: &mut Component,
        bits: &mut Bits<'_>,
        carried: &mut Carried,
    ) -> Result<(), String> {
        let quantiser = self.quantisers.get(component.quantiser);
        let quantiser = quantiser.and_then(Option::as_ref);
        let quantiser = quantiser.ok_or("lacks the table that it was quantised by")?;
        let (band, after) = (self.band, self.band.after);
        if band.first == 0 {
            if band.before > 0 {
                return Ok(bits.take(1).map(|_| ())?);
            }
            let table = table(&self.tables.dc, plane.dc)?;
            let (size, difference) = bits.code_and_number(table)?;
            if size > MAX_DC_SIZE {
                return Err(format!("is damaged: an average of {size} bits"));
            }
            let average = &mut carried.averages[number];
            *average += difference;
            check_value(*average, after, quantiser[0])?;
        }
        if band.last == 0 {
            return Ok(());
        }
        let table = table(&self.tables.ac, plane.ac)?;
        let first = band.first.max(1);
        let mut unused = 0;
        let non_zero = component.non_zero.get_mut(block).unwrap_or(&mut unused);
        if band.before > 0 {
            return Ok(carried.refine(bits, table, first..=band.last, non_zero)?);
        }
        carried.coefficients(bits, table, first..=band.last, |position, value| {
            *non_zero |= 1 << position;
            check_value(value, after, quantiser[position])
        })?;
        // Blocks are passed over where a scan gives no averages.
        if band.first == 0 && carried.empty_blocks > 0 {
            return Err(BEYOND.to_owned());
        }
        Ok(())
    }
}

impl Carried {
    /// Reads the coefficients of a block for the first time; tells `found` those that are not zero.
    fn coefficients(
        &mut self,
        bits: &mut Bits<'_>,
        table: &Huffman,
        band: RangeInclusive<usize>,
        mut found: impl FnMut(usize, i32) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        if self.empty_blocks > 0 {
            self.empty_blocks -= 1;
            return Ok(());
        }
        let (mut at, last) = band.into_inner();
        while at <= last {
            let (code, number) = bits.code_and_number(table)?;
            let (zeros, size) = (code >> 4, code & 15);
            if size == 0 && zeros < 15 {
                self.empty_blocks = (1 << zeros) - 1 + bits.take(zeros)?;
                return Ok(());
            }
            at += usize::from(zeros);
            if at > last || size > MAX_AC_SIZE {
                return Err(BEYOND);
            }
            if size > 0 {
                found(at, number)?;
                if bits.zero_bits() > MAX_ZERO_BITS {
                    return Err("is damaged: zeros stand where its codes were");
                }
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
        band: RangeInclusive<usize>,
        non_zero: &mut u64,
    ) -> Result<(), &'static str> {
        let (mut at, last) = band.into_inner();
        while at <= last && self.empty_blocks == 0 {
            let code = bits.code(table)?;
            let (zeros, size) = (code >> 4, code & 15);
            match size {
                0 if zeros < 15 => {
                    self.empty_blocks = (1 << zeros) + bits.take(zeros)?;
                    break;
                }
                0 => {}
                // The sign of a coefficient of 1.
                1 => _ = bits.take(1)?,
                _ => return Err(BEYOND),
            }
            let mut zeros = zeros;
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
        if self.empty_blocks > 0 {
            let old = (at..=last).filter(|at| *non_zero >> at & 1 == 1);
            old.clone().try_for_each(|_| bits.take(1).map(|_| ()))?;
            self.empty_blocks -= 1;
        }
        Ok(())
    }

    /// Errors where more blocks without news were announced than there are.
    fn end(&mut self) -> Result<(), String> {
        let ended = std::mem::take(self);
        match ended.empty_blocks {
            0 => Ok(()),
            more => Err(format!("is damaged: {more} blocks too many")),
        }
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

fn table(tables: &[Option<Huffman>; TABLES], number: usize) -> Result<&Huffman, String> {
    let table = tables.get(number).and_then(Option::as_ref);
    table.ok_or_else(|| "lacks its Huffman tables".to_owned())
}

/// Errors where no pixels give such a coefficient.
fn check_value(value: i32, missing: u8, quantiser: u16) -> Result<(), &'static str> {
    let size = (i64::from(value) << missing).abs();
    if size * i64::from(quantiser) <= MAX_COEFFICIENT + (i64::from(quantiser) << missing) {
        return Ok(());
    }
    Err("is damaged: its values are beyond those of pixels")
}
