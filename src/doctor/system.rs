//! What a bug report says of the machine: adapter, driver, and what of its limits and features
//! matters.

use crate::exec::{Cpu, Device};
use crate::gpu::{AdapterDescription, Gpu};
use crate::kernel::limits::IMMEDIATE_BYTES;
use crate::kernel::target::{AdapterKind, Target};
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
    /// Limits that matter; the processor has none.
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

/// A feature of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// What it is.
    pub name: &'static str,
    /// What it is used for, and what happens without it.
    pub used_for: &'static str,
    /// What there is of it: yes, no, or which.
    pub here: String,
}

impl System {
    /// The machine behind `session`.
    pub(super) fn of(session: &Session) -> Self {
        let adapter = session.device().description().clone();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            limits: match session.device() {
                Device::Gpu(gpu, _) => limits(gpu),
                Device::Cpu(_) => Vec::new(),
            },
            features: match session.device() {
                Device::Gpu(gpu, _) => features(gpu),
                Device::Cpu(cpu) => features_of_cpu(cpu),
            },
            adapter,
        }
    }
}

fn limits(gpu: &Gpu) -> Vec<Requirement> {
    let here = &gpu.target().limits;
    let needed = Target::portable(AdapterKind::Gpu).limits;
    // A device without them is not opened.
    let immediates = gpu.device().limits().max_immediate_size;
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

fn features(gpu: &Gpu) -> Vec<Feature> {
    let device = gpu.device();
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    vec![
        Feature {
            name: "timestamps within a pass",
            used_for: "`profile`, which is refused without",
            here: yes_or_no(gpu.has_timestamps()),
        },
        Feature {
            name: "pipeline cache",
            used_for: "compiling once per driver; without, once per run",
            here: yes_or_no(device.features().contains(wgpu::Features::PIPELINE_CACHE)),
        },
    ]
}

fn features_of_cpu(cpu: &Cpu) -> Vec<Feature> {
    vec![
        Feature {
            name: "instruction set",
            used_for: "products; on another one results have other bits",
            here: cpu.description().driver_version.clone(),
        },
        Feature {
            name: "threads",
            used_for: "shards of a batch; results do not depend on how many",
            here: cpu.threads().to_string(),
        },
    ]
}
