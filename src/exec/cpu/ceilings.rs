//! What the processor can do at best, measured: the yardstick of profiles.

use std::hint::black_box;
use std::time::Instant;

use super::Cpu;
use crate::exec::Ceilings;
use crate::kernel::native::multiply_square;

/// Side of the matrices that are multiplied: they stay in the caches.
const SIDE: usize = 256;
/// Floats that are added up again and again: they do not stay in the first cache.
const FLOATS: usize = 1 << 16;
const REPEATS: usize = 32;
/// Best of so many: noise only ever slows down.
const TRIES: usize = 5;

/// Measures `cpu`, all threads at work: some milliseconds.
pub fn measure(cpu: &Cpu) -> Ceilings {
    let threads = cpu.threads();
    let best = |work: &(dyn Fn() + Sync)| {
        let seconds = (0..TRIES).map(|_| {
            let start = Instant::now();
            cpu.pool().broadcast(|_| work());
            start.elapsed().as_secs_f64()
        });
        seconds.fold(f64::INFINITY, f64::min)
    };
    let products = best(&|| {
        let [a, b] = [1.0, 2.0].map(|value| vec![value; SIDE * SIDE]);
        let mut output = vec![0.0; SIDE * SIDE];
        for _ in 0..REPEATS {
            multiply_square(SIDE, &a, &b, &mut output);
            black_box(&mut output);
        }
    });
    let loads = best(&|| {
        let mut floats = vec![0_u32; FLOATS];
        for _ in 0..REPEATS {
            black_box(&mut floats);
            black_box(floats.iter().fold(0_u32, |sum, float| sum ^ float));
        }
    });
    // From within the pool, as between two dispatches of a step.
    let meet = || {
        let start = Instant::now();
        for _ in 0..REPEATS {
            rayon::broadcast(|_| ());
        }
        start.elapsed().as_secs_f64() / REPEATS as f64
    };
    let meetings = (0..TRIES).map(|_| cpu.within(meet));
    let work = (threads * REPEATS) as f64;
    Ceilings {
        flops: work * 2.0 * (SIDE as f64).powi(3) / products,
        load_bytes: work * 4.0 * FLOATS as f64 / loads,
        dispatch_seconds: meetings.fold(f64::INFINITY, f64::min),
    }
}
