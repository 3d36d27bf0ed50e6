//! Where the time of a step goes: every dispatch timed on the GPU's clock, or by the processor's
//! threads.

use std::time::{Duration, Instant};

use serde_json::json;

use super::cpu::CpuProgram;
use super::described::Described;
use super::device::{Device, Executable, MIXED};
use super::gpu::GpuProgram;
use crate::error::Result;
use crate::gpu::{Gpu, Timestamps};
use crate::kernel::Step;

/// Steps that are not counted: drivers compile shaders when they first run.
const WARM_UP: usize = 2;
/// Steps that are measured: as many as fit the budget, within these bounds.
const FEWEST: usize = 5;
const MOST: usize = 50;
const BUDGET: Duration = Duration::from_secs(2);

/// Times of a few steps, dispatch by dispatch.
#[derive(Debug)]
pub struct Profile {
    described: Vec<Described>,
    /// Per step, the timestamps before each dispatch and at the end, in nanoseconds.
    steps: Vec<Vec<f64>>,
    batch: u32,
    capacity: u32,
}

/// One dispatch of a step, or several of the same kernel and layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The kernel.
    pub kernel: String,
    /// The layer it serves.
    pub layer: String,
    /// Dispatches per step.
    pub calls: usize,
    /// Median seconds per step.
    pub seconds: f64,
    /// Share of the step.
    pub share: f64,
    /// Floating-point operations per second, padding not counted; 0 where there are none.
    pub flops: f64,
    /// Bytes of all bound buffers per second: each counted once, however often it is loaded.
    pub bytes: f64,
}

impl Profile {
    /// Runs `step` of `program` again and again, timing every dispatch.
    ///
    /// Errors where the adapter cannot.
    pub fn measure(device: &Device, program: &Executable, step: &Step) -> Result<Self> {
        let steps = match (device, program) {
            (Device::Gpu(gpu, _), Executable::Gpu(program)) => on_gpu(gpu, program, step)?,
            (Device::Cpu(_), Executable::Cpu(program)) => on_cpu(program, step)?,
            _ => panic!("{MIXED}"),
        };
        Ok(Self {
            described: program.described().to_vec(),
            steps,
            batch: step.batch,
            capacity: program.capacity(),
        })
    }

    /// Steps measured.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Launches of a step: dispatches that run side by side are one.
    pub fn launches(&self) -> usize {
        self.described.len()
    }

    /// Samples of the step.
    pub fn batch(&self) -> u32 {
        self.batch
    }

    /// Median seconds of a whole step.
    pub fn step_seconds(&self) -> f64 {
        let last = self.described.len();
        median(self.steps.iter().map(|times| times[last] - times[0])) * 1e-9
    }

    /// The dispatches by kernel and layer, the slowest first.
    pub fn rows(&self) -> Vec<Row> {
        let whole = self.step_seconds();
        let mut rows: Vec<Row> = Vec::new();
        for (index, it) in self.described.iter().enumerate() {
            let times = self.steps.iter();
            let seconds = median(times.map(|times| times[index + 1] - times[index])) * 1e-9;
            let flops = (it.flops * u64::from(self.batch)) as f64;
            // What is bound is sized for the capacity; a smaller batch touches less of it.
            let bytes = it.bytes as f64 * f64::from(self.batch) / f64::from(self.capacity);
            let same = |row: &&mut Row| row.kernel == it.kernel && row.layer == it.label;
            if let Some(row) = rows.iter_mut().find(same) {
                row.calls += 1;
                row.seconds += seconds;
                row.flops += flops;
                row.bytes += bytes;
            } else {
                rows.push(Row {
                    kernel: it.kernel.clone(),
                    layer: it.label.clone(),
                    calls: 1,
                    seconds,
                    share: 0.0,
                    flops,
                    bytes,
                });
            }
        }
        for row in &mut rows {
            // A clock may tick too coarsely to see a small kernel at all.
            let seconds = row.seconds.max(1e-9);
            row.share = row.seconds / whole;
            row.flops /= seconds;
            row.bytes /= seconds;
        }
        rows.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        rows
    }

    /// All measured steps in the trace event format of Chrome and Perfetto.
    ///
    /// Source: "Trace Event Format", complete events (`"ph": "X"`), microseconds.
    pub fn chrome_trace(&self) -> String {
        let origin = self.steps.first().map_or(0.0, |times| times[0]);
        let mut events = Vec::new();
        for times in &self.steps {
            for (index, it) in self.described.iter().enumerate() {
                events.push(json!({
                    "name": it.kernel,
                    "cat": it.label,
                    "ph": "X",
                    "ts": (times[index] - origin) * 1e-3,
                    "dur": (times[index + 1] - times[index]) * 1e-3,
                    "pid": 1,
                    "tid": 1,
                    "args": { "layer": it.label },
                }));
            }
        }
        json!({ "traceEvents": events, "displayTimeUnit": "ms" }).to_string()
    }
}

/// Runs a step again and again; its timestamps are what `run` returns.
fn measured(mut run: impl FnMut() -> Result<Vec<f64>>) -> Result<Vec<Vec<f64>>> {
    for _ in 0..WARM_UP {
        run()?;
    }
    let start = Instant::now();
    let mut steps = Vec::new();
    while steps.len() < FEWEST || (steps.len() < MOST && start.elapsed() < BUDGET) {
        steps.push(run()?);
    }
    Ok(steps)
}

fn on_gpu(gpu: &Gpu, program: &GpuProgram, step: &Step) -> Result<Vec<Vec<f64>>> {
    let timestamps = Timestamps::new(gpu, program.described().len() + 1)?;
    measured(|| {
        let descriptor = wgpu::CommandEncoderDescriptor::default();
        let mut encoder = gpu.device().create_command_encoder(&descriptor);
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        program.encode_timed(&mut pass, step, &timestamps);
        drop(pass);
        timestamps.submit(gpu, encoder)
    })
}

/// On the processor shards are at different dispatches at the same time. A dispatch's time is what its
/// shards took together, shared among the threads; what the threads waited for each other is spread
/// over all of them, so that the sum is the step's time.
fn on_cpu(program: &CpuProgram, step: &Step) -> Result<Vec<Vec<f64>>> {
    measured(|| {
        program.take_spent();
        let whole = program.within(|| {
            let start = Instant::now();
            program.run(step);
            start.elapsed().as_secs_f64()
        });
        let spent: Vec<f64> = program.take_spent();
        let threads = |dispatch| {
            if program.is_for_whole_batch(dispatch) {
                1.0
            } else {
                program.threads() as f64
            }
        };
        let spent = spent.iter().enumerate();
        let spent: Vec<f64> = spent.map(|(at, it)| it / threads(at)).collect();
        let scale = whole / spent.iter().sum::<f64>().max(1e-9) * 1e9;
        let mut at = 0.0;
        let ends = spent.iter().map(|seconds| {
            at += seconds * scale;
            at
        });
        Ok(std::iter::once(0.0).chain(ends).collect())
    })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
