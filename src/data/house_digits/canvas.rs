//! Planes of 32x32 pixels: strokes drawn with soft edges, blurred, laid over each other.

use std::ops::Range;

use super::SIZE;
use super::glyphs::Point;

const PIXELS: usize = SIZE * SIZE;

/// A straight stroke of a round pen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stroke {
    pub(super) from: Point,
    pub(super) to: Point,
    /// Half of the stroke's width.
    pub(super) radius: f32,
    /// Whether the stroke is cut off at its start and end, rather than rounded.
    pub(super) flat: [bool; 2],
}

/// An affine map from the space in which strokes are drawn to pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placement {
    /// Pixels to the right and down for each unit to the right.
    pub(super) right: Point,
    /// Pixels to the right and down for each unit down.
    pub(super) down: Point,
    /// Where the origin comes to lie.
    pub(super) origin: Point,
    /// Pixels per unit: how soft an edge is, whatever the map.
    pub(super) scale: f32,
    /// Thickness of horizontal strokes over that of vertical ones.
    pub(super) contrast: f32,
}

impl Placement {
    fn pixel(&self, [x, y]: Point) -> Point {
        [0, 1].map(|axis| self.origin[axis] + x * self.right[axis] + y * self.down[axis])
    }

    /// The map from pixels back to the space of the strokes.
    fn inverse(&self) -> [Point; 2] {
        let [a, b] = self.right;
        let [c, d] = self.down;
        let determinant = a * d - b * c;
        [
            [d / determinant, -c / determinant],
            [-b / determinant, a / determinant],
        ]
    }

    /// Columns and rows that a stroke can touch.
    fn reach(&self, stroke: &Stroke) -> [Range<usize>; 2] {
        let [from, to] = [stroke.from, stroke.to].map(|point| self.pixel(point));
        // A shear lengthens some directions: half as much again is enough. And the soft edge.
        let margin = stroke.radius * self.scale * 1.5 + 1.0;
        [0, 1].map(|axis| {
            let low = from[axis].min(to[axis]) - margin;
            let high = from[axis].max(to[axis]) + margin;
            // Casts of floats saturate: what lies outside gives an empty range.
            (low as usize).min(SIZE)..((high + 1.0) as usize).min(SIZE)
        })
    }
}

/// One number per pixel, row after row: a colour, or how much of a pixel is covered (0 to 1).
#[derive(Clone)]
pub(super) struct Plane(pub(super) [f32; PIXELS]);

impl Plane {
    pub(super) fn new(value: f32) -> Self {
        Self([value; PIXELS])
    }

    /// The value `of(x, y)` at every pixel's centre.
    pub(super) fn from_fn(of: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|i| {
            of((i % SIZE) as f32 + 0.5, (i / SIZE) as f32 + 0.5)
        }))
    }

    /// Covers what a stroke covers. A contrast below 1 flattens the pen, which is done by drawing
    /// with a round one in a space that is stretched vertically.
    pub(super) fn draw(&mut self, stroke: &Stroke, placement: &Placement) {
        let stretch = 1.0 / placement.contrast;
        let [ax, ay] = [stroke.from[0], stroke.from[1] * stretch];
        let [dx, dy] = [stroke.to[0] - ax, stroke.to[1] * stretch - ay];
        let length = (dx * dx + dy * dy).sqrt().max(1e-6);
        let [ux, uy] = [dx / length, dy / length];
        // How far before the start and beyond the end a flat end still counts: nowhere.
        let limit = |flat: bool| if flat { 0.0 } else { 1e6 };
        let [before, beyond] = stroke.flat.map(limit);
        let [[xx, xy], [yx, yy]] = placement.inverse();
        let [columns, rows] = placement.reach(stroke);
        for row in rows {
            let py = row as f32 + 0.5 - placement.origin[1];
            let pixels = &mut self.0[row * SIZE..][..SIZE];
            for column in columns.clone() {
                let px = column as f32 + 0.5 - placement.origin[0];
                let x = xx * px + xy * py - ax;
                let y = (yx * px + yy * py) * stretch - ay;
                let along = x * ux + y * uy;
                let outside = along - along.clamp(0.0, length);
                let across = x * uy - y * ux;
                let distance = (outside * outside + across * across).sqrt();
                let depth = (stroke.radius - distance)
                    .min(along + before)
                    .min(length + beyond - along);
                let covered = (depth * placement.scale + 0.5).clamp(0.0, 1.0);
                pixels[column] = pixels[column].max(covered);
            }
        }
    }

    /// Spreads `share` of every pixel to each of its two neighbours in rows, then in columns.
    pub(super) fn blur(&mut self, share: [f32; 2]) {
        for row in self.0.as_chunks_mut::<SIZE>().0 {
            let old = *row;
            for x in 0..SIZE {
                let sides = old[x.saturating_sub(1)] + old[(x + 1).min(SIZE - 1)];
                row[x] = old[x] + share[0] * (sides - 2.0 * old[x]);
            }
        }
        let old = self.0;
        for (y, row) in self.0.as_chunks_mut::<SIZE>().0.iter_mut().enumerate() {
            let above = &old[y.saturating_sub(1) * SIZE..][..SIZE];
            let below = &old[(y + 1).min(SIZE - 1) * SIZE..][..SIZE];
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel += share[1] * (above[x] + below[x] - 2.0 * *pixel);
            }
        }
    }

    /// Lays `colour` over this plane where `mask` covers it.
    pub(super) fn paint(&mut self, mask: &Self, colour: f32) {
        for (pixel, covered) in self.0.iter_mut().zip(&mask.0) {
            *pixel += (colour - *pixel) * covered;
        }
    }

    /// This plane, moved right and down by whole pixels; what comes in is zero.
    pub(super) fn shifted(&self, right: isize, down: isize) -> Self {
        let inside = |at: usize, by: isize| at.checked_add_signed(-by).filter(|&from| from < SIZE);
        let mut moved = Self::new(0.0);
        for (i, pixel) in moved.0.iter_mut().enumerate() {
            if let (Some(x), Some(y)) = (inside(i % SIZE, right), inside(i / SIZE, down)) {
                *pixel = self.0[y * SIZE + x];
            }
        }
        moved
    }
}
