use gpu_train::ops::batch::gather;
use gpu_train::ops::batch::gather::launch;
use gpu_train::shape::ImageShape;

use crate::harness::{Argument, Output, Tolerance, assert_cases, assert_twin, batch, run_twin};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&gather::KERNEL);
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
