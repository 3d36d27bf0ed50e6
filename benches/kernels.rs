//! Every kernel of our nets on its own: `cargo bench --bench kernels [-- FILTER] [OPTIONS]`.
//!
//! Each net's training step is walked through dispatch by dispatch, and each dispatch repeated on
//! the data that it meets there (how sparse a gradient is can matter). First the step as it is
//! trained, then what only the unfused step has: the kernels that fusion replaced. `gpu-train
//! --profile` times the dispatches within a running step instead.
//!
//! The rate counts the multiply-adds of the unpadded problem, two per product; the traffic what
//! must be read and written once, however often a kernel loads it. Percentages are of what the
//! adapter can do at best, measured when the bench starts. "first" is the first run, which compiles
//! the pipeline on drivers that do so late: with `MESA_SHADER_CACHE_DISABLE=true` on software Vulkan.

mod nets;

use std::collections::HashSet;
use std::time::Instant;

use clap::Parser;
use gpu_train::data::{Dataset, house_digits};
use gpu_train::error::Result;
use gpu_train::exec::{Ceilings, Device, GpuBuffers, GpuProgram};
use gpu_train::gpu::{Gpu, GpuOptions};
use gpu_train::graph::{BufferSlice, BufferSpec, Dispatch, Extent, Phase, Program, Role};
use gpu_train::kernel::{Access, Scalar, Step};
use gpu_train::nn::{
    Activation, Adam, Network, Optimizer as _, ProgramOptions, Update, initial_parameters,
    training_program,
};
use gpu_train::ops::batch::epoch_permutation;
use gpu_train::ops::batch::gather::ResidentLayout;

use nets::{Net, median};

const SUBMISSIONS: usize = 10;
const CEILING_TRIES: usize = 5;
/// What one submission takes at least, so that starting it does not show.
const MILLISECONDS: f64 = 20.0;

/// Time, arithmetic rate and traffic of every kernel at the shapes of our nets.
#[derive(Parser)]
struct Options {
    /// Only rows whose name, such as `gather cnn data`, contains this
    filter: Option<String>,
    /// Samples of the step
    #[arg(long, value_name = "N", default_value_t = 128)]
    batch_size: usize,
    /// Adapter by number or part of its name; see `gpu-train devices`
    #[arg(long, value_name = "INDEX-or-NAME", default_value = "0")]
    device: String,
    /// What `cargo bench` passes
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let device = Device::open(&GpuOptions {
        device: Some(options.device.clone()),
        ..GpuOptions::default()
    })?;
    let gpu = device.gpu("this bench")?;
    let ceilings = ceilings(&device)?;
    let adapter = gpu.description();
    println!("{} ({})", adapter.name, adapter.driver_version);
    println!(
        "ceilings: {:.1} GFLOP/s in registers, {:.1} GB/s of vec4 loads, {:.1} us per empty \
         dependent dispatch",
        ceilings.flops / 1e9,
        ceilings.load_bytes / 1e9,
        ceilings.dispatch_seconds * 1e6,
    );
    println!("batch {}", options.batch_size);
    println!(
        "{:<33} {:<24} {:>7} {:>8} {:>8} {:>5} {:>7} {:>5}",
        "kernel", "net, layer", "first", "ms", "GFLOP/s", "peak", "GB/s", "loads"
    );
    let bench = Bench {
        data: house_digits::generate(nets::IMAGES.max(options.batch_size), 1, 0)?.train,
        gpu,
        ceilings,
        options,
    };
    bench.shuffle()?;
    for net in nets::all() {
        bench.net(&net)?;
    }
    Ok(())
}

/// The best of several measurements: whatever else the machine does only slows them down.
fn ceilings(device: &Device) -> Result<Ceilings> {
    let mut best = Ceilings::measure(device)?;
    for _ in 1..CEILING_TRIES {
        let next = Ceilings::measure(device)?;
        best = Ceilings {
            flops: best.flops.max(next.flops),
            load_bytes: best.load_bytes.max(next.load_bytes),
            dispatch_seconds: best.dispatch_seconds.min(next.dispatch_seconds),
        };
    }
    Ok(best)
}

