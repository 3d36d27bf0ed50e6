//! One picture: a house number on a wall, cut out around one of its digits.

use super::SIZE;
use super::canvas::{Placement, Plane};
use super::random::Random;
use super::typeface::Typeface;

/// Red, green and blue, 0 to 255.
type Colour = [f32; 3];

const MIDDLE: f32 = SIZE as f32 / 2.0;

/// Draws a picture into `image`, three planes of 32x32 bytes, and gives the digit at its middle.
pub(super) fn draw(random: &mut Random, image: &mut [u8]) -> u8 {
    let digit = random.below(10) as u8;
    let mask = number_around(digit, random);
    let (wall, paint) = colours(random);
    let mut planes = wall.map(Plane::new);
    clutter(&mut planes, random);
    relief(&mut planes, &mask, random);
    for (plane, colour) in planes.iter_mut().zip(paint) {
        plane.paint(&mask, colour);
    }
    light(&mut planes, random);
    out_of_focus(&mut planes, random);
    grain(&mut planes, random);
    for (plane, bytes) in planes.iter().zip(image.chunks_exact_mut(SIZE * SIZE)) {
        for (value, byte) in plane.0.iter().zip(bytes) {
            // A cast saturates at 0 and 255.
            *byte = (value + 0.5) as u8;
        }
    }
    digit
}

/// Covers what `digit`, in the middle, and its neighbours cover.
fn number_around(digit: u8, random: &mut Random) -> Plane {
    let typeface = Typeface::random(random);
    let height = random.within(20.0, 26.0);
    let turn = random.bell() * 0.08;
    // Cosine and sine of the angle whose half has the tangent `turn`: exact on every machine.
    let norm = 1.0 + turn * turn;
    let [cos, sin] = [(1.0 - turn * turn) / norm, 2.0 * turn / norm];
    let stretch = random.within(0.9, 1.1);
    let shear = random.bell() * 0.08;
    let right = [cos * height * stretch, (sin + shear) * height];
    let down = [-sin * height, cos * height];
    let centre = [0, 1].map(|_| MIDDLE + random.bell() * 1.2);
    let gap = random.within(0.06, 0.25);
    let mut mask = Plane::new(0.0);
    let mut write = |digit: u8, offset: f32, drop: f32| {
        let placement = Placement {
            right,
            down,
            origin: [0, 1].map(|axis| centre[axis] + offset * right[axis] + drop * down[axis]),
            scale: height,
            contrast: typeface.contrast(),
        };
        for stroke in typeface.strokes(digit) {
            mask.draw(&stroke, &placement);
        }
    };
    write(digit, 0.0, 0.0);
    for side in [-1.0, 1.0] {
        if random.chance(0.55) {
            let neighbour = random.below(10) as u8;
            let advance = 0.5 * (typeface.advance(digit) + typeface.advance(neighbour));
            write(neighbour, side * (advance + gap), random.bell() * 0.06);
        }
    }
    mask
}

/// Colours of the wall and of the digits: either may be the lighter one.
fn colours(random: &mut Random) -> (Colour, Colour) {
    let contrast = if random.chance(0.15) {
        random.within(35.0, 70.0)
    } else {
        random.within(70.0, 210.0)
    };
    let dark = random.within(0.0, 255.0 - contrast);
    let [wall, paint] = if random.chance(0.5) {
        [dark, dark + contrast]
    } else {
        [dark + contrast, dark]
    };
    (tinted(wall, random), tinted(paint, random))
}

/// A colour of about this brightness: mostly greyish, warm or cold, sometimes vivid.
fn tinted(brightness: f32, random: &mut Random) -> Colour {
    let strength = if random.chance(0.2) { 90.0 } else { 22.0 };
    let warm = random.bell() * strength;
    let green = random.bell() * strength * 0.5;
    [
        brightness + warm - green * 0.5,
        brightness + green,
        brightness - warm - green * 0.5,
    ]
    .map(|value| value.clamp(0.0, 255.0))
}

/// Edges of plates, doors and bricks behind the number.
fn clutter(planes: &mut [Plane; 3], random: &mut Random) {
    for _ in 0..random.below(3) {
        // A half plane, mostly above or below, left or right, and a little oblique.
        let across = random.bell() * 0.3;
        let distance = random.within(8.0, 17.0);
        let side = if random.chance(0.5) { 1.0 } else { -1.0 };
        let upright = random.chance(0.35);
        let mask = Plane::from_fn(|x, y| {
            let [x, y] = [x - MIDDLE, y - MIDDLE];
            let depth = if upright {
                x + y * across
            } else {
                y + x * across
            };
            (depth * side - distance + 0.5).clamp(0.0, 1.0)
        });
        let change = random.bell() * 110.0;
        for plane in &mut *planes {
            let colour = plane.0[SIZE * SIZE / 2] + change + random.bell() * 20.0;
            plane.paint(&mask, colour.clamp(0.0, 255.0));
        }
    }
}

/// Some numbers stand out from the wall and throw a shadow, or have a rim.
fn relief(planes: &mut [Plane; 3], mask: &Plane, random: &mut Random) {
    if !random.chance(0.25) {
        return;
    }
    let [right, down] = [0, 1].map(|_| random.one_of(&[-2, -1, 0, 1, 2]));
    let mut shadow = mask.shifted(right, down);
    shadow.blur([0.25; 2]);
    let factor = random.one_of(&[0.3, 0.5, 0.7, 1.4]);
    for plane in planes {
        let colour = plane.0[SIZE * SIZE / 2] * factor;
        plane.paint(&shadow, colour.min(255.0));
    }
}

/// Light that falls off to one side.
fn light(planes: &mut [Plane; 3], random: &mut Random) {
    let [right, down] = [0, 1].map(|_| random.bell() * 0.02);
    let falloff = Plane::from_fn(|x, y| 1.0 + right * (x - MIDDLE) + down * (y - MIDDLE));
    for plane in planes {
        for (pixel, light) in plane.0.iter_mut().zip(&falloff.0) {
            *pixel *= light;
        }
    }
}

/// From sharp to hardly readable; hands shake, so that one direction may be worse.
fn out_of_focus(planes: &mut [Plane; 3], random: &mut Random) {
    let passes = random.one_of(&[1, 1, 2, 2, 3, 3, 4, 5]);
    let share = [0, 1].map(|_| random.within(0.1, 0.3));
    for plane in planes {
        for _ in 0..passes {
            plane.blur(share);
        }
    }
}

/// Noise of the sensor, coarsened by the camera's compression.
fn grain(planes: &mut [Plane; 3], random: &mut Random) {
    let strength = random.within(0.5, 5.0);
    let mut shared = Plane::new(0.0);
    random.noise(&mut shared.0);
    shared.blur([0.15; 2]);
    for plane in planes {
        let mut own = Plane::new(0.0);
        random.noise(&mut own.0);
        own.blur([0.25; 2]);
        for ((pixel, shared), own) in plane.0.iter_mut().zip(&shared.0).zip(&own.0) {
            *pixel += strength * (shared + 0.5 * own);
        }
    }
}
