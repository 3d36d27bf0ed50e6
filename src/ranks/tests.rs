//! What ranks exchange, on threads.

use std::thread;
use std::time::Duration;

use super::*;

const SOON: Duration = Duration::from_secs(20);

/// What `work` returns on each of `count` ranks.
fn on_ranks<T: Send>(count: usize, work: impl Fn(Ranks) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let ranks = of_threads(count, SOON).into_iter();
        let threads: Vec<_> = ranks
            .map(|link| {
                let work = &work;
                scope.spawn(move || {
                    let host = format!("host{}", link.rank() / 2);
                    work(Ranks::new(link, &host).expect("is allowed"))
                })
            })
            .collect();
        let results = threads.into_iter().map(|it| it.join().expect("ends"));
        results.collect()
    })
}

/// The sum of the terms of `shards`, pairs first.
fn tree(shards: Range<usize>, term: &impl Fn(usize) -> f32) -> f32 {
    match shards.len() {
        1 => term(shards.start),
        len => {
            let middle = shards.start + len / 2;
            tree(shards.start..middle, term) + tree(middle..shards.end, term)
        }
    }
}

#[test]
fn sums_are_those_of_the_fixed_tree_on_every_rank() {
    let shard = |shard: usize| 1e7 / (shard as f32 + 3.0);
    let s = shard;
    let wanted = ((s(0) + s(1)) + (s(2) + s(3))) + ((s(4) + s(5)) + (s(6) + s(7)));
    for count in [1, 2, 4, 8] {
        let sums = on_ranks(count, |ranks| {
            let mut floats = vec![tree(ranks.shards(), &shard); 3];
            let wish = ranks.sum(&mut floats, ranks.rank() == count - 1);
            ranks.check().map(|()| (floats, wish)).expect("all answer")
        });
        assert_eq!(sums, vec![(vec![wanted; 3], true); count]);
    }
}

#[test]
fn what_each_rank_knows_all_know_afterwards() {
    for count in [1, 2, 4, 8] {
        let all = on_ranks(count, |ranks| {
            let text = "x".repeat(ranks.rank() * 3);
            let mut first = vec![ranks.rank() as u8 + 5; 3];
            ranks.take_from_first(&mut first).expect("all answer");
            let wishes = [ranks.rank() == 0, false];
            let any = ranks.any(wishes).expect("all answer");
            (ranks.gather_text(&text).expect("all answer"), first, any)
        });
        let texts: Vec<_> = (0..count).map(|rank| "x".repeat(rank * 3)).collect();
        assert_eq!(all, vec![(texts, vec![5; 3], [true, false]); count]);
    }
}

#[test]
fn a_rank_that_is_not_as_rank_0_is_named_with_its_machine() {
    let words = on_ranks(4, |ranks| {
        let lr = if ranks.rank() == 2 { "0.5" } else { "0.25" };
        let text = format!("net = 'cnn'\nlr = {lr}\n");
        let agreed = ranks.agree(&[("the version", "1".to_owned()), ("the options", text)]);
        agreed.expect_err("differs").to_string()
    });
    let expected = "the options of rank 2 on host1 is not that of rank 0 on host0: lr = 0.5, and rank 0 \
                    has lr = 0.25";
    assert_eq!(words, [expected; 4]);
}

#[test]
fn an_error_of_one_rank_is_one_of_all() {
    let words = on_ranks(2, |ranks| {
        let own = match ranks.rank() {
            1 => Err(Error::usage("no such file", "look")),
            _ => Ok(()),
        };
        ranks.all_ok(own).expect_err("one has none").to_string()
    });
    assert_eq!(words, ["rank 1 on host0: no such file", "no such file"]);
}

#[test]
fn a_rank_that_is_gone_is_named_and_nobody_hangs() {
    let ranks = of_threads(2, SOON);
    let words = thread::scope(|scope| {
        let works = ranks.into_iter().map(|link| {
            scope.spawn(move || {
                let ranks = Ranks::new(link, "here").expect("is allowed");
                if ranks.rank() == 1 {
                    return String::new();
                }
                ranks.sum(&mut vec![0.0], false);
                let error = ranks.check().expect_err("is gone");
                assert!(!error.hint().is_empty());
                error.to_string()
            })
        });
        let works: Vec<_> = works.collect();
        let words = works.into_iter().map(|it| it.join().expect("ends"));
        words.collect::<Vec<_>>()
    });
    assert_eq!(words, ["rank 1 on here is gone", ""]);
}

