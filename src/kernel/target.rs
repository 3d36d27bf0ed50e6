//! What the executor compiles for: an adapter's kind and limits as plain data, without a wgpu type.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::kernel::limits::aligned;
use crate::kernel::shards;
use crate::kernel::tuning::Tuning;

/// Kinds of devices. All adapters run the same kernels: among those, this only says what to expect of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdapterKind {
    /// A driver that runs shaders on the processor: slow, and compiles slowly.
    Software,
    /// A GPU, integrated or discrete.
    Gpu,
    /// The processor itself, without a driver: native kernels.
    Cpu,
}

/// The limits that a [`Target`]'s programs keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes that one storage binding may span.
    pub binding_bytes: u64,
    /// Bytes of one buffer.
    pub buffer_bytes: u64,
    /// Workgroups along one dimension of a dispatch.
    pub workgroups: u32,
    /// Threads in a workgroup.
    pub workgroup_threads: u32,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Storage buffers that one kernel may bind.
    pub storage_buffers: u32,
}

/// Adapter kind, limits and what was measured: all that lowering a graph to a program needs to know
/// of the hardware.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What the device is; adapters get the same kernels whatever it is.
    pub kind: AdapterKind,
    /// What may not be exceeded.
    pub limits: Limits,
    /// Whether an adapter computes a batch by shards, as the processor always does: each as if it were a batch,
    /// and what is summed over the batch in the tree of [`shards`].
    #[serde(skip)]
    pub by_shards: bool,
    /// Tiles that were measured to be the fastest; without them, kernels choose by rules of thumb.
    #[serde(skip)]
    pub tuned: Option<Tuned>,
}

/// Tiles in use, and the batch they are used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuned {
    /// The tiles.
    pub tuning: Arc<Tuning>,
    /// Samples of the largest batch: a part of every problem that tiles are chosen for.
    pub batch: usize,
}

impl Target {
    /// The same target, with measured tiles for batches of up to `batch` samples.
    #[must_use]
    pub fn with_tuning(self, tuning: &Arc<Tuning>, batch: usize) -> Self {
        let tuning = Arc::clone(tuning);
        Self {
            tuned: Some(Tuned { tuning, batch }),
            ..self
        }
    }

    /// The same target, for programs that compute a batch by shards.
    #[must_use]
    pub fn in_shards(self) -> Self {
        Self {
            by_shards: !self.is_cpu(),
            ..self
        }
    }

    /// Whether a batch is computed by shards.
    pub fn has_shards(&self) -> bool {
        self.by_shards || self.is_cpu()
    }

    /// The most samples that a kernel sees of a batch of up to `capacity`; on the processor some see all of it.
    pub fn kernel_capacity(&self, capacity: usize) -> usize {
        if self.by_shards {
            shards::capacity(capacity)
        } else {
            capacity
        }
    }

    /// Scalars from what a shard has to what the next one has, of `len` each: adapters bind at aligned places.
    pub fn shard_stride(&self, len: usize) -> usize {
        if self.is_cpu() { len } else { aligned(len) }
    }

    /// Whether programs run on the processor itself, shard by shard.
    pub fn is_cpu(&self) -> bool {
        self.kind == AdapterKind::Cpu
    }

    /// The limits that every adapter worth supporting has (`WebGPU`'s defaults).
    pub const fn portable(kind: AdapterKind) -> Self {
        Self {
            kind,
            limits: Limits {
                binding_bytes: 128 << 20,
                buffer_bytes: 256 << 20,
                workgroups: 65_535,
                workgroup_threads: 256,
                workgroup_bytes: 16 << 10,
                storage_buffers: 8,
            },
            by_shards: false,
            tuned: None,
        }
    }
}
