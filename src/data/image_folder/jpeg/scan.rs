//! The codes of one scan: all blocks of its components, in their order.

use std::ops::RangeInclusive;

use super::entropy::{BEYOND, Bits, Huffman};
use super::{COEFFICIENTS, Component, Frame, Plane, TABLES, Tables};

/// The most bits of a difference of averages, and of another coefficient, of 8-bit pixels.
const MAX_DC_SIZE: u8 = 11;
const MAX_AC_SIZE: u8 = 10;
/// No coefficient of 8-bit pixels is beyond 1024. Encoders that overshoot on purpose (mozjpeg, by 31
/// shades) stay within this; what is out of step with the codes soon does not.
const MAX_COEFFICIENT: i64 = 1280;
/// The most bits by which coefficients are refined.
const MAX_REFINED: u8 = 13;
/// Rows and columns of a block.
const SIDE: usize = 8;

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
        let ways = planes.iter().map(|it| self.sequential(frame, it));
        let ways: Vec<Option<Sequential<'_>>> = ways.collect::<Result<_, _>>()?;
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
                let found = (0..blocks).try_for_each(|_| {
                    if let Some(way) = &ways[number] {
                        return way.block(&mut bits, &mut carried.averages[number]);
                    }
                    self.block((unit, number), plane, component, &mut bits, &mut carried)
                });
                // What is missing is the reason for all else that is wrong.
                bits.check()?;
                found?;
            }
        }
        carried.end()?;
        bits.end()
    }

    /// How blocks of `plane` are read where all of their coefficients stand together.
    fn sequential(&self, frame: &Frame, plane: &Plane) -> Result<Option<Sequential<'_>>, String> {
        if self.band.last == 0 || self.band.first > 0 {
            return Ok(None);
        }
        let quantiser = self.quantiser(&frame.components[plane.component])?;
        let mut plain = [MAX_AC_SIZE; 256];
        for (plain, step) in plain.iter_mut().zip(quantiser) {
            let largest = |size: &u8| check_value((1 << size) - 1, 0, *step).is_ok();
            *plain = (0..=MAX_AC_SIZE).take_while(largest).last().unwrap_or(0);
        }
        Ok(Some(Sequential {
            dc: table(&self.tables.dc, plane.dc)?,
            ac: table(&self.tables.ac, plane.ac)?,
            quantiser,
            plain,
        }))
    }

    fn quantiser(&self, component: &Component) -> Result<&[u16; COEFFICIENTS], String> {
        let quantiser = self.quantisers.get(component.quantiser);
        let quantiser = quantiser.and_then(Option::as_ref);
        Ok(quantiser.ok_or("lacks the table that it was quantised by")?)
    }

    /// Reads one block of a progressive scan; `at` is its number where its plane is alone, and the number of its
    /// plane.
    fn block(
        &self,
        (block, number): (usize, usize),
        plane: &Plane,
        component: &mut Component,
        bits: &mut Bits<'_>,
        carried: &mut Carried,
    ) -> Result<(), String> {
        let quantiser = self.quantiser(component)?;
        let (band, after) = (self.band, self.band.after);
        if band.first == 0 {
            if band.before > 0 {
                bits.take(1);
                return Ok(());
            }
            let table = table(&self.tables.dc, plane.dc)?;
            let average = &mut carried.averages[number];
            return next_average(bits, table, average, after, quantiser[0]);
        }
        let table = table(&self.tables.ac, plane.ac)?;
        let places = band.first..=band.last;
        let non_zero = &mut component.non_zero[block];
        if band.before > 0 {
            return Ok(carried.refine(bits, table, places, non_zero)?);
        }
        carried.coefficients(bits, table, places, |position, value| {
            *non_zero |= 1 << position;
            check_value(value, after, quantiser[position])
        })?;
        Ok(())
    }
}

/// What blocks of a plane need whose coefficients stand together.
struct Sequential<'a> {
    dc: &'a Huffman,
    ac: &'a Huffman,
    quantiser: &'a [u16; COEFFICIENTS],
    /// By place: the size of numbers up to which all are those of pixels.
    plain: [u8; 256],
}

impl Sequential<'_> {
    /// Reads one block; `average` is the last one of its plane.
    fn block(&self, bits: &mut Bits<'_>, average: &mut i32) -> Result<(), String> {
        next_average(bits, self.dc, average, 0, self.quantiser[0])?;
        bits.block(self.ac, &self.plain, |place, size, value| {
            let step = self.quantiser.get(place).ok_or(BEYOND)?;
            if size > MAX_AC_SIZE {
                return Err(BEYOND);
            }
            check_value(value, 0, *step)
        })?;
        Ok(())
    }
}

/// Reads what is between an average and the next one of its plane.
fn next_average(
    bits: &mut Bits<'_>,
    table: &Huffman,
    average: &mut i32,
    after: u8,
    quantiser: u16,
) -> Result<(), String> {
    let (size, difference) = bits.code_and_number(table)?;
    if size > MAX_DC_SIZE {
        return Err(format!("is damaged: an average of {size} bits"));
    }
    *average += difference;
    Ok(check_value(*average, after, quantiser)?)
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
                self.empty_blocks = (1 << zeros) - 1 + bits.take(zeros);
                return Ok(());
            }
            at += usize::from(zeros);
            if at > last || size > MAX_AC_SIZE {
                return Err(BEYOND);
            }
            if size > 0 {
                found(at, number)?;
                bits.check_zeros()?;
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
                    self.empty_blocks = (1 << zeros) + bits.take(zeros);
                    break;
                }
                0 => {}
                // The sign of a coefficient of 1.
                1 => _ = bits.take(1),
                _ => return Err(BEYOND),
            }
            let mut zeros = zeros;
            while at <= last {
                if *non_zero >> at & 1 == 1 {
                    bits.take(1);
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
            old.for_each(|_| _ = bits.take(1));
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
