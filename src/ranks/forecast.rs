//! What a step takes when several ranks share it: each computes its share, and all swap what they computed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Link, Name, Ranks, of_threads};
use crate::error::Result;

/// A small message, as an exchange of a flag is.
const SMALL: usize = 8;
/// A large one: gradients of a million floats.
const LARGE: usize = 4 << 20;
/// Swaps of each size that are timed.
const SMALL_SWAPS: usize = 200;
const LARGE_SWAPS: usize = 9;
/// Long for a swap between threads.
const TIMEOUT: Duration = Duration::from_mins(1);

/// What a rank swaps in a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages that it sends, and receives.
    pub swaps: usize,
    /// Bytes of all of them, in one direction.
    pub bytes: usize,
}

impl Traffic {
    /// That of a net without batch norm whose gradients are `floats` numbers, shared by `ranks`: they and a few
    /// numbers more, in one message to each of the partners.
    pub fn of_gradients(floats: usize, ranks: usize) -> Self {
        let swaps = ranks.ilog2() as usize;
        Self {
            swaps,
            bytes: swaps * floats * size_of::<f32>(),
        }
    }
}

/// How fast ranks swap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wire {
    /// Seconds that a swap takes, however small.
    pub latency: f64,
    /// Bytes per second in one direction, while as many come back.
    pub bandwidth: f64,
}

impl Wire {
    /// Seconds for `traffic`.
    pub fn seconds(&self, traffic: Traffic) -> f64 {
        self.latency * traffic.swaps as f64 + traffic.bytes as f64 / self.bandwidth
    }

    /// Between the two of `ranks` where swaps take the longest: the median of some. All ranks are to call this.
    ///
    /// Errors where one does not answer.
    ///
    /// # Panics
    /// If there is but one rank.
    pub fn measure(ranks: &Ranks) -> Result<Self> {
        let group = ranks.0.as_ref().expect("there are several ranks");
        let time = |partner: usize, bytes: usize, swaps: usize| {
            let (out, mut into) = (vec![1; bytes], vec![0; bytes]);
            let mut once = || {
                let start = Instant::now();
                group.swap(partner, &out, &mut into);
                start.elapsed().as_secs_f64()
            };
            once();
            let mut seconds: Vec<f64> = (0..swaps).map(|_| once()).collect();
            seconds.sort_by(f64::total_cmp);
            seconds[swaps / 2]
        };
        let slowest = |bytes: usize, swaps: usize| {
            let partners = (0..ranks.levels()).map(|level| ranks.rank() ^ (1 << level));
            let seconds = partners.map(|partner| time(partner, bytes, swaps));
            longest(ranks, seconds.fold(0.0, f64::max))
        };
        let (latency, large) = (slowest(SMALL, SMALL_SWAPS)?, slowest(LARGE, LARGE_SWAPS)?);
        Ok(Self {
            latency,
            // A clock of coarse steps may not tell the two apart.
            bandwidth: LARGE as f64 / (large - latency).max(1e-9),
        })
    }

    /// Between two threads of this process: as fast as ranks on one machine can be.
    ///
    /// Errors where one does not answer.
    pub fn between_threads() -> Result<Self> {
        let work = |link| Wire::measure(&Ranks::new(link, "here")?);
        thread::scope(|scope| {
            let links = of_threads(2, TIMEOUT).into_iter();
            let threads: Vec<_> = links.map(|link| scope.spawn(move || work(link))).collect();
            // Both know what both measured.
            let mut wires = threads
                .into_iter()
                .map(|it| it.join().expect("does not panic"));
            wires.next().expect("there are two")
        })
    }
}

/// The largest of what all `ranks` measured.
///
/// Errors where one does not answer.
pub fn longest(ranks: &Ranks, seconds: f64) -> Result<f64> {
    let all = ranks.gather_text(&seconds.to_string())?;
    let all = all.iter().filter_map(|it| it.parse::<f64>().ok());
    Ok(all.fold(0.0, f64::max))
}

/// A step that some ranks share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// How many they are.
    pub ranks: usize,
    /// Seconds for what one of them computes.
    pub share: f64,
    /// Seconds for what it swaps.
    pub exchange: f64,
}

impl Forecast {
    /// Of `ranks` ranks that compute for `share` seconds each, and swap `traffic` over `wire`: one after the other, as
    /// ranks do.
    pub fn new(ranks: usize, share: f64, traffic: Traffic, wire: Wire) -> Self {
        Self {
            ranks,
            share,
            exchange: wire.seconds(traffic),
        }
    }

    /// Seconds of the step.
    pub fn step(&self) -> f64 {
        self.share + self.exchange
    }

    /// The one of `forecasts` whose step is the shortest, of equal ones that of fewer ranks.
    pub fn fastest(forecasts: &[Self]) -> Option<&Self> {
        let mut forecasts = forecasts.iter();
        let first = forecasts.next()?;
        Some(forecasts.fold(
            first,
            |best, it| {
                if it.step() < best.step() { it } else { best }
            },
        ))
    }
}

/// A rank 0 whose partners answer at once what it says itself: it computes the share of one of `count` ranks, on data
/// of its own, and waits for nobody.
#[derive(Debug)]
struct Echo {
    count: usize,
    counted: Arc<Counted>,
}

/// Counts what a rank swaps.
#[derive(Debug, Default)]
pub struct Counted {
    swaps: AtomicUsize,
    bytes: AtomicUsize,
}

impl Counted {
    /// What was swapped so far.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            swaps: self.swaps.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

/// The link of rank 0 of `count` ranks of which there are no others, to time what it computes and to count what it
/// swaps.
pub fn echo(count: usize) -> (impl Link, Arc<Counted>) {
    let counted = Arc::new(Counted::default());
    let echo = Echo {
        count,
        counted: Arc::clone(&counted),
    };
    (echo, counted)
}

impl Link for Echo {
    fn rank(&self) -> usize {
        0
    }

    fn count(&self) -> usize {
        self.count
    }

    fn swap(&self, _: &Name, out: &[u8], into: &mut [u8]) -> Result<(), String> {
        self.counted.swaps.fetch_add(1, Ordering::Relaxed);
        self.counted.bytes.fetch_add(out.len(), Ordering::Relaxed);
        into.copy_from_slice(out);
        Ok(())
    }
}
