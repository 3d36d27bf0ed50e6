//! The device: one logical connection to an adapter, and what it reports when something fails.

use std::collections::HashMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::adapter::{self, AdapterDescription};
use super::pipeline::{Pipeline, PipelineSpec};
use super::pipeline_cache::PipelineCache;
use crate::error::{Error, Result};
use crate::kernel::limits::IMMEDIATE_BYTES;
use crate::kernel::target::Target;

/// What timing single dispatches takes.
const TIMESTAMPS: wgpu::Features =
    wgpu::Features::TIMESTAMP_QUERY.union(wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES);

/// What is used where the adapter has it.
const OPTIONAL: wgpu::Features = TIMESTAMPS.union(wgpu::Features::PIPELINE_CACHE);

/// How to open a [`Gpu`].
#[derive(Debug, Clone, Default)]
pub struct GpuOptions {
    /// Number or part of the name of the adapter, or several with commas between them; the first one (a GPU before a
    /// software adapter) where it is `None`.
    pub device: Option<String>,
    /// Which of the processes of this machine that share batches this is, from 0: they take the adapters that `device`
    /// names (or all GPUs, without a name) in turn.
    pub turn: usize,
    /// Threads of the processor, where that is the device; else, or by `None`, one per core.
    pub threads: Option<NonZero<usize>>,
    /// Compile shaders with bounds checks: slower, for debugging kernels.
    pub checked: bool,
    /// Pretend that a storage binding may span no more than this many bytes, to test splitting.
    pub binding_bytes: Option<u64>,
    /// Folder in which [`Gpu::keep_pipelines`] keeps what the driver compiled, and from which it is
    /// taken; without one, every run compiles anew, as far as the driver keeps nothing itself.
    ///
    /// What it holds is trusted like code, since it is handed to the driver: let nobody write there
    /// who may not run programs as you. Our checksum stops accidents, and nobody's malice.
    pub cache: Option<PathBuf>,
    /// Make the kernel of this name leave what its first workgroup writes unwritten, to test that
    /// it is noticed.
    pub break_kernel: Option<String>,
}

/// A device, its queue and the pipelines made so far.
#[derive(Debug)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) checked: bool,
    pub(super) break_kernel: Option<String>,
    timestamps: bool,
    pub(super) pipeline_cache: Option<PipelineCache>,
    pub(super) pipelines: Mutex<HashMap<PipelineSpec, Arc<Pipeline>>>,
    description: AdapterDescription,
    failure: Arc<Mutex<Option<String>>>,
    waits: AtomicUsize,
}

impl Gpu {
    /// Opens the adapter that `options` ask for.
    ///
    /// Errors where there is none, or none of that name, or it lacks what the kernels need.
    pub fn open(options: &GpuOptions) -> Result<Self> {
        Self::of(
            adapter::choose(options.device.as_deref(), options.turn)?,
            options,
        )
    }

    /// Opens the first adapter that is no software, or the one whose turn it is; `None` where there is none.
    ///
    /// Errors where it lacks what the kernels need.
    pub fn open_hardware(options: &GpuOptions) -> Result<Option<Self>> {
        let found = adapter::choose_hardware(options.turn);
        found.map(|it| Self::of(it, options)).transpose()
    }

