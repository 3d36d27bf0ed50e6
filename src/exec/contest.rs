//! Several programs that do the same work by different kernels: whether their results agree, and
//! which is the fastest.

use std::time::Instant;

use super::GpuProgram;
use crate::error::Result;
use crate::gpu::{Gpu, Timestamps};
use crate::kernel::Step;

/// What one turn should take at least, so that starting it does not show.
const TURN_SECONDS: f64 = 16e-3;
const MOST_REPEATS: usize = 200;
/// Programs this many times slower than the first are not timed again.
const HOPELESS: f64 = 2.0;
/// Turns of every program, and then of the first and the [`FINALISTS`] fastest others.
const HEATS: usize = 3;
const FINALISTS: usize = 3;
const FINALS: usize = 15;

/// The fastest program of a contest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Winner {
    /// Its position; 0 is the one that the others had to beat.
    pub position: usize,
    /// Median seconds of the first program.
    pub first_seconds: f64,
    /// The winner's median seconds.
    pub seconds: f64,
    /// The winner's time by the first program's: the median over the turns, or the ratio of the
    /// best times, whichever is worse.
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

    /// One run may be unlucky.
    fn best_of_two(&self, program: &GpuProgram) -> Result<f64> {
        Ok(self.run(program, 1)?.min(self.run(program, 1)?))
    }

    /// The fastest of `programs`, which were compiled by a run before. The first wins unless
    /// another takes at most `threshold` of its time.
    pub fn fastest(&self, programs: &[GpuProgram], threshold: f64) -> Result<Winner> {
        let first = self.best_of_two(&programs[0])?;
        let repeats = ((TURN_SECONDS / first).ceil() as usize).clamp(1, MOST_REPEATS);
        let mut others: Vec<usize> = Vec::new();
        for (position, program) in programs.iter().enumerate().skip(1) {
            if self.best_of_two(program)? <= HOPELESS * first {
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

    /// Time by that of the first program: the median over the turns, or the ratio of the best times,
    /// whichever is worse. On a busy machine each of the two is wrong now and then, seldom both.
    fn ratio(&self, position: usize) -> f64 {
        let pairs = self.0[position].iter().zip(&self.0[0]);
        let usual = median(pairs.map(|(own, first)| own / first).collect());
        let best = |position: usize| self.0[position].iter().copied().fold(f64::MAX, f64::min);
        usual.max(best(position) / best(0))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::GpuBuffers;
    use crate::gpu::GpuOptions;
    use crate::graph::{BufferSlice, BufferSpec, Dispatch, Extent, Phase, Program, Role};
    use crate::kernel::Scalar;
    use crate::ops::reduce::sum_partials;

    /// The same sum, `times` times over.
    fn work(gpu: &Gpu, times: usize) -> GpuProgram {
        let (splits, len) = (16, 4096);
        let lens = [splits * len, len];
        let spec = |slot: usize| BufferSpec {
            role: Role::Scratch(slot as u16),
            scalar: Scalar::F32,
            len: lens[slot],
        };
        let slice = |buffer: usize| BufferSlice {
            buffer,
            offset: 0,
            len: lens[buffer],
            extent: Extent::Whole,
        };
        let dispatch = Dispatch {
            label: "sum".to_owned(),
            phase: Phase::ReduceGradients,
            call: sum_partials::call(splits, len),
            slices: vec![slice(0), slice(1)],
        };
        let program = Program::of(1, vec![spec(0), spec(1)], vec![dispatch; times]);
        GpuProgram::new(gpu, &program, &GpuBuffers::new()).expect("fits")
    }

    #[test]
    fn the_fastest_wins_where_it_is_enough_faster() {
        let gpu = Gpu::open(&GpuOptions::default());
        let gpu = gpu.expect("this test needs a GPU adapter; `make test` sees to one");
        let step = Step::of(0, 1);
        let mut contest = Contest::new(&gpu, step).expect("opens");
        // Once on the GPU's clock, where it has one, and once on the host's.
        for _ in 0..2 {
            let fastest = |times: [usize; 3], threshold| {
                let programs = times.map(|times| work(&gpu, times));
                contest.run(&programs[0], 1).expect("runs");
                contest.fastest(&programs, threshold).expect("measures")
            };
            let winner = fastest([64, 48, 8], 0.97);
            assert_eq!(winner.position, 2, "{winner:?}");
            assert!(winner.ratio < 0.6 && winner.seconds < winner.first_seconds);
            assert_eq!(fastest([8, 48, 64], 0.97).position, 0);
            let kept = fastest([64, 48, 8], 1e-6);
            assert_eq!((kept.position, kept.ratio), (0, 1.0));
            contest.clock = None;
        }
    }

    #[test]
    fn ratios_are_of_the_same_turns() {
        // Between the turns the machine became twice as slow for all.
        let turns = Turns(vec![vec![1.0, 2.0, 4.0], vec![0.9, 1.8, 3.6]]);
        assert!((turns.ratio(1) - 0.9).abs() < 1e-12);
        assert_eq!(turns.seconds(0), 2.0);
        assert_eq!(turns.ratio(0), 1.0);
    }

    /// Most turns hit the first program harder, but at its best it is as fast.
    #[test]
    fn bad_luck_is_no_reason_to_lose() {
        let turns = Turns(vec![vec![1.0, 2.0, 2.0], vec![1.0, 1.1, 1.0]]);
        assert_eq!(turns.ratio(1), 1.0);
        let turns = Turns(vec![vec![2.0, 2.0, 2.0], vec![1.0, 2.0, 2.1]]);
        assert_eq!(turns.ratio(1), 1.0);
    }
}
