//! Keeps the device busy: many steps per submission, a few submissions to a GPU in flight, and what
//! each step reported read back when its submission retires.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::cpu::CpuProgram;
use super::device::{Buffer, Device, Executable, MIXED};
use super::gpu::GpuProgram;
use super::pace::Pace;
use crate::error::Result;
use crate::gpu::{Download, Gpu};
use crate::graph::Half;
use crate::kernel::Step;
use crate::ops::loss::ROW;
use crate::ranks::Ranks;

/// Most steps of one submission: rows of the metrics buffer.
pub const MAX_STEPS: usize = 256;

/// Submissions that are queued before the oldest is waited for: unbounded, they would eat memory
/// until the device is lost (gfx-rs/wgpu#3806).
const IN_FLIGHT: usize = 3;

/// What one step reported.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The metrics that the loss kernel wrote.
    pub metrics: [f32; ROW],
    /// Non-finite gradients that the optimizer met.
    pub faults: u32,
}

impl Row {
    /// Samples of the step's batch.
    pub fn samples(&self) -> usize {
        self.metrics[ROW - 1] as usize
    }
}

/// What [`Submissions::run_keeping`] keeps of every step: the part of a buffer that its batch wrote.
#[derive(Debug)]
pub struct Kept<'b> {
    /// Written by every step anew, from its start.
    pub from: &'b Buffer,
    /// Where it goes, by the position of the batch.
    pub to: &'b Buffer,
    /// Bytes of one sample in both.
    pub sample_bytes: u64,
}

impl Kept<'_> {
    /// First byte and number of bytes that `step` writes.
    fn range(&self, step: &Step) -> [u64; 2] {
        [step.batch_start, step.batch].map(|samples| u64::from(samples) * self.sample_bytes)
    }

    fn copy(&self, encoder: &mut wgpu::CommandEncoder, step: &Step) {
        let [start, length] = self.range(step);
        encoder.copy_buffer_to_buffer(self.from.gpu(), 0, self.to.gpu(), start, length);
    }

    fn copy_on_cpu(&self, step: &Step) {
        let [start, length] = self.range(step);
        let bytes = self.from.cpu().read(0, length as usize);
        self.to.cpu().write(start as usize, &bytes);
    }
}

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
            Device::Gpu(gpu) => {
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
                        match agreed {
                            None => flow,
                            Some(true) => ControlFlow::Break(()),
                            Some(false) => ControlFlow::Continue(()),
                        }
                    });
                }
                (Queue::Gpu(ring), Executable::Gpu(_)) if ring.pending.len() == IN_FLIGHT => {
                    result = self.retire(&mut each);
                }
                (Queue::Gpu(_), Executable::Gpu(program)) => {
                    let chunk = chunk(&self.pace, &mut steps);
                    self.submit(program, &chunk, kept);
                }
                _ => panic!("{MIXED}"),
            }
        }
        if let (Executable::Cpu(program), None, Ok(ControlFlow::Continue(()))) =
            (program, kept, &result)
        {
            result = ended(program.ranks(), wish);
        }
        while self.in_flight() > 0 {
            let retired = self.retire(&mut each);
            result = match (result, retired) {
                (Ok(ControlFlow::Break(())), Ok(_)) => Ok(ControlFlow::Break(())),
                (result, retired) => result.and(retired),
            };
        }
        result
    }

    /// Runs the first half of one step of `program`: its gradients are there afterwards.
    pub fn begin_step(&mut self, device: &Device, program: &Executable, step: &Step) -> Result<()> {
        device.write(&self.faults, 0, &[0; 4])?;
        let step = Step { row: 0, ..*step };
        device.run_half(program, &step, Half::Gradients);
        self.traffic.submitted += 1;
        Ok(())
    }

    /// Runs the second half of the step, which updates the parameters; returns its row.
    pub fn end_step(&mut self, device: &Device, program: &Executable, step: &Step) -> Result<Row> {
        let step = Step { row: 0, ..*step };
        device.run_half(program, &step, Half::Update);
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
        let Queue::Gpu(ring) = &mut self.queue else {
            panic!("{MIXED}");
        };
        // The oldest submission was retired before this one takes its slot.
        let slot = (ring.pending.back()).map_or(0, |last| (last.slot + 1) % IN_FLIGHT);
        let device = ring.gpu.device();
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        // One pass for all steps, unless something is copied between them.
        let together = if kept.is_some() {
            1
        } else {
            steps.len().max(1)
        };
        for (chunk, first) in steps.chunks(together).zip((0..).step_by(together)) {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for (step, row) in chunk.iter().zip(first..) {
                program.encode(&mut pass, &Step { row, ..*step });
            }
            drop(pass);
            if let Some(kept) = kept {
                for step in chunk {
                    kept.copy(&mut encoder, step);
                }
            }
        }
        let rows = steps.len() as u64;
        let metrics_bytes = rows * ROW as u64 * 4;
        let download = &ring.slots[slot];
        download.copy_from(&mut encoder, self.metrics.gpu(), 0, 0, metrics_bytes);
        download.copy_from(&mut encoder, self.faults.gpu(), 0, metrics_bytes, rows * 4);
        let index = ring.gpu.queue().submit([encoder.finish()]);
        download.start();
        ring.pending.push_back(Pending {
            index,
            slot,
            steps: steps.len(),
        });
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

/// Whether any of `ranks` that have run all of their steps wished to end before.
fn ended(ranks: &Ranks, wish: bool) -> Result<ControlFlow<()>> {
    let [wished] = ranks.any([wish])?;
    Ok(if wished {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    })
}

/// Hands all of `rows` to `each`, also where it breaks.
fn hand_over(rows: Vec<Row>, each: &mut impl FnMut(Row) -> ControlFlow<()>) -> ControlFlow<()> {
    let mut flow = ControlFlow::Continue(());
    for row in rows {
        let next = each(row);
        flow = if flow.is_break() { flow } else { next };
    }
    flow
}

fn rows(bytes: &[u8], steps: usize) -> Vec<Row> {
    let words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes[..steps * (ROW + 1) * 4]);
    let (metrics, faults) = words.split_at(steps * ROW);
    let row = |(metrics, faults): (&[u32], &u32)| Row {
        metrics: std::array::from_fn(|index| f32::from_bits(metrics[index])),
        faults: *faults,
    };
    metrics.chunks_exact(ROW).zip(faults).map(row).collect()
}