    fn of(
        (adapter, mut description): (wgpu::Adapter, AdapterDescription),
        options: &GpuOptions,
    ) -> Result<Self> {
        if let Some(bytes) = options.binding_bytes {
            let limit = &mut description.target.limits.binding_bytes;
            *limit = bytes.min(*limit);
        }
        let (device, queue) = request_device(&adapter, &description)?;
        let failure = Arc::new(Mutex::new(None));
        let first = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            record(&first, format!("the GPU reported an error: {error}"));
        }));
        let first = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                record(&first, format!("the GPU was lost: {message}"));
            }
        });
        let folder = options.cache.as_deref();
        let pipeline_cache =
            folder.and_then(|folder| PipelineCache::open(&device, &adapter, &description, folder));
        Ok(Self {
            pipeline_cache,
            timestamps: device.features().contains(TIMESTAMPS),
            device,
            queue,
            checked: options.checked,
            break_kernel: options.break_kernel.clone(),
            pipelines: Mutex::default(),
            description,
            failure,
            waits: AtomicUsize::new(0),
        })
    }

    /// The adapter behind this device.
    pub fn description(&self) -> &AdapterDescription {
        &self.description
    }

    /// What programs for this device are compiled for.
    pub fn target(&self) -> &Target {
        &self.description.target
    }

    /// The wgpu device, for encoding.
    pub fn device(&self) -> &wgpu::Device {
        &self.device
    }

    /// The wgpu queue, for submitting.
    pub fn queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    /// Whether single dispatches can be timed.
    pub fn has_timestamps(&self) -> bool {
        self.timestamps
    }

    /// The first failure that the device reported on its own, if any: out of memory, lost, …
    pub fn check(&self) -> Result<()> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match failure.as_ref() {
            None => Ok(()),
            Some(what) => Err(Error::gpu(
                what.clone(),
                "try a smaller `batch_size`, another `device`, or `checked` to look for the cause",
            )),
        }
    }

    /// How often this process waited for the device: by [`Gpu::wait`], through which every way of
    /// reading back goes.
    pub fn waits(&self) -> usize {
        self.waits.load(Ordering::Relaxed)
    }

    /// Waits until `submission` (or all work, where `None`) is done.
    pub fn wait(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        self.waits.fetch_add(1, Ordering::Relaxed);
        let polled = self.device.poll(wgpu::PollType::Wait {
            submission_index: submission,
            timeout: None,
        });
        self.check()?;
        polled.map(drop).map_err(|error| {
            Error::gpu(
                format!("waiting for the GPU failed: {error}"),
                "try another `device`; `gpu-train devices` lists them",
            )
        })
    }
}

fn record(first: &Mutex<Option<String>>, message: String) {
    let mut failure = first.lock().unwrap_or_else(PoisonError::into_inner);
    failure.get_or_insert(message);
}

fn request_device(
    adapter: &wgpu::Adapter,
    description: &AdapterDescription,
) -> Result<(wgpu::Device, wgpu::Queue)> {
    let unfit = |what: String| {
        Error::gpu(
            format!("adapter '{}' {what}", description.name),
            "choose another with `device`; `gpu-train devices` lists them",
        )
    };
    let have = adapter.limits();
    if !adapter.features().contains(wgpu::Features::IMMEDIATES)
        || have.max_immediate_size < IMMEDIATE_BYTES
    {
        return Err(unfit("has no immediates (push constants)".to_owned()));
    }
    let asked = &description.target.limits;
    // The default for these is a million, which costs some drivers memory.
    let required_limits = wgpu::Limits {
        max_storage_buffer_binding_size: asked.binding_bytes,
        max_buffer_size: asked.buffer_bytes,
        max_immediate_size: IMMEDIATE_BYTES,
        max_compute_workgroup_storage_size: asked.workgroup_bytes,
        max_compute_workgroups_per_dimension: asked.workgroups,
        max_compute_invocations_per_workgroup: asked.workgroup_threads,
        max_compute_workgroup_size_x: asked.workgroup_threads,
        max_storage_buffers_per_shader_stage: asked.storage_buffers,
        max_non_sampler_bindings: 4096,
        ..wgpu::Limits::default()
    };
    let request = adapter.request_device(&wgpu::DeviceDescriptor {
        label: Some("gpu-train"),
        required_features: wgpu::Features::IMMEDIATES | (adapter.features() & OPTIONAL),
        required_limits,
        ..wgpu::DeviceDescriptor::default()
    });
    pollster::block_on(request).map_err(|error| unfit(format!("cannot be opened: {error}")))
}
