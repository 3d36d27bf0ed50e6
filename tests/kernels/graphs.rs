//! Small graphs from parameters to outputs, whose loss is a weighted sum of the outputs: on the twins, on a
//! GPU and on the processor.

use std::num::NonZero;
use std::sync::{Arc, OnceLock};

use gpu_train::activation::Activation;
use gpu_train::error::Result;
use gpu_train::exec::{Buffer, Device, Executable, Memory, SharedBuffers, TwinProgram};
use gpu_train::gpu::GpuOptions;
use gpu_train::graph::{
    Graph, Node, Op, Phase, Program, Role, Shape, Tape, Value, differentiate, lower,
};
use gpu_train::kernel::target::{AdapterKind, Target};
use gpu_train::kernel::{Call, Real, Scalar};
use gpu_train::ops;
use gpu_train::ops::activation::activation_forward;
use gpu_train::ops::elementwise::add_forward;
use gpu_train::shape::ImageShape;

use crate::harness::{Random, assert_gradient, batch};

/// Slices of flat buffers start at multiples of so many floats.
const ALIGNMENT: usize = 64;

/// A copy of a batch of `shape`, which may stand in a flat buffer.
fn copy(shape: ImageShape) -> Call {
    activation_forward::call(shape, Activation::Linear).for_whole_batch()
}

/// A batch that is a parameter.
#[derive(Debug)]
struct Source(ImageShape);

impl Op for Source {
    fn call(&self, _target: &Target) -> Call {
        copy(self.0)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let [parameter, output] = [node.inputs[0], node.outputs[0]];
        let gradient = tape.gradient(node, output)?;
        let (offset, len) = (
            tape.graph.parameter_offset(parameter),
            tape.graph.len(parameter),
        );
        let of_parameter = tape
            .graph
            .resident(Role::Gradients, offset, len, Scalar::F32);
        let (inputs, outputs) = (vec![gradient], vec![of_parameter]);
        tape.graph
            .record_call(&node.layer, Phase::Backward, copy(self.0), inputs, outputs);
        Ok(())
    }
}

/// The loss: outputs are kept, their gradients are given.
#[derive(Debug)]
struct WeightedSum {
    shape: ImageShape,
    weights: Value,
}

impl Op for WeightedSum {
    fn call(&self, _target: &Target) -> Call {
        copy(self.shape)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        // What pads the weights is no number of the loss, and no gradient either.
        let (input, weights) = (node.inputs[0], vec![self.weights]);
        let gradient = tape.samples(node, copy(self.shape), weights, input);
        tape.set_gradient(node, input, gradient)
    }
}

/// A graph while it is recorded.
pub struct Recording {
    pub graph: Graph,
    parameters: usize,
    statistics: usize,
}

impl Recording {
    pub fn new(capacity: usize, target: &Target) -> Self {
        Self {
            graph: Graph::new(capacity, target.clone()),
            parameters: 0,
            statistics: 0,
        }
    }

    /// A parameter of `len` floats, behind those before it.
    pub fn parameter(&mut self, len: usize) -> Value {
        let offset = self.parameters;
        self.parameters = (offset + len).next_multiple_of(ALIGNMENT);
        self.graph
            .resident(Role::Parameters, offset, len, Scalar::F32)
    }

    /// Running statistics of `len` floats.
    pub fn statistics(&mut self, len: usize) -> Value {
        let offset = self.statistics;
        self.statistics = (offset + len).next_multiple_of(ALIGNMENT);
        self.graph
            .resident(Role::Statistics, offset, len, Scalar::F32)
    }

    /// A batch of `shape` that is a parameter.
    pub fn source(&mut self, shape: ImageShape) -> Value {
        let parameter = self.parameter(self.graph.capacity * shape.padded_elements());
        let output = self.graph.transient(Shape::Samples(shape), Scalar::F32);
        self.graph
            .record("source", Source(shape), vec![parameter], vec![output]);
        output
    }

    /// The program of all that, and of its gradients if they are asked for.
    pub fn program(mut self, output: Value, fused: bool, gradients: bool) -> Program {
        let shape = self.graph.sample_shape(output);
        let [weights, kept] =
            [(); 2].map(|()| self.graph.transient(Shape::Samples(shape), Scalar::F32));
        self.graph.keep(weights, Role::Targets);
        self.graph.keep(kept, Role::Predictions);
        let loss = WeightedSum { shape, weights };
        self.graph.record("loss", loss, vec![output], vec![kept]);
        if fused {
            ops::fuse(&mut self.graph);
        }
        if gradients {
            differentiate(&mut self.graph, add_forward::sum).expect("has gradients");
        }
        lower(&self.graph)
    }
}

