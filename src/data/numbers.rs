//! The types under which files store numbers.

/// A type of numbers, and their byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) kind: Kind,
    pub(super) big_endian: bool,
}

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    F32,
    F64,
}

impl Numbers {
    /// Bytes of one number.
    pub(super) fn bytes(self) -> usize {
        match self.kind {
            Kind::U8 | Kind::I8 => 1,
            Kind::U16 | Kind::I16 | Kind::F16 => 2,
            Kind::U32 | Kind::I32 | Kind::F32 => 4,
            Kind::U64 | Kind::I64 | Kind::F64 => 8,
        }
    }

    /// The number that `bytes` are, of which there are [`Numbers::bytes`]; rounded where f64 does not
    /// hold it.
    pub(super) fn read(self, bytes: &[u8]) -> f64 {
        // The highest byte first, in a word that it fills from below.
        let fold = |word: u64, &byte: &u8| word << 8 | u64::from(byte);
        let word = if self.big_endian {
            bytes.iter().fold(0, fold)
        } else {
            bytes.iter().rev().fold(0, fold)
        };
        match self.kind {
            Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 => word as f64,
            Kind::I8 => f64::from(word as i8),
            Kind::I16 => f64::from(word as i16),
            Kind::I32 => f64::from(word as i32),
            Kind::I64 => word.cast_signed() as f64,
            Kind::F16 => half(word as u16),
            Kind::F32 => f64::from(f32::from_bits(word as u32)),
            Kind::F64 => f64::from_bits(word),
        }
    }
}

/// The value of an IEEE 754 binary16.
fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff) / 1024.0;
    let magnitude = match bits >> 10 & 0x1f {
        0 => fraction * 2f64.powi(-14),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        exponent => (1.0 + fraction) * 2f64.powi(i32::from(exponent) - 15),
    };
    if bits >> 15 == 1 {
        -magnitude
    } else {
        magnitude
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_in_both_orders() {
        for (kind, little, expected) in [
            (Kind::U8, &[200][..], 200.0),
            (Kind::I8, &[200], -56.0),
            (Kind::U16, &[1, 255], 65281.0),
            (Kind::I16, &[1, 255], -255.0),
            (Kind::U32, &[1, 0, 0, 255], 4_278_190_081.0),
            (Kind::I32, &[1, 0, 0, 255], -16_777_215.0),
            (
                Kind::U64,
                &[0, 0, 0, 0, 0, 0, 0, 128],
                9_223_372_036_854_775_808.0,
            ),
            (
                Kind::I64,
                &[0, 0, 0, 0, 0, 0, 0, 128],
                -9_223_372_036_854_775_808.0,
            ),
            (Kind::F16, &[0, 0xc5], -5.0),
            (Kind::F32, &0.1f32.to_le_bytes(), f64::from(0.1f32)),
            (Kind::F64, &(-0.1f64).to_le_bytes(), -0.1),
        ] {
            let numbers = |big_endian| Numbers { kind, big_endian };
            assert_eq!(numbers(false).bytes(), little.len(), "{kind:?}");
            assert_eq!(numbers(false).read(little), expected, "{kind:?}");
            let big: Vec<u8> = little.iter().rev().copied().collect();
            assert_eq!(numbers(true).read(&big), expected, "{kind:?}");
        }
    }

    #[test]
    fn halves_are_ieee_754() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0x3555, 0.333_251_953_125),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:#06x}");
        }
        assert!(half(0x7e00).is_nan());
    }
}
