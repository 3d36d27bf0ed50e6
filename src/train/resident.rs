//! A data set on the GPU: images as packed bytes, targets, and the order of the epoch.

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::exec::{GpuProgram, SharedBuffers};
use crate::gpu::{Gpu, Upload};
use crate::graph::{BufferSlice, BufferSpec, Dispatch, Phase, Program, Role};
use crate::kernels::gather::{PARTS, ResidentLayout};
use crate::kernels::{Scalar, Step, epoch_permutation};
use crate::random::{self, Purpose};
use crate::shape::ImageShape;

/// A data set in GPU memory.
#[derive(Debug)]
pub struct ResidentDataset {
    /// How the images lie.
    pub layout: ResidentLayout,
    /// Shape of one image.
    pub shape: ImageShape,
    /// Whether every target is a whole number, so that rounded accuracy means something.
    pub whole_targets: bool,
    buffers: SharedBuffers,
}

/// A training and a test set in GPU memory.
#[derive(Debug)]
pub struct ResidentSplit {
    /// What is trained on.
    pub train: ResidentDataset,
    /// What is only evaluated on.
    pub test: ResidentDataset,
}

impl ResidentDataset {
    /// How `data` would lie on an adapter that binds `binding_bytes` at once.
    ///
    /// Errors where it does not fit into as many bindings as the gather kernel has.
    pub fn layout(data: &Dataset, binding_bytes: u64) -> Result<ResidentLayout> {
        let elements = data.shape().elements();
        let layout = ResidentLayout::new(data.len(), elements, binding_bytes);
        layout.ok_or_else(|| {
            Error::gpu(
                format!(
                    "{} images of {} need {} bytes on the GPU; this adapter can bind {PARTS} times {binding_bytes}",
                    data.len(),
                    data.shape(),
                    data.len() * elements.next_multiple_of(16),
                ),
                "use fewer or smaller images, or another --device",
            )
        })
    }

    pub(super) fn upload(gpu: &Gpu, data: &Dataset) -> Result<Self> {
        let layout = Self::layout(data, gpu.target().limits.binding_bytes)?;
        let mut buffers = SharedBuffers::new();
        for part in 0..layout.parts() {
            let buffer = upload_part(gpu, data, &layout, part)?;
            buffers.insert(Role::Images(part as u8), buffer);
        }
        let targets = gpu.storage("targets", data.len() as u64 * 4)?;
        gpu.write(&targets, 0, bytemuck::cast_slice(data.targets()))?;
        buffers.insert(Role::Targets, targets);
        let order = gpu.storage("order", data.len() as u64 * 4)?;
        buffers.insert(Role::Order, order);
        let resident = Self {
            layout,
            shape: data.shape(),
            whole_targets: data.targets().iter().all(|target| target.fract() == 0.0),
            buffers,
        };
        // File order until a trainer shuffles.
        let in_order = Permutation::new(gpu, &resident, None)?;
        in_order.run(gpu, 0);
        gpu.wait(None)?;
        Ok(resident)
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.layout.count
    }

    /// False: there are no empty data sets.
    pub fn is_empty(&self) -> bool {
        self.layout.count == 0
    }

    /// The buffers, by role.
    pub(super) fn buffers(&self) -> &SharedBuffers {
        &self.buffers
    }
}

fn upload_part(
    gpu: &Gpu,
    data: &Dataset,
    layout: &ResidentLayout,
    part: usize,
) -> Result<wgpu::Buffer> {
    let buffer = gpu.storage("images", layout.part_words(part) as u64 * 4)?;
    let elements = data.shape().elements();
    let padding = vec![0; layout.image_words * 4 - elements];
    let first = part * layout.images_per_part;
    let last = (first + layout.images_per_part).min(data.len());
    let mut upload = Upload::new(gpu, &buffer, 0);
    for image in data.images()[first * elements..last * elements].chunks_exact(elements) {
        upload.push(image)?;
        upload.push(&padding)?;
    }
    upload.finish()?;
    Ok(buffer)
}

/// Writes the order of an epoch into a data set's order buffer, on the GPU.
#[derive(Debug)]
pub(super) struct Permutation(GpuProgram);

impl Permutation {
    /// The permutation keyed by `seed`, or file order where it is `None`.
    pub(super) fn new(gpu: &Gpu, data: &ResidentDataset, seed: Option<u64>) -> Result<Self> {
        let count = data.len();
        let key = seed.map(|seed| random::key(seed, Purpose::Shuffle));
        let program = Program {
            capacity: count,
            buffers: vec![BufferSpec {
                role: Role::Order,
                scalar: Scalar::U32,
                len: count,
            }],
            dispatches: vec![Dispatch {
                label: "shuffle".to_owned(),
                phase: Phase::Forward,
                call: epoch_permutation::call(count, key.unwrap_or_default(), key.is_some()),
                slices: vec![BufferSlice {
                    buffer: 0,
                    offset: 0,
                    len: count,
                }],
            }],
        };
        GpuProgram::new(gpu, &program, &data.buffers).map(Self)
    }

    /// Submits the permutation of `epoch`, counted from 0.
    pub(super) fn run(&self, gpu: &Gpu, epoch: u32) {
        let mut encoder = gpu
            .device()
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        let step = Step {
            epoch,
            ..Step::default()
        };
        self.0.encode(&mut pass, &step);
        drop(pass);
        gpu.queue().submit([encoder.finish()]);
    }
}
