//! Several programs that do the same work by different kernels: whether their results agree, and
//! which is the fastest.

use std::time::Instant;

use super::GpuProgram;
use crate::error::Result;
use crate::gpu::{Gpu, Timestamps};
use crate::kernels::Step;

/// What one turn should take at least, so that starting it does not show.
const TURN_SECONDS: f64 = 8e-3;
const MOST_REPEATS: usize = 200;
/// Programs this many times slower than the first are not timed again.
const HOPELESS: f64 = 2.0;
/// Turns of every program, and then of the first and the [`FINALISTS`] fastest others.
const HEATS: usize = 3;
const FINALISTS: usize = 3;
const FINALS: usize = 11;

/// The fastest program of a contest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Winner {
    /// Its position; 0 is the one that the others had to beat.
    pub position: usize,
    /// Median seconds of the first program.
    pub first_seconds: f64,
    /// The winner's median seconds.
    pub seconds: f64,
    /// Median over the turns of the winner's time by the first program's in the same turn.
    pub ratio: f64,
}

/// Times programs in turns, so that whatever else the machine does hits all alike.
#[derive(Debug)]
pub struct Contest<'g> {
    gpu: &'g Gpu,
    step: Step,
    /// The GPU's clock, where it can time a part of a submission; else the host's serves.
    clock: Option<Timestamps>,
}

impl<'g> Contest<'g> {
    /// A contest on `gpu`; every program runs `step`.
    pub fn new(gpu: &'g Gpu, step: Step) -> Result<Self> {
        let clock = gpu.has_timestamps().then(|| Timestamps::new(gpu, 2));
        Ok(Self {
            gpu,
            step,
            clock: clock.transpose()?,
        })
    }

    /// Runs `program` `repeats` times in one submission; seconds per run.
    pub fn run(&self, program: &GpuProgram, repeats: usize) -> Result<f64> {
        let descriptor = wgpu::CommandEncoderDescriptor::default();
        let mut encoder = self.gpu.device().create_command_encoder(&descriptor);
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        let mark = |pass: &mut wgpu::ComputePass<'_>, index| {
            if let Some(clock) = &self.clock {
                clock.write(pass, index);
            }
        };
        mark(&mut pass, 0);
        for _ in 0..repeats {
            program.encode(&mut pass, &self.step);
        }
        mark(&mut pass, 1);
        drop(pass);
        let seconds = if let Some(clock) = &self.clock {
            let times = clock.submit(self.gpu, encoder)?;
            (times[1] - times[0]) * 1e-9
        } else {
            let start = Instant::now();
            let submission = self.gpu.queue().submit([encoder.finish()]);
            self.gpu.wait(Some(submission))?;
            start.elapsed().as_secs_f64()
        };
        // A clock may tick too coarsely to see a small program at all.
        Ok(seconds.max(1e-9) / repeats as f64)
    }

    /// The fastest of `programs`, which were compiled by a run before. The first wins unless
    /// another takes at most `threshold` of its time.
    pub fn fastest(&self, programs: &[GpuProgram], threshold: f64) -> Result<Winner> {
        let first = self.run(&programs[0], 1)?;
        let repeats = ((TURN_SECONDS / first).ceil() as usize).clamp(1, MOST_REPEATS);
        let mut others: Vec<usize> = Vec::new();
        for (position, program) in programs.iter().enumerate().skip(1) {
            if self.run(program, 1)? <= HOPELESS * first {
                others.push(position);
            }
        }
        let heats = self.turns(programs, &others, repeats, HEATS)?;
        others.sort_by(|a, b| heats.ratio(*a).total_cmp(&heats.ratio(*b)));
        others.truncate(FINALISTS);
        let finals = self.turns(programs, &others, repeats, FINALS)?;
        let best = others
            .iter()
            .copied()
            .min_by(|a, b| finals.ratio(*a).total_cmp(&finals.ratio(*b)));
        let position = best.filter(|it| finals.ratio(*it) <= threshold);
        let position = position.unwrap_or(0);
        Ok(Winner {
            position,
            first_seconds: finals.seconds(0),
            seconds: finals.seconds(position),
            ratio: finals.ratio(position),
        })
    }

    /// Times the first of `programs` and those at `others`, one after the other, `count` times.
    fn turns(
        &self,
        programs: &[GpuProgram],
        others: &[usize],
        repeats: usize,
        count: usize,
    ) -> Result<Turns> {
        let mut turns = Turns(vec![Vec::new(); programs.len()]);
        for _ in 0..count {
            for &position in [0].iter().chain(others) {
                let seconds = self.run(&programs[position], repeats)?;
                turns.0[position].push(seconds);
            }
        }
        Ok(turns)
    }
}

/// Seconds per program and turn; none for programs that did not take part.
struct Turns(Vec<Vec<f64>>);

impl Turns {
    fn seconds(&self, position: usize) -> f64 {
        median(self.0[position].clone())
    }

    /// Median of the times by those of the first program in the same turns.
    fn ratio(&self, position: usize) -> f64 {
        let pairs = self.0[position].iter().zip(&self.0[0]);
        median(pairs.map(|(own, first)| own / first).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_the_same_turns() {
        // Between the turns the machine became twice as slow for all.
        let turns = Turns(vec![vec![1.0, 2.0, 4.0], vec![0.9, 1.8, 3.6]]);
        assert!((turns.ratio(1) - 0.9).abs() < 1e-12);
        assert_eq!(turns.seconds(0), 2.0);
        assert_eq!(turns.ratio(0), 1.0);
    }
}
