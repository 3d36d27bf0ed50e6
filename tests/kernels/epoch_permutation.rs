use gpu_train::ops::batch::epoch_permutation;
use gpu_train::ops::batch::epoch_permutation::COUNTS;
use gpu_train::ops::batch::epoch_permutation::Params;
use gpu_train::ops::batch::epoch_permutation::image_at;
use gpu_train::random::{Purpose, key};

use crate::harness::assert_cases;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&epoch_permutation::KERNEL);
}

fn order(count: usize, seed: u64, epoch: u32) -> Vec<u32> {
    let call = epoch_permutation::call(count, key(seed, Purpose::Shuffle), true);
    let params: &Params = call.params();
    let positions = 0..count as u32;
    positions
        .map(|position| image_at(params, epoch, position))
        .collect()
}

#[test]
fn every_image_comes_once() {
    for count in COUNTS {
        for (seed, epoch) in [(0, 0), (1, 0), (0, 49)] {
            let mut seen = order(count, seed, epoch);
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..count as u32), "{count} images");
        }
    }
}

#[test]
fn without_shuffling_images_keep_their_places() {
    let call = epoch_permutation::call(257, [1, 2], false);
    assert!((0..257).all(|position| image_at(call.params(), 9, position) == position));
}

#[test]
fn seeds_and_epochs_give_other_orders() {
    let orders = [order(1_000, 0, 0), order(1_000, 0, 1), order(1_000, 1, 0)];
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        let same = orders[a].iter().zip(&orders[b]).filter(|(a, b)| a == b);
        assert!(
            same.count() < 10,
            "two random orders agree in about one place"
        );
    }
}

/// Mean displacement of a random order of n is n / 3; its standard deviation at 10,000 about 24.
#[test]
fn images_move_as_far_as_in_a_random_order() {
    for epoch in 0..5 {
        let order = order(10_000, 5, epoch);
        let moved: u64 = (0..)
            .zip(&order)
            .map(|(i, &image)| u64::from(image.abs_diff(i)))
            .sum();
        let mean = moved as f64 / 10_000.0;
        assert!((mean - 3_333.0).abs() < 120.0, "epoch {epoch}: {mean}");
    }
}

/// Chi-squared over who comes at a position in 10,000 epochs: 9 degrees of freedom, so it exceeds
/// 33.7 once in 10,000 times.
#[test]
fn over_the_epochs_every_image_comes_first_equally_often() {
    let call = epoch_permutation::call(10, key(2, Purpose::Shuffle), true);
    for position in [0, 1, 9] {
        let mut times = [0_u32; 10];
        for epoch in 0..10_000 {
            times[image_at(call.params(), epoch, position) as usize] += 1;
        }
        let square = |&times: &u32| (f64::from(times) - 1_000.0).powi(2) / 1_000.0;
        let chi: f64 = times.iter().map(square).sum();
        assert!(chi < 33.7, "position {position}: {times:?}");
    }
}

/// Neighbours in one epoch are no more often neighbours in the next than by chance: two random
/// orders of n share about 2 of their (unordered) neighbouring pairs.
#[test]
fn neighbours_part() {
    let before = order(10_000, 7, 0);
    let mut place = vec![0_u32; 10_000];
    for (position, &image) in (0..).zip(&order(10_000, 7, 1)) {
        place[image as usize] = position;
    }
    let together = before
        .windows(2)
        .filter(|pair| place[pair[0] as usize].abs_diff(place[pair[1] as usize]) == 1);
    assert!(together.count() < 12);
}
