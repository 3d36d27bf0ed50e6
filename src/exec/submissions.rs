//! Keeps the device busy: many steps per submission, a few submissions to a GPU in flight, and what
//! each step reported read back when its submission retires.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::cpu::CpuProgram;
use super::device::{Buffer, Device, Executable, MIXED};
use super::gpu::GpuProgram;
use super::kept::Kept;
use super::pace::Pace;
use super::rows::{Row, hand_over, rows};
use crate::error::Result;
use crate::gpu::{Download, Gpu};
use crate::graph::Half;
use crate::kernel::Step;
use crate::ops::loss::ROW;

/// Most steps of one submission: rows of the metrics buffer.
pub const MAX_STEPS: usize = 256;

/// Submissions that are queued before the oldest is waited for: unbounded, they would eat memory
/// until the device is lost (gfx-rs/wgpu#3806).
const IN_FLIGHT: usize = 3;

/// What went through a ring so far. Tests hold it against [`Gpu::waits`], the waits of the whole
/// device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Submissions.
    pub submitted: usize,
    /// Submissions that were waited for.
    pub retired: usize,
    /// Most submissions that were queued at once.
    pub most_in_flight: usize,
}

/// Runs programs that write one row of metrics per step.
#[derive(Debug)]
pub struct Submissions<'d> {
    metrics: Buffer,
    faults: Buffer,
    queue: Queue<'d>,
    pace: Pace,
    traffic: Traffic,
}

#[derive(Debug)]
enum Queue<'d> {
    Gpu(Ring<'d>),
    /// The processor works on one submission, and has none to wait for.
    Cpu,
}

/// Submissions to a GPU and where they leave their rows.
#[derive(Debug)]
struct Ring<'d> {
    gpu: &'d Gpu,
    slots: Vec<Download>,
    pending: VecDeque<Pending>,
}

#[derive(Debug)]
struct Pending {
    index: wgpu::SubmissionIndex,
    slot: usize,
    steps: usize,
}

impl<'d> Submissions<'d> {
    /// Submissions of programs that share the buffers `metrics` and `faults` of [`MAX_STEPS`] rows.
    pub fn new(device: &'d Device, metrics: Buffer, faults: Buffer) -> Result<Self> {
        let queue = match device {
            Device::Cpu(_) => Queue::Cpu,
            Device::Gpu(gpu, _) => {
                let bytes = (MAX_STEPS * (ROW + 1) * 4) as u64;
                let slots = (0..IN_FLIGHT).map(|_| Download::new(gpu, "metrics ring", bytes));
                Queue::Gpu(Ring {
                    gpu,
                    slots: slots.collect::<Result<_>>()?,
                    pending: VecDeque::new(),
                })
            }
        };
        Ok(Self {
            metrics,
            faults,
            queue,
            pace: Pace::default(),
            traffic: Traffic::default(),
        })
    }

    /// What went through so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Runs `program` once per step and hands every step's row to `each`, in order; returns when
    /// all work is done, and whether it ended before its last step was submitted.
    ///
    /// Where `each` breaks, nothing more is submitted. What is in flight runs all the same and its
    /// rows are handed over too, so that the caller knows of every step that changed the buffers.
    /// Ranks that share the batch end after the same step: the wish of one whose `each` breaks goes with its next step.
    pub fn run(
        &mut self,
        program: &Executable,
        steps: impl IntoIterator<Item = Step>,
        each: impl FnMut(Row) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        self.run_keeping(program, steps, None, each)
    }