/// Records something from the first to the last value.
pub type Record = fn(&mut Recording) -> Value;

/// What a step reads.
#[derive(Debug, Clone)]
pub struct Given {
    pub parameters: Vec<f64>,
    pub statistics: Vec<f64>,
    pub weights: Vec<f64>,
    pub samples: usize,
}

/// What a step leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    pub outputs: Vec<f64>,
    pub gradients: Vec<f64>,
    pub statistics: Vec<f64>,
}

pub fn portable(kind: AdapterKind) -> Target {
    Target::portable(kind)
}

/// Floats of the buffer of that role; 0 where there is none.
fn len(program: &Program, role: Role) -> usize {
    let found = program.buffers.iter().find(|it| it.role == role);
    found.map_or(0, |it| it.len)
}

impl Given {
    /// Random numbers for `program`, of which a step reads `samples` samples; running variances are positive.
    pub fn random(program: &Program, samples: usize) -> Self {
        let mut random = Random::new(24);
        let mut floats = |role| -> Vec<f64> {
            let floats = random.floats(len(program, role)).into_iter();
            floats.map(f64::from).collect()
        };
        let statistics = floats(Role::Statistics).into_iter();
        Self {
            parameters: floats(Role::Parameters),
            statistics: statistics.map(|it| it + 1.5).collect(),
            weights: floats(Role::Targets),
            samples,
        }
    }

    fn of(&self, role: Role) -> Option<&[f64]> {
        match role {
            Role::Parameters => Some(&self.parameters),
            Role::Statistics => Some(&self.statistics),
            Role::Targets => Some(&self.weights),
            _ => None,
        }
    }
}

impl Left {
    /// The loss: over all samples of the step.
    fn loss(&self, given: &Given) -> f64 {
        assert_eq!(self.outputs.len(), given.weights.len(), "shaped alike");
        let pairs = self.outputs.iter().zip(&given.weights);
        pairs.map(|(output, weight)| output * weight).sum()
    }

    /// The largest difference from `other` as a share of the largest number there, of outputs, gradients and
    /// statistics.
    pub fn distance(&self, other: &Self) -> f64 {
        let distance = |a: &[f64], b: &[f64]| {
            assert_eq!(a.len(), b.len());
            let largest = b.iter().fold(1e-30, |most: f64, it| most.max(it.abs()));
            let pairs = a.iter().zip(b).map(|(a, b)| (a - b).abs());
            // NaN stays.
            pairs.fold(0.0, |most, it| if it <= most { most } else { it }) / largest
        };
        let all = [
            distance(&self.outputs, &other.outputs),
            distance(&self.gradients, &other.gradients),
            distance(&self.statistics, &other.statistics),
        ];
        all.into_iter()
            .fold(0.0, |most, it| if it <= most { most } else { it })
    }
}

/// One step on the twins.
pub fn on_twins<T: Real>(program: &Arc<Program>, given: &Given) -> Left {
    let mut twins = TwinProgram::<T>::new(Arc::clone(program));
    for (spec, memory) in program.buffers.iter().zip(&mut twins.memory) {
        if let (Some(floats), Memory::Real(memory)) = (given.of(spec.role), memory) {
            *memory = floats.iter().map(|&it| T::of(it)).collect();
        }
    }
    twins.run(&batch(given.samples));
    let mut read = |role| {
        let index = program.buffers.iter().position(|it| it.role == role);
        let floats = index.map(|it| twins.memory[it].real().iter());
        floats.map_or(Vec::new(), |it| it.map(|it| it.wide()).collect())
    };
    Left {
        outputs: read(Role::Predictions),
        gradients: read(Role::Gradients),
        statistics: read(Role::Statistics),
    }
}

/// What outlives a step.
const ROLES: [Role; 5] = [
    Role::Parameters,
    Role::Statistics,
    Role::Targets,
    Role::Predictions,
    Role::Gradients,
];