#[test]
fn numbers_that_do_not_divide_eight_are_refused() {
    for count in [3, 5, 6, 7, 9, 16] {
        let mut links = of_threads(count, SOON);
        let error = Ranks::new(links.remove(0), "here").expect_err("is odd");
        assert!(error.to_string().contains("evenly"), "{error}");
        assert!(error.hint().contains("1, 2, 4 or 8"), "{error}");
    }
}

#[test]
fn a_forecast_is_a_share_and_its_messages() {
    let wire = Wire {
        latency: 50e-6,
        bandwidth: 1e9,
    };
    let traffic = Traffic::of_gradients(250_000, 8);
    assert_eq!((traffic.swaps, traffic.bytes), (3, 3_000_000));
    let forecasts = [
        Forecast::new(1, 8e-3, Traffic::of_gradients(250_000, 1), wire),
        Forecast::new(8, 1e-3, traffic, wire),
    ];
    assert!((forecasts[1].step() - 4.15e-3).abs() < 1e-12);
    let fastest = Forecast::fastest(&forecasts).expect("there are two");
    assert_eq!((fastest.ranks, forecasts[0].step()), (8, 8e-3));
}

#[test]
fn wires_are_measured_alike_on_all_ranks() {
    let wires = on_ranks(4, |ranks| Wire::measure(&ranks).expect("all answer"));
    assert!(wires.iter().all(|wire| *wire == wires[0]));
    assert!(
        wires[0].latency > 0.0 && wires[0].bandwidth > 0.0,
        "{wires:?}"
    );
}

/// A step whose time is known, from docs/performance.md or the sources that it names.
struct Known {
    name: &'static str,
    floats: usize,
    /// Seconds that one of some ranks computes.
    share: fn(usize) -> f64,
}

/// Seconds of a step of `batch` samples.
const fn step(batch: usize, samples_per_second: f64) -> f64 {
    batch as f64 / samples_per_second
}

const KNOWN: [Known; 5] = [
    Known {
        name: "H200, cnn/1024",
        floats: 110_510,
        // A line through the steps of batches of 128 and of 1024.
        share: |ranks| {
            let (small, large) = (step(128, 607e3), step(1024, 1_267e3));
            small + (large - small) * (1024 / ranks - 128) as f64 / 896.0
        },
    },
    Known {
        name: "H200, mlp/128",
        floats: 409_985,
        share: |ranks| step(128, 1_527e3) / ranks as f64,
    },
    Known {
        name: "laptop (RTX 3050), ResNet-50",
        floats: 25_557_032,
        share: |ranks| 52e-3 / ranks as f64,
    },
    Known {
        name: "this processor, cnn/1024",
        floats: 110_510,
        share: |ranks| step(1024, 26_149.0) / ranks.min(4) as f64,
    },
    Known {
        name: "this processor, mlp/128",
        floats: 409_985,
        share: |ranks| step(128, 109_807.0) / ranks.min(4) as f64,
    },
];

/// The table of docs/performance.md.
fn simulation() -> String {
    let mut lines = vec![
        "| step | one rank | network | 2 ranks | 4 | 8 | fastest |".to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    for known in &KNOWN {
        for gigabits in [1, 10, 100] {
            let wire = Wire {
                latency: 50e-6,
                bandwidth: f64::from(gigabits) * 1e9 / 8.0,
            };
            let of = |ranks| {
                let traffic = Traffic::of_gradients(known.floats, ranks);
                Forecast::new(ranks, (known.share)(ranks), traffic, wire)
            };
            let forecasts = [1, 2, 4, 8].map(of);
            let alone = forecasts[0].step();
            let speedups = forecasts[1..]
                .iter()
                .map(|it| format!("{:.2}", alone / it.step()));
            let fastest = Forecast::fastest(&forecasts).expect("there are some");
            lines.push(format!(
                "| {} | {:.3} ms | {gigabits} GbE | {} | {} |",
                known.name,
                alone * 1e3,
                speedups.collect::<Vec<_>>().join(" | "),
                fastest.ranks,
            ));
        }
    }
    lines.join("\n")
}

#[test]
fn the_performance_page_has_the_table_that_forecasts_make() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");
    let page = std::fs::read_to_string(page).expect("is there");
    let table = simulation();
    assert!(page.contains(&table), "docs/performance.md lacks\n{table}");
}
