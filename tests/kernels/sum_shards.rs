use gpu_train::kernel::shards::{self, SHARDS};
use gpu_train::ops::reduce::sum_shards;
use gpu_train::verify::SubmittedToGpu;

use crate::harness::{Output, Random, assert_cases, gpu};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&sum_shards::KERNEL);
}

/// Ranks add what the kernel adds for one, also numbers that drivers may take for zeros.
#[test]
fn what_ranks_add_is_what_one_adapter_does() {
    let len = 256;
    let mut random = Random::new(31);
    // Twice the smallest normal number, and what is left of such where two almost cancel.
    let floats = random.floats(SHARDS * len).into_iter();
    let partials: Vec<f32> = floats.map(|it| 2.0 * f32::MIN_POSITIVE * it).collect();
    let sum = |shards: usize, first: usize| {
        let launch = sum_shards::launch(&partials[first * len..][..shards * len], [1, len, len]);
        let submitted = SubmittedToGpu::new(gpu(false), &[&launch]).expect("fits");
        let outputs = submitted.read().expect("runs");
        let Output::Floats(sums) = &outputs[0][0] else {
            panic!("sums are floats");
        };
        sums.iter().map(|it| *it as f32).collect::<Vec<_>>()
    };
    let whole = sum(SHARDS, 0);
    for each in [4, 2, 1] {
        let mut sums: Vec<_> = (0..SHARDS / each).map(|at| sum(each, at * each)).collect();
        while sums.len() > 1 {
            let pairs = sums.chunks(2);
            let add = |pair: &[Vec<f32>]| {
                let both = pair[0].iter().zip(&pair[1]);
                both.map(|(one, other)| shards::add(*one, *other)).collect()
            };
            sums = pairs.map(add).collect();
        }
        let bits = |floats: &[f32]| floats.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&sums[0]), bits(&whole), "{each} shards of a rank");
    }
    assert!(whole.contains(&0.0) && whole.iter().any(|it| *it != 0.0));
    assert!(partials.iter().any(|it| it.is_subnormal()));
}
