//! What a bug report says of the machine: adapter, driver, and what of its limits and features
//! matters.

use crate::gpu::AdapterDescription;
use crate::kernel_limits::IMMEDIATE_BYTES;
use crate::target::{AdapterKind, Target};
use crate::train::Session;

/// The adapter, and what it has of what we need.
#[derive(Debug, Clone)]
pub struct System {
    /// Version of gpu-train.
    pub version: &'static str,
    /// Operating system and processor, such as linux `x86_64`.
    pub os: String,
    /// The adapter.
    pub adapter: AdapterDescription,
    /// Limits that matter.
    pub limits: Vec<Requirement>,
    /// Features that matter.
    pub features: Vec<Feature>,
}

/// A limit, and what we need of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// What it limits.
    pub name: &'static str,
    /// What every kernel can do with.
    pub needed: u64,
    /// What there is, up to what a kernel may use.
    pub here: u64,
    /// Whether both are bytes.
    pub bytes: bool,
}

/// A feature of an adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// What it is.
    pub name: &'static str,
    /// What it is used for, and what happens without it.
    pub used_for: &'static str,
    /// Whether it is there.
    pub here: bool,
}

impl System {
    /// The machine behind `session`.
    pub(super) fn of(session: &Session) -> Self {
        let adapter = session.gpu().description().clone();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            limits: limits(session),
            features: features(session),
            adapter,
        }
    }
}

fn limits(session: &Session) -> Vec<Requirement> {
    let here = &session.gpu().target().limits;
    let needed = Target::portable(AdapterKind::Gpu).limits;
    // A device without them is not opened.
    let immediates = session.gpu().device().limits().max_immediate_size;
    let bytes = |name, needed, here| Requirement {
        name,
        needed,
        here,
        bytes: true,
    };
    let count = |name, needed: u32, here: u32| Requirement {
        bytes: false,
        ..bytes(name, needed.into(), here.into())
    };
    vec![
        bytes("storage binding", needed.binding_bytes, here.binding_bytes),
        bytes("buffer", needed.buffer_bytes, here.buffer_bytes),
        bytes(
            "workgroup memory",
            needed.workgroup_bytes.into(),
            here.workgroup_bytes.into(),
        ),
        count(
            "threads in a workgroup",
            needed.workgroup_threads,
            here.workgroup_threads,
        ),
        count(
            "workgroups along a dimension",
            needed.workgroups,
            here.workgroups,
        ),
        count(
            "storage buffers of a kernel",
            needed.storage_buffers,
            here.storage_buffers,
        ),
        bytes("immediates", IMMEDIATE_BYTES.into(), immediates.into()),
    ]
}

fn features(session: &Session) -> Vec<Feature> {
    let device = session.gpu().device();
    vec![
        Feature {
            name: "timestamps within a pass",
            used_for: "--profile, which is refused without",
            here: session.gpu().has_timestamps(),
        },
        Feature {
            name: "pipeline cache",
            used_for: "compiling once per driver; without, once per run",
            here: device.features().contains(wgpu::Features::PIPELINE_CACHE),
        },
    ]
}