struct Bench<'d> {
    gpu: &'d Gpu,
    ceilings: Ceilings,
    data: Dataset,
    options: Options,
}

impl Bench<'_> {
    /// The order of an epoch: once per epoch, not per step.
    fn shuffle(&self) -> Result<()> {
        let len = self.data.len();
        let buffers = vec![BufferSpec {
            role: Role::Order,
            scalar: Scalar::U32,
            len,
        }];
        let shuffle = Dispatch {
            label: "shuffle, per epoch".to_owned(),
            phase: Phase::Forward,
            call: epoch_permutation::call(len, [1, 2], true),
            slices: vec![BufferSlice {
                buffer: 0,
                offset: 0,
                len,
                extent: Extent::Whole,
            }],
        };
        let program = Program::of(len, buffers, vec![shuffle]);
        let wanted = self.wanted("all", &program.dispatches[0]);
        self.dispatch("all", &program, 0, &GpuBuffers::new(), wanted)
    }

    /// Walks through the fused and the unfused step.
    fn net(&self, net: &Net) -> Result<()> {
        let network = Network::new(net.kind, &net.sizes, Activation::Relu, self.data.shape())?;
        let mut seen = HashSet::new();
        for fuse in [true, false] {
            let program = self.program(&network, fuse)?;
            let shared = self.buffers(&network, &program)?;
            let name = |it: &Dispatch| (it.call.kernel.name, it.label.clone());
            for (index, dispatch) in program.dispatches.iter().enumerate() {
                let wanted = self.wanted(net.name, dispatch) && !seen.contains(&name(dispatch));
                self.dispatch(net.name, &program, index, &shared, wanted)?;
            }
            seen.extend(program.dispatches.iter().map(name));
        }
        Ok(())
    }

    /// Whether the filter asks for this row.
    fn wanted(&self, net: &str, dispatch: &Dispatch) -> bool {
        let row = format!("{} {net} {}", dispatch.call.kernel.name, dispatch.label);
        row.contains(self.options.filter.as_deref().unwrap_or_default())
    }

    fn program(&self, network: &Network, fuse: bool) -> Result<Program> {
        let options = ProgramOptions {
            objective: std::sync::Arc::new(gpu_train::Regression::default()),
            capacity: self.options.batch_size,
            rows: 1,
            target: self.gpu.target().clone(),
            fuse,
        };
        let adam = Adam::default();
        let update = Update::of(&adam);
        training_program(network, &self.layout(), &options, update)
    }

    /// The images in one part: they are few.
    fn layout(&self) -> ResidentLayout {
        ResidentLayout::new(self.data.len(), self.data.shape().elements(), u64::MAX)
            .expect("images fit into unlimited bindings")
    }

    /// The program's buffers, with images, a shuffled order and initial weights.
    fn buffers(&self, network: &Network, program: &Program) -> Result<GpuBuffers> {
        let table = &network.parameters;
        let [weights, statistics] = table.pack(&initial_parameters(table, 0));
        let order = order(self.data.len());
        let mut shared = GpuBuffers::new();
        for spec in &program.buffers {
            let bytes: &[u8] = match spec.role {
                // An image is a multiple of 16 bytes: none needs padding.
                Role::Images(_) => self.data.images(),
                Role::Targets => bytemuck::cast_slice(self.data.targets()),
                Role::Order => bytemuck::cast_slice(&order),
                Role::Parameters => bytemuck::cast_slice(&weights),
                Role::Statistics => bytemuck::cast_slice(&statistics[..spec.len]),
                _ => &[],
            };
            let name = spec.role.to_string();
            let buffer = self.gpu.storage(&name, spec.len as u64 * 4)?;
            self.gpu.write(&buffer, 0, bytes)?;
            shared.insert(spec.role, buffer);
        }
        Ok(shared)
    }

    /// Runs dispatch `index` once, and if `timed` as often as it takes to time it.
    fn dispatch(
        &self,
        net: &str,
        program: &Program,
        index: usize,
        shared: &GpuBuffers,
        timed: bool,
    ) -> Result<()> {
        let dispatch = &program.dispatches[index];
        let alone = Program {
            dispatches: vec![dispatch.clone()],
            ..program.clone()
        };
        let alone = alone.apart();
        let alone = GpuProgram::new(self.gpu, &alone, shared)?;
        let first = self.submit(&alone, 1)?;
        if !timed {
            return Ok(());
        }
        let calls = (MILLISECONDS / self.submit(&alone, 1)?).ceil();
        let calls = calls.clamp(1.0, 200.0) as usize;
        let times = (0..SUBMISSIONS).map(|_| self.submit(&alone, calls));
        let milliseconds = median(times.collect::<Result<Vec<f64>>>()?);
        let per_second = |count: u64| count as f64 / milliseconds * 1e3;
        let flops = per_second(dispatch.call.flops * self.options.batch_size as u64);
        let traffic = per_second(self.traffic(program, dispatch));
        let percent = |part: f64, whole: f64| format!("{:.0}%", 100.0 * part / whole);
        let (rate, peak) = if flops > 0.0 {
            let rate = format!("{:.1}", flops / 1e9);
            (rate, percent(flops, self.ceilings.flops))
        } else {
            (String::new(), String::new())
        };
        println!(
            "{:<33} {:<24} {first:>7.0} {milliseconds:>8.3} {rate:>8} {peak:>5} {:>7.2} {:>5}",
            dispatch.call.kernel.name,
            format!("{net} {}", dispatch.label),
            traffic / 1e9,
            percent(traffic, self.ceilings.load_bytes),
        );
        Ok(())
    }

    /// Milliseconds per call.
    fn submit(&self, program: &GpuProgram, calls: usize) -> Result<f64> {
        let step = Step::of(0, self.options.batch_size);
        // Adam's moments move, weights do not: the next net's data stay what they are.
        let step = Adam::default().step(step, 0.0, 1);
        let start = Instant::now();
        let descriptor = wgpu::CommandEncoderDescriptor::default();
        let mut encoder = self.gpu.device().create_command_encoder(&descriptor);
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for _ in 0..calls {
            program.encode(&mut pass, &step);
        }
        drop(pass);
        let submission = self.gpu.queue().submit([encoder.finish()]);
        self.gpu.wait(Some(submission))?;
        Ok(start.elapsed().as_secs_f64() * 1e3 / calls as f64)
    }

    /// Bytes that the dispatch must read and write.
    fn traffic(&self, program: &Program, dispatch: &Dispatch) -> u64 {
        let batch = self.options.batch_size;
        let bound = &dispatch.slices;
        let bindings = dispatch.call.kernel.bindings.iter().zip(bound).enumerate();
        // What is bound twice, for want of anything to bind, is read once.
        let once = bindings.filter(|(at, (_, slice))| !bound[..*at].contains(slice));
        let bytes = once.map(|(_, (binding, slice))| {
            let role = program.buffers[slice.buffer].role;
            match (role, binding.access) {
                // Of the data set, a step reads one batch; parts that are not in use are bound to
                // the first.
                (Role::Images(_), _) if binding.name != "images_0" => 0,
                (Role::Images(_), _) => batch * self.data.shape().elements(),
                (Role::Targets | Role::Order, Access::Read) => batch * 4,
                _ => slice.len * 4,
            }
        });
        bytes.sum::<usize>() as u64
    }
}

/// A permutation of `count` images without a pattern that caches could follow.
fn order(count: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.sort_by_key(|&index| {
        index
            .wrapping_add(1)
            .wrapping_mul(0x9E37_79B9)
            .rotate_left(13)
    });
    order
}
