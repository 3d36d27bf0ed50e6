use gpu_train::data::Augmentation;
use gpu_train::kernel::Step;
use gpu_train::kernel::case::Launch;
use gpu_train::ops::batch::{gather, gather_augmented};
use gpu_train::shape::ImageShape;

use crate::harness::{Argument, Output, assert_cases, batch, run_twin};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&gather_augmented::KERNEL);
}

fn floats(launch: &Launch) -> Vec<f64> {
    match &run_twin::<f32>(launch)[0] {
        Output::Floats(floats) => floats.clone(),
        Output::Words(_) => panic!("images become floats"),
    }
}

fn augmented(text: &str, shape: ImageShape, is_vector: bool, step: Step) -> Launch {
    let by: Augmentation = text.parse().expect(text);
    gather_augmented::launch(&by, shape, is_vector, (20, 7), step)
}

/// The same bits as the kernel that only gathers, where nothing is drawn.
#[test]
fn nothing_augmented_is_what_is_gathered() {
    let (shape, step) = (ImageShape::new(3, 5, 4), batch(9));
    for is_vector in [false, true] {
        let read = if is_vector {
            ImageShape::vector(shape.elements())
        } else {
            shape
        };
        let augmented = augmented("none", shape, is_vector, step);
        let mut gathered = gather::launch(read, 20, 7, step);
        gathered.arguments[..5].clone_from_slice(&augmented.arguments[..5]);
        assert_eq!(floats(&augmented), floats(&gathered));
    }
}

/// An image of columns that all differ, drawn in each of many epochs.
fn epochs(text: &str, width: usize, bytes: &[u8]) -> Vec<Vec<f64>> {
    let shape = ImageShape::new(1, bytes.len() / width, width);
    let epoch = |epoch| {
        let step = Step { epoch, ..batch(1) };
        let mut launch = augmented(text, shape, true, step);
        let mut image = bytes.to_vec();
        image.resize(bytes.len().next_multiple_of(16) * 20, 0);
        for part in 0..3 {
            launch.arguments[part] = Argument::Words(bytemuck::pod_collect_to_vec(&image));
        }
        launch.arguments[4] = Argument::Words(vec![0]);
        let all = floats(&launch);
        all[..bytes.len()].iter().map(|it| it * 255.0).collect()
    };
    (0..400).map(epoch).collect()
}

#[test]
fn images_are_mirrored_half_of_the_time() {
    let seen = epochs("flip", 4, &[1, 2, 3, 4]);
    let near = |it: &[f64], want: [f64; 4]| it.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-4);
    let count = |want| seen.iter().filter(|it| near(it, want)).count();
    let [plain, mirrored] = [[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]].map(count);
    assert_eq!(plain + mirrored, 400);
    assert!((150..250).contains(&mirrored), "{mirrored}");
}

/// All shifts from -2 to 2, equally often; black comes in from the border.
#[test]
fn images_are_moved_by_whole_pixels() {
    let seen = epochs(
        "translate=2",
        5,
        &[
            10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150,
        ],
    );
    let mut counts = [0; 25];
    for image in &seen {
        let found = (0..25).find(|shift| {
            let (dx, dy) = (shift % 5 - 2, shift / 5 - 2);
            (0..15).all(|at| {
                let (x, y) = (at % 5 - dx, at / 5 - dy);
                let inside = (0..5).contains(&x) && (0..3).contains(&y);
                let want = if inside { 10 * (5 * y + x + 1) } else { 0 };
                (image[at as usize] - f64::from(want)).abs() < 1e-4
            })
        });
        counts[found.expect("is a shift") as usize] += 1;
    }
    assert!(counts.iter().all(|it| (4..33).contains(it)), "{counts:?}");
}

/// The square is 4 x 4, or what of it is within the image, and the rest is as it was.
#[test]
fn a_square_is_cut_out() {
    for image in epochs("cutout=4", 8, &[200; 64]) {
        let black: Vec<usize> = (0..64).filter(|at| image[*at] == 0.0).collect();
        let rows = black
            .iter()
            .map(|at| at / 8)
            .collect::<std::collections::BTreeSet<_>>();
        let columns = black
            .iter()
            .map(|at| at % 8)
            .collect::<std::collections::BTreeSet<_>>();
        assert!(
            (2..=4).contains(&rows.len()) && (2..=4).contains(&columns.len()),
            "{black:?}"
        );
        assert_eq!(black.len(), rows.len() * columns.len());
        let rest = image
            .iter()
            .filter(|it| (**it - 200.0).abs() < 1e-3)
            .count();
        assert_eq!(rest + black.len(), 64);
    }
}

/// Of 0.6 a fifth, of 0.8 nine tenths, cut off at 1; 0.3 above grey half as far to one and a half times as far.
#[test]
fn brightness_and_contrast_stay_within_what_is_asked() {
    let ends = |text: &str, byte: u8| {
        let seen = epochs(text, 1, &[byte]);
        let values = seen.iter().map(|it| it[0] / 255.0);
        values.fold((f64::MAX, f64::MIN), |(low, high), it| {
            (low.min(it), high.max(it))
        })
    };
    let near = |(low, high): (f64, f64), want: [f64; 2]| {
        assert!(
            (low - want[0]).abs() < 0.01 && (high - want[1]).abs() < 0.01,
            "{low}, {high}"
        );
    };
    near(ends("brightness=0.2", 153), [0.48, 0.72]);
    near(ends("brightness=0.9", 204), [0.08, 1.0]);
    near(ends("contrast=0.5", 204), [0.65, 0.95]);
    near(ends("contrast=1", 51), [0.0, 0.5]);
}
