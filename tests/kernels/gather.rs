use gpu_train::kernels::gather::ResidentLayout;
use gpu_train::kernels::{Step, gather};
use gpu_train::shape::ImageShape;

use crate::harness::{Argument, Launch, Output, Random, Tolerance, assert_twin, batch, run_twin};

/// Random images as `layout` says, of `elements` bytes each, zeros behind them. A part that is not in
/// use is bound to something: here to one zeroed image.
pub fn images(random: &mut Random, layout: &ResidentLayout, elements: usize) -> Vec<Argument> {
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
fn launch(shape: ImageShape, images: usize, per_part: usize, step: Step) -> Launch {
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

#[test]
fn odd_sizes_match_the_twin_bit_for_bit() {
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
            assert_twin(&launch(shape, images, 3, step), Tolerance::Exact);
        }
    }
}

#[test]
fn batches_of_all_sizes_match_the_twin() {
    for samples in [1, 7, 33, 255, 257] {
        let shape = ImageShape::new(3, 2, 3);
        assert_twin(&launch(shape, 20, 7, batch(samples)), Tolerance::Exact);
    }
}

#[test]
fn the_rest_of_the_capacity_stays_untouched() {
    let mut launch = launch(ImageShape::new(3, 3, 3), 5, 5, batch(8));
    launch.step.batch = 3;
    assert_twin(&launch, Tolerance::Exact);
    let Output::Floats(pixels) = &run_twin::<f32>(&launch)[0] else {
        panic!("images become floats");
    };
    let (read, rest) = pixels.split_at(3 * 9 * 4);
    assert!(read.iter().all(|pixel| pixel.is_finite()) && rest.iter().all(|it| it.is_nan()));
}

#[test]
fn every_byte_is_divided_as_by_pytorch() {
    for shape in [ImageShape::vector(256), ImageShape::new(1, 16, 16)] {
        let mut launch = launch(shape, 1, 1, batch(1));
        let bytes: Vec<u8> = (0..=255).collect();
        launch.arguments[0] = Argument::Words(bytemuck::pod_collect_to_vec(&bytes));
        assert_twin(&launch, Tolerance::Exact);
        let Output::Floats(scaled) = &run_twin::<f32>(&launch)[0] else {
            panic!("images become floats");
        };
        let stride = shape.padded_channels() / shape.channels;
        for (byte, scaled) in bytes.iter().zip(scaled.iter().step_by(stride)) {
            assert_eq!(*scaled, f64::from(f32::from(*byte) / 255.0));
        }
    }
}

/// The resident layout is NCHW, and an order of its own positions gives the images back.
#[test]
fn planes_become_channels() {
    let shape = ImageShape::new(2, 1, 3);
    let mut launch = launch(shape, 1, 1, batch(1));
    let image = [10, 20, 30, 40, 50, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0_u8];
    launch.arguments[0] = Argument::Words(bytemuck::pod_collect_to_vec(&image));
    let Output::Floats(scaled) = &run_twin::<f32>(&launch)[0] else {
        panic!("images become floats");
    };
    let bytes: Vec<f64> = scaled.iter().map(|x| (x * 255.0).round()).collect();
    assert_eq!(
        bytes,
        [
            10.0, 40.0, 0.0, 0.0, 20.0, 50.0, 0.0, 0.0, 30.0, 60.0, 0.0, 0.0
        ]
    );
}