    /// The same, and copies what `kept` says out of every step before the next one begins. What is kept is of
    /// every sample: a rank shares this work with no other.
    pub fn run_keeping(
        &mut self,
        program: &Executable,
        steps: impl IntoIterator<Item = Step>,
        kept: Option<&Kept<'_>>,
        mut each: impl FnMut(Row) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let ranks = program.ranks().filter(|_| kept.is_none());
        let mut steps = steps.into_iter().peekable();
        let mut result = Ok(ControlFlow::Continue(()));
        let mut wish = false;
        self.pace.start();
        while matches!(result, Ok(ControlFlow::Continue(()))) && steps.peek().is_some() {
            let chunk = |pace: &Pace, steps: &mut dyn Iterator<Item = Step>| -> Vec<Step> {
                steps.take(pace.steps()).collect()
            };
            match (&mut self.queue, program) {
                (Queue::Cpu, Executable::Cpu(program)) => {
                    let chunk = chunk(&self.pace, &mut steps);
                    let computed = self.compute(program, &chunk, kept, wish);
                    result = computed.map(|(rows, agreed)| {
                        let flow = hand_over(rows, &mut each);
                        wish |= flow.is_break();
                        agreed.map_or(flow, self::flow)
                    });
                }
                (Queue::Gpu(ring), Executable::Gpu(_)) if ring.pending.len() == IN_FLIGHT => {
                    result = self.retire(&mut each);
                    if ranks.is_some() {
                        wish |= matches!(result, Ok(ControlFlow::Break(())));
                        result = result.map(|_| ControlFlow::Continue(()));
                    }
                }
                (Queue::Gpu(_), Executable::Gpu(program)) if ranks.is_some() => {
                    let agreed = steps
                        .next()
                        .map(|step| self.submit_shared(program, &step, wish));
                    result = agreed.unwrap_or(Ok(false)).map(flow);
                }
                (Queue::Gpu(_), Executable::Gpu(program)) => {
                    let chunk = chunk(&self.pace, &mut steps);
                    self.submit(program, &chunk, kept);
                }
                _ => panic!("{MIXED}"),
            }
        }
        while self.in_flight() > 0 {
            let retired = self.retire(&mut each);
            wish |= matches!(retired, Ok(ControlFlow::Break(())));
            result = match (result, retired) {
                (Ok(ControlFlow::Break(())), Ok(_)) => Ok(ControlFlow::Break(())),
                (result, Ok(_)) if ranks.is_some() => result,
                (result, retired) => result.and(retired),
            };
        }
        if let (Some(ranks), Ok(ControlFlow::Continue(()))) = (ranks, &result) {
            // They have run all of their steps; one may have wished to end before.
            return ranks.any([wish]).map(|[wished]| flow(wished));
        }
        result
    }

    /// Runs the first half of one step of `program`: its gradients are there afterwards.
    pub fn begin_step(&mut self, device: &Device, program: &Executable, step: &Step) -> Result<()> {
        device.write(&self.faults, 0, &[0; 4])?;
        let step = Step { row: 0, ..*step };
        device.run_half(program, &step, Half::Gradients)?;
        self.traffic.submitted += 1;
        Ok(())
    }

    /// Runs the second half of the step, which updates the parameters; returns its row.
    pub fn end_step(&mut self, device: &Device, program: &Executable, step: &Step) -> Result<Row> {
        let step = Step { row: 0, ..*step };
        device.run_half(program, &step, Half::Update)?;
        let mut bytes = device.read(&self.metrics, 0, ROW as u64 * 4)?;
        bytes.extend(device.read(&self.faults, 0, 4)?);
        self.traffic.submitted += 1;
        self.traffic.retired += 2;
        Ok(rows(&bytes, 1)[0])
    }

    fn in_flight(&self) -> usize {
        match &self.queue {
            Queue::Gpu(ring) => ring.pending.len(),
            Queue::Cpu => 0,
        }
    }

    /// Runs `steps` on the processor; returns their rows, and where other ranks share them, whether all of them end
    /// here, since one has the `wish`.
    ///
    /// Errors where a rank is gone.
    fn compute(
        &mut self,
        program: &CpuProgram,
        steps: &[Step],
        kept: Option<&Kept<'_>>,
        wish: bool,
    ) -> Result<(Vec<Row>, Option<bool>)> {
        let (metrics, faults) = (self.metrics.cpu(), self.faults.cpu());
        let step = |step: &Step| {
            faults.write(0, &[0; 4]);
            let mut agreed = false;
            match kept {
                None => agreed = program.run_shared(step, wish),
                Some(kept) => {
                    program.run(step);
                    kept.copy_on_cpu(step);
                }
            }
            let mut bytes = metrics.read(0, ROW * 4);
            bytes.extend(faults.read(0, 4));
            (rows(&bytes, 1)[0], agreed)
        };
        let is_shared = kept.is_none() && !program.ranks().is_alone();
        let run = || {
            let mut rows = Vec::new();
            for it in steps {
                let (row, agreed) = step(it);
                program.ranks().check()?;
                rows.push(row);
                if is_shared && agreed {
                    return Ok((rows, Some(true)));
                }
            }
            Ok((rows, is_shared.then_some(false)))
        };
        let computed = program.within(run)?;
        self.pace.retired(computed.0.len());
        self.traffic.submitted += 1;
        self.traffic.retired += 1;
        self.traffic.most_in_flight = 1;
        Ok(computed)
    }

