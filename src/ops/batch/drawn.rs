//! What twin and native kernel of `gather_augmented` share: whole numbers, and what is drawn for an image.

use crate::kernel::{Real, params};
use crate::random::counted;
use crate::shape::padded;

params! {
    /// Params of the shader.
    pub struct Params {
        /// Channels, unpadded.
        pub channels: u32,
        /// Rows.
        pub height: u32,
        /// Columns.
        pub width: u32,
        /// Words from one image to the next.
        pub image_words: u32,
        /// Images that a full part holds.
        pub images_per_part: u32,
        /// 1 where images are written as vectors.
        pub is_vector: u32,
        /// First word of the key.
        pub key_0: u32,
        /// Second word of the key.
        pub key_1: u32,
        /// 1 where every second image is mirrored.
        pub flip: u32,
        /// Most pixels along each axis.
        pub translate: u32,
        /// Side of the hole.
        pub cutout: u32,
        /// Largest half-angle, 2^14 to a radian.
        pub rotate: u32,
        /// Smallest size, 2^14 to the image's own.
        pub smallest: u32,
        /// Sizes from there on.
        pub sizes: u32,
        /// Share of brightness.
        pub brightness: f32,
        /// Share of contrast.
        pub contrast: f32,
    }
}

/// 1 in fixed point.
pub(super) const ONE: i32 = 1 << 14;

/// What is drawn for an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawn {
    /// Columns and rows.
    pub(super) shift: [i32; 2],
    /// Cosine and sine of the angle, over the size.
    turn: [i32; 2],
    mirrored: bool,
    /// From -1 up to 1: how bright, and how steep.
    colours: [f64; 2],
    /// First column and row of the hole.
    hole: [i32; 2],
}

/// A whole number below `count`, at most 2^16.
fn below(word: u32, count: u32) -> i32 {
    (((word >> 16) * count) >> 16).cast_signed()
}

/// From -1 up to 1.
fn signed(word: u32) -> f64 {
    f64::from(word >> 8) / f64::from(1 << 23) - 1.0
}

/// Cosine and sine of twice the angle `t`, at most a quarter of a turn: Taylor's, in whole numbers.
fn cosine_and_sine(t: i32) -> [i32; 2] {
    let u = (t * t) >> 14;
    let series = |divisors: [i32; 4]| {
        let [first, others @ ..] = divisors;
        let inner = ONE - u / first;
        others
            .iter()
            .fold(inner, |it, by| ONE - ((u * it) >> 14) / by)
    };
    let s = (t * series([72, 42, 20, 6])) >> 14;
    let c = series([56, 30, 12, 2]);
    [ONE - ((2 * s * s) >> 14), (2 * s * c) >> 14]
}

impl Params {
    pub(super) fn drawn(&self, epoch: u32, image: u32) -> Drawn {
        let [first, second, third] =
            [0, 1, 2].map(|at| counted([image ^ self.key_0, epoch, at, self.key_1]));
        let shifts = 2 * self.translate + 1;
        let shift = |word| below(word, shifts) - self.translate.cast_signed();
        let half_angle = below(first[3], 2 * self.rotate + 1) - self.rotate.cast_signed();
        let size = self.smallest.cast_signed() + below(second[0], self.sizes);
        let half = (self.cutout / 2).cast_signed();
        Drawn {
            shift: [shift(first[1]), shift(first[2])],
            turn: cosine_and_sine(half_angle).map(|it| it * ONE / size),
            mirrored: self.flip == 1 && first[0] >= 1 << 31,
            colours: [signed(second[1]), signed(second[2])],
            hole: [below(third[0], self.width), below(third[1], self.height)]
                .map(|centre| centre - half),
        }
    }

    /// What a colour is multiplied by, and what is added to it.
    pub(super) fn gain_and_lift<T: Real>(&self, draw: &Drawn) -> [T; 2] {
        let [bright, steep] = draw.colours.map(T::of);
        let bright = T::one() + T::of(self.brightness.into()) * bright;
        let steep = T::one() + T::of(self.contrast.into()) * steep;
        let half = T::of(0.5);
        [bright * steep, bright * (half - half * steep)]
    }

    /// Where the pixel in that column and row comes from, 2^15 to a pixel.
    pub(super) fn source_of(&self, draw: &Drawn, [x, y]: [i32; 2]) -> [i32; 2] {
        let last = [self.width, self.height].map(|it| it.cast_signed() - 1);
        let from = [0, 1].map(|axis| 2 * ([x, y][axis] - draw.shift[axis]) - last[axis]);
        let [cosine, sine] = draw.turn;
        let source = [
            last[0] * ONE + cosine * from[0] + sine * from[1],
            last[1] * ONE + cosine * from[1] - sine * from[0],
        ];
        if draw.mirrored {
            [2 * ONE * last[0] - source[0], source[1]]
        } else {
            source
        }
    }

    /// Whether the hole covers that column and row.
    pub(super) fn is_cut_out(&self, draw: &Drawn, at: [i32; 2]) -> bool {
        let hole = 0..self.cutout.cast_signed();
        (0..2).all(|axis| hole.contains(&(at[axis] - draw.hole[axis])))
    }

    /// The pixels that the one in that column and row is a mean of, with their weights: `taps` of them at most, those
    /// within the image.
    pub(super) fn taps(
        &self,
        draw: &Drawn,
        at: [i32; 2],
        taps: usize,
    ) -> impl Iterator<Item = (usize, f64)> {
        let [source_x, source_y] = self.source_of(draw, at);
        let (width, height) = (self.width.cast_signed(), self.height.cast_signed());
        let weight = |source: i32, next: i32| {
            let share = f64::from(source & 0x7FFF) / f64::from(1 << 15);
            if next == 1 { share } else { 1.0 - share }
        };
        let all = [[0, 0], [1, 0], [0, 1], [1, 1]].into_iter().take(taps);
        all.filter_map(move |[right, down]| {
            let (x, y) = ((source_x >> 15) + right, (source_y >> 15) + down);
            let inside = (0..width).contains(&x) && (0..height).contains(&y);
            let weight = weight(source_x, right) * weight(source_y, down);
            inside.then_some(((y * width + x) as usize, weight))
        })
    }

    /// Floats from one pixel to the next, and from one channel to the next.
    pub(super) fn strides(&self) -> [usize; 2] {
        match self.is_vector {
            1 => [1, (self.height * self.width) as usize],
            _ => [padded(self.channels as usize), 1],
        }
    }

    /// Floats of a sample.
    pub(super) fn sample_len(&self) -> usize {
        let pixels = (self.height * self.width) as usize;
        match self.is_vector {
            1 => padded(self.channels as usize * pixels),
            _ => pixels * padded(self.channels as usize),
        }
    }

    /// The bytes of an image of `parts`.
    pub(super) fn image<'a>(&self, parts: [&'a [u32]; 4], number: u32) -> &'a [u8] {
        let words = self.image_words as usize;
        let first = (number % self.images_per_part) as usize * words;
        let part = parts[(number / self.images_per_part) as usize];
        bytemuck::cast_slice(&part[first..first + words])
    }
}
