//! The device: one logical connection to an adapter, and what it reports when something fails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::adapter::{self, AdapterDescription};
use super::pipeline::{Pipeline, PipelineSpec};
use crate::error::{Error, Result};
use crate::kernel_limits::IMMEDIATE_BYTES;
use crate::target::Target;

/// What timing single dispatches takes.
const TIMESTAMPS: wgpu::Features =
    wgpu::Features::TIMESTAMP_QUERY.union(wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES);

/// How to open a [`Gpu`].
#[derive(Debug, Clone, Default)]
pub struct GpuOptions {
    /// Number or part of the name of the adapter; the first one (a GPU before a software adapter)
    /// where it is `None`.
    pub device: Option<String>,
    /// Compile shaders with bounds checks: slower, for debugging kernels.
    pub checked: bool,
    /// Pretend that a storage binding may span no more than this many bytes, to test splitting.
    pub binding_bytes: Option<u64>,
}

/// A device, its queue and the pipelines made so far.
#[derive(Debug)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) checked: bool,
    timestamps: bool,
    pub(super) pipelines: Mutex<HashMap<PipelineSpec, Arc<Pipeline>>>,
    description: AdapterDescription,
    failure: Arc<Mutex<Option<String>>>,
}

impl Gpu {
    /// Opens the adapter that `options` ask for.
    ///
    /// Errors where there is none, or none of that name, or it lacks what the kernels need.
    pub fn open(options: &GpuOptions) -> Result<Self> {
        let (adapter, mut description) = adapter::choose(options.device.as_deref())?;
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
        Ok(Self {
            timestamps: device.features().contains(TIMESTAMPS),
            device,
            queue,
            checked: options.checked,
            pipelines: Mutex::default(),
            description,
            failure,
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
                "try a smaller --batch-size, another --device, or --checked to look for the cause",
            )),
        }
    }

    /// Waits until `submission` (or all work, where `None`) is done.
    pub fn wait(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let polled = self.device.poll(wgpu::PollType::Wait {
            submission_index: submission,
            timeout: None,
        });
        self.check()?;
        polled.map(drop).map_err(|error| {
            Error::gpu(
                format!("waiting for the GPU failed: {error}"),
                "try another --device; `gpu-train devices` lists them",
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
            "choose another with --device; `gpu-train devices` lists them",
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
        max_non_sampler_bindings: 4096,
        ..wgpu::Limits::default()
    };
    let request = adapter.request_device(&wgpu::DeviceDescriptor {
        label: Some("gpu-train"),
        required_features: wgpu::Features::IMMEDIATES
            | (adapter.features() & (TIMESTAMPS | wgpu::Features::SUBGROUP)),
        required_limits,
        ..wgpu::DeviceDescriptor::default()
    });
    pollster::block_on(request).map_err(|error| unfit(format!("cannot be opened: {error}")))
}
