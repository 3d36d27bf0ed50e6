//! Launches of `gather`.

use super::Case;
use crate::kernels::Step;
use crate::kernels::gather::{self, ResidentLayout};
use crate::shape::ImageShape;
use crate::verify::numbers::Random;
use crate::verify::{Argument, Launch, batch};

/// Random images as `layout` says, of `elements` bytes each, zeros behind them. A part that is not in
/// use is bound to something: here to one zeroed image.
fn images(random: &mut Random, layout: &ResidentLayout, elements: usize) -> Vec<Argument> {
    let part = |part: usize| {
        let first = part * layout.images_per_part;
        let count = layout
            .count
            .saturating_sub(first)
            .min(layout.images_per_part);
        let mut bytes = Vec::new();
        for _ in 0..count {
            bytes.extend((0..elements).map(|_| random.bits() as u8));
            bytes.resize(bytes.len().next_multiple_of(16), 0);
        }
        bytes.resize(bytes.len().max(layout.image_words * 4), 0);
        Argument::Words(bytemuck::pod_collect_to_vec(&bytes))
    };
    (0..gather::PARTS).map(part).collect()
}

/// A random order of `images` images of random bytes, `per_part` to a part.
pub fn launch(shape: ImageShape, images: usize, per_part: usize, step: Step) -> Launch {
    let mut random = Random::new(3);
    let layout = ResidentLayout {
        count: images,
        image_words: gather::image_words(shape.elements()),
        images_per_part: per_part,
    };
    let mut arguments = self::images(&mut random, &layout, shape.elements());
    let count = (step.batch_start + step.batch) as usize;
    let order = (0..count).map(|_| random.bits() % images as u32);
    arguments.extend([
        Argument::Words(order.collect()),
        Argument::Poisoned(step.batch as usize * shape.padded_elements()),
    ]);
    Launch {
        call: gather::call(shape, images, per_part),
        step,
        arguments,
    }
}

/// Vectors and images of odd sizes in one part to four, and batches of all sizes.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (channels, height, width) in [
        (1, 1, 1),
        (3, 1, 1),
        (255, 1, 1),
        (257, 1, 1),
        (3072, 1, 1),
        (1, 1, 7),
        (3, 5, 7),
        (4, 3, 3),
        (3, 32, 32),
        (7, 1, 33),
        (33, 2, 2),
    ] {
        let shape = ImageShape::new(channels, height, width);
        let step = Step {
            batch_start: 5,
            ..batch(9)
        };
        for images in [3, 6, 7, 11] {
            cases.push(launch(shape, images, 3, step).exact());
        }
    }
    for samples in [1, 7, 33, 255, 257] {
        let shape = ImageShape::new(3, 2, 3);
        cases.push(launch(shape, 20, 7, batch(samples)).exact());
    }
    cases
}