    fn submit(&mut self, program: &GpuProgram, steps: &[Step], kept: Option<&Kept<'_>>) {
        let mut encoder = self.encoder();
        if program.by_shards() {
            for (step, row) in steps.iter().zip(0..) {
                let step = self.begin_by_shards(&mut encoder, step);
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                program.encode(&mut pass, &step);
                drop(pass);
                if let Some(kept) = kept {
                    kept.copy(&mut encoder, program, &step);
                }
                self.copy_rows(&mut encoder, [row, steps.len()], 1);
            }
            return self.enqueue(encoder, steps.len());
        }
        // One pass for all steps, unless something is copied between them.
        let together = if kept.is_some() {
            1
        } else {
            steps.len().max(1)
        };
        for (chunk, first) in steps.chunks(together).zip((0..).step_by(together)) {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            let steps = chunk.iter().zip(first..);
            let steps: Vec<Step> = steps.map(|(step, row)| Step { row, ..*step }).collect();
            program.encode_in_a_row(&mut pass, &steps);
            drop(pass);
            if let Some(kept) = kept {
                for step in chunk {
                    kept.copy(&mut encoder, program, step);
                }
            }
        }
        self.copy_rows(&mut encoder, [0, steps.len()], steps.len());
        self.enqueue(encoder, steps.len());
    }

    /// Runs this rank's part of `step`; what comes after the last exchange is queued. Returns whether any rank has the
    /// `wish` to end with this step.
    ///
    /// Errors where a rank does not answer, or the GPU failed.
    fn submit_shared(&mut self, program: &GpuProgram, step: &Step, wish: bool) -> Result<bool> {
        let mut encoder = self.encoder();
        let step = self.begin_by_shards(&mut encoder, step);
        let gpu = self.ring().gpu;
        let (mut encoder, agreed) = program.run_shared(gpu, encoder, &step, None, wish)?;
        self.traffic.submitted += program.meetings();
        self.traffic.retired += program.meetings();
        self.copy_rows(&mut encoder, [0, 1], 1);
        self.enqueue(encoder, 1);
        Ok(agreed)
    }

    /// `step` as programs run it that compute by shards: its row is always the first, whose count of faults the
    /// optimizer adds to.
    fn begin_by_shards(&self, encoder: &mut wgpu::CommandEncoder, step: &Step) -> Step {
        encoder.clear_buffer(self.faults.gpu(), 0, Some(4));
        Step { row: 0, ..*step }
    }

    fn ring(&self) -> &Ring<'d> {
        match &self.queue {
            Queue::Gpu(ring) => ring,
            Queue::Cpu => panic!("{MIXED}"),
        }
    }

    fn encoder(&self) -> wgpu::CommandEncoder {
        let device = self.ring().gpu.device();
        device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    /// Where the next submission leaves its rows: the oldest was retired before it takes its slot.
    fn slot(&self) -> usize {
        let last = self.ring().pending.back();
        last.map_or(0, |last| (last.slot + 1) % IN_FLIGHT)
    }

    /// Copies the first `count` rows of what the programs wrote: to `row` of the next submission's `rows`.
    fn copy_rows(&self, encoder: &mut wgpu::CommandEncoder, [row, rows]: [usize; 2], count: usize) {
        const METRICS: usize = ROW * 4;
        let download = &self.ring().slots[self.slot()];
        let mut copy = |from: &Buffer, to: usize, bytes: usize| {
            download.copy_from(encoder, from.gpu(), 0, to as u64, bytes as u64);
        };
        copy(&self.metrics, row * METRICS, count * METRICS);
        copy(&self.faults, rows * METRICS + row * 4, count * 4);
    }

    fn enqueue(&mut self, encoder: wgpu::CommandEncoder, steps: usize) {
        let slot = self.slot();
        let Queue::Gpu(ring) = &mut self.queue else {
            panic!("{MIXED}");
        };
        let index = ring.gpu.queue().submit([encoder.finish()]);
        ring.slots[slot].start();
        ring.pending.push_back(Pending { index, slot, steps });
        self.traffic.submitted += 1;
        self.traffic.most_in_flight = self.traffic.most_in_flight.max(ring.pending.len());
    }

    /// Waits for the oldest submission and hands over its rows, all of them even where `each`
    /// breaks.
    fn retire(&mut self, each: &mut impl FnMut(Row) -> ControlFlow<()>) -> Result<ControlFlow<()>> {
        let Queue::Gpu(ring) = &mut self.queue else {
            return Ok(ControlFlow::Continue(()));
        };
        let Some(oldest) = ring.pending.pop_front() else {
            return Ok(ControlFlow::Continue(()));
        };
        ring.gpu.wait(Some(oldest.index))?;
        self.traffic.retired += 1;
        self.pace.retired(oldest.steps);
        let rows = ring.slots[oldest.slot].take(|bytes| rows(bytes, oldest.steps))?;
        Ok(hand_over(rows, each))
    }
}

/// A break where all ranks agreed on it.
fn flow(agreed: bool) -> ControlFlow<()> {
    if agreed {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}
