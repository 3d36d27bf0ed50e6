//! Random search: settings of runs that are drawn, in place of every combination.
//!
//! Source: Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, 2012,
//! <https://jmlr.org/papers/v13/bergstra12a.html>.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng as _;
use toml::Value;

use super::axes::{Axis, Choice, Combination, MOST_RUNS, SLOWEST, combination, combinations};
use crate::error::{Error, Result};
use crate::random::{Purpose, stream};

/// Draws for every sample before the values are found to have no more combinations.
const TRIES: usize = 100;

/// `count` different combinations of what `axes` have, drawn by `seed`: of a range any value, of a list any of it. Seeds
/// are not drawn: every sample is there with each of them.
///
/// Errors as [`combinations`], and where there are fewer combinations.
pub fn samples(axes: &[Axis], count: usize, seed: u64) -> Result<Vec<Combination>> {
    axes.iter().try_for_each(Axis::check)?;
    let (seeds, drawn): (Vec<Axis>, Vec<Axis>) = axes
        .iter()
        .cloned()
        .partition(|axis| SLOWEST.contains(&axis.key.as_str()));
    let of_seeds = combinations(&seeds)?;
    if count == 0 || count.saturating_mul(of_seeds.len()) > MOST_RUNS {
        return Err(Error::usage(
            format!(
                "{count} samples, with {} seeds each, are not a sweep, which has 1 to {MOST_RUNS} runs",
                of_seeds.len()
            ),
            "give `samples` another number",
        ));
    }
    let mut random = stream(seed, Purpose::Sweep);
    let mut found: Vec<Combination> = Vec::new();
    for _ in 0..count * TRIES {
        let choices: Vec<Choice> = drawn.iter().map(|axis| draw(axis, &mut random)).collect();
        let one = combination(&drawn, &choices);
        if !found.contains(&one) {
            found.push(one);
        }
        if found.len() == count {
            return Ok(crossed(&found, &of_seeds));
        }
    }
    Err(Error::usage(
        format!(
            "{count} samples were asked for, and these values have fewer combinations: {}",
            found.len()
        ),
        "omit `samples` to train every combination, or give a range, as in 1e-4..1e-1:log",
    ))
}

/// Every sample with every seed, one seed after the other.
fn crossed(samples: &[Combination], seeds: &[Combination]) -> Vec<Combination> {
    let with = |seed: &Combination, sample: &Combination| {
        let mut both = sample.clone();
        if !seed.name.is_empty() {
            let names = [&sample.name[..], &seed.name].map(str::to_owned);
            both.name = names
                .into_iter()
                .filter(|it| !it.is_empty())
                .collect::<Vec<_>>()
                .join("-");
        }
        both.varies.extend(seed.varies.clone());
        both.values.extend(seed.values.clone());
        both
    };
    let of_seed = |seed| samples.iter().map(move |sample| with(seed, sample));
    seeds.iter().flat_map(of_seed).collect()
}

fn draw(axis: &Axis, random: &mut ChaCha8Rng) -> Choice {
    // The upper bits, of which a number holds 53.
    let share = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let Some(drawn) = &axis.range else {
        let place = (share * axis.choices.len() as f64) as usize;
        return axis.choices[place].clone();
    };
    let value = if drawn.is_whole {
        Value::Integer(drawn.range.draw_whole(share) as i64)
    } else {
        Value::Float(drawn.range.draw(share))
    };
    Choice::new(&axis.key, value)
}

#[cfg(test)]
mod tests {
    use super::super::axes::Drawn;
    use super::*;

    fn range(key: &str, text: &str, is_whole: bool) -> Axis {
        let range = text.parse().expect("is a range");
        Axis::drawn(key, Drawn { range, is_whole })
    }

    #[test]
    fn samples_are_drawn_by_their_seed_and_come_with_every_seed() {
        let axes = [
            range("lr", "1e-4..1e-1:log", false),
            Axis::setting("batch-size", [32, 64]),
            range("freeze", "0..9", true),
            Axis::setting("seed", [3, 5]),
        ];
        let runs = samples(&axes, 200, 7).expect("draws");
        assert_eq!(runs.len(), 400);
        assert_eq!(samples(&axes, 200, 7).expect("draws"), runs);
        assert_ne!(
            samples(&axes, 200, 8).expect("draws")[0].values,
            runs[0].values
        );
        let lrs: Vec<f64> = runs[..200]
            .iter()
            .map(|run| run.values["lr"].as_float().expect("a number"))
            .collect();
        assert!(lrs.iter().all(|lr| (1e-4..=1e-1).contains(lr)));
        // Of three decades, a third of the draws lies in each: 67, give or take 20 (three deviations).
        let low = lrs.iter().filter(|&&lr| lr < 1e-3).count();
        let high = lrs.iter().filter(|&&lr| lr > 1e-2).count();
        assert!(
            (47..=87).contains(&low) && (47..=87).contains(&high),
            "{low} {high}"
        );
        let small = |run: &&Combination| run.values["batch-size"].as_integer() == Some(32);
        let small = runs[..200].iter().filter(small).count();
        assert!((79..=121).contains(&small), "{small}");
        let freezes = |want| {
            runs.iter()
                .any(|run| run.values["freeze"].as_integer() == Some(want))
        };
        assert!((0..=9).all(freezes));
        // Every sample comes with both seeds, and says so in its name.
        assert_eq!(runs[0].values["lr"], runs[200].values["lr"]);
        assert_eq!(runs[0].values["seed"].as_integer(), Some(3));
        assert_eq!(runs[200].values["seed"].as_integer(), Some(5));
        assert!(runs[0].name.starts_with("lr-0.") && runs[0].name.ends_with("-seed-3"));
    }

    #[test]
    fn too_few_combinations_are_refused() {
        let axes = [
            Axis::setting("batch-size", [32, 64]),
            Axis::setting("lr", [1, 2]),
        ];
        assert_eq!(samples(&axes, 4, 0).expect("draws").len(), 4);
        let error = samples(&axes, 5, 0).expect_err("are four");
        assert!(error.to_string().contains("combinations: 4"), "{error}");
        let seeds = [range("seed", "0..9", true), Axis::setting("lr", [1, 2])];
        let error = samples(&seeds, 2, 0).expect_err("seeds are not drawn");
        assert!(error.to_string().contains("`seed` is a range"), "{error}");
        let error = samples(&axes, 0, 0).expect_err("is none");
        assert!(error.to_string().contains("0 samples"), "{error}");
        let error = samples(&axes, MOST_RUNS + 1, 0).expect_err("are too many");
        assert!(error.to_string().contains("1001 samples"), "{error}");
    }
}