/// One step on a device; scratch holds what a step before it left there.
pub fn on_device(device: &Device, program: &Program, given: &Given) -> Left {
    let mut shared = SharedBuffers::new();
    for role in ROLES {
        let bytes = len(program, role).max(1) as u64 * 4;
        let buffer = device.storage(&role.to_string(), bytes).expect("fits");
        shared.insert(role, buffer);
    }
    let write = |role| {
        let floats = given.of(role).expect("is given").iter();
        let floats: Vec<f32> = floats.map(|&it| it as f32).collect();
        if len(program, role) == 0 {
            return;
        }
        let written = device.write(&shared[&role], 0, bytemuck::cast_slice(&floats));
        written.expect("fits");
    };
    let executable = Executable::new(device, program, &shared).expect("fits");
    write(Role::Parameters);
    write(Role::Targets);
    // A step of the largest batch first: what is left of it must not matter.
    for samples in [program.capacity, given.samples] {
        write(Role::Statistics);
        device.clear([&shared[&Role::Predictions], &shared[&Role::Gradients]]);
        device.run_once(&executable, &batch(samples));
    }
    let read = |role| {
        let bytes = len(program, role) as u64 * 4;
        if bytes == 0 {
            return Vec::new();
        }
        let buffer: &Buffer = &shared[&role];
        let bytes = device.read(buffer, 0, bytes).expect("is readable");
        let floats: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes);
        floats.into_iter().map(f64::from).collect()
    };
    Left {
        outputs: read(Role::Predictions),
        gradients: read(Role::Gradients),
        statistics: read(Role::Statistics),
    }
}

/// The GPU that all tests of graphs share.
pub fn gpu() -> &'static Device {
    static GPU: OnceLock<Device> = OnceLock::new();
    GPU.get_or_init(|| {
        let options = GpuOptions {
            device: Some("0".to_owned()),
            ..GpuOptions::default()
        };
        Device::open(&options).expect("these tests need a GPU adapter; `make test` sees to one")
    })
}

/// The processor with that many threads.
pub fn cpu(threads: usize) -> Device {
    let options = GpuOptions {
        device: Some("cpu".to_owned()),
        threads: NonZero::new(threads),
        ..GpuOptions::default()
    };
    Device::open(&options).expect("starts its threads")
}

/// The program of `record` on batches of up to `capacity`.
pub fn program(record: Record, capacity: usize, target: &Target, fused: bool) -> Program {
    let mut recording = Recording::new(capacity, target);
    let output = record(&mut recording);
    recording.program(output, fused, true)
}

/// Asserts that the gradients of all parameters are the derivatives of the loss, fused and not.
pub fn assert_derivatives(record: Record, capacity: usize, what: &str) {
    for fused in [false, true] {
        let program = Arc::new(program(
            record,
            capacity,
            &portable(AdapterKind::Gpu),
            fused,
        ));
        let given = Given::random(&program, capacity);
        let gradients = on_twins::<f64>(&program, &given).gradients;
        let loss = |at: &[f64]| {
            let moved = Given {
                parameters: at.to_vec(),
                ..given.clone()
            };
            on_twins::<f64>(&program, &moved).loss(&moved)
        };
        let what = format!("{what}, fused {fused}");
        assert_gradient(&given.parameters, &gradients, loss, &what);
    }
}

/// Asserts that a GPU and the processor compute what the twins do, fused and not, on full and on small
/// batches; the processor the same bits with any number of threads.
pub fn assert_devices(record: Record, capacity: usize, what: &str) {
    for samples in [capacity, capacity.div_ceil(3), 1] {
        let mut all = Vec::new();
        for fused in [false, true] {
            let on_gpu = program(record, capacity, &portable(AdapterKind::Gpu), fused);
            let given = Given::random(&on_gpu, samples);
            all.push(on_device(gpu(), &on_gpu, &given));
            let threads = [1, 3].map(|threads| {
                let device = cpu(threads);
                let on_cpu = program(record, capacity, device.target(), fused);
                on_device(&device, &on_cpu, &given)
            });
            assert_eq!(threads[0], threads[1], "{what}, {samples}, fused {fused}");
            all.extend(threads);
            all.push(on_twins::<f64>(&Arc::new(on_gpu), &given));
        }
        let twins = all.pop().expect("there are some");
        for left in all {
            let distance = left.distance(&twins);
            assert!(distance < 1e-4, "{what}, {samples} samples: {distance:e}");
        }
    }
}
