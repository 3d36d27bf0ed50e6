//! The processor as a device: its name, its threads.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};
use crate::gpu::{AdapterDescription, GpuOptions};
use crate::kernel::native::instruction_set;
use crate::kernel::target::{AdapterKind, Target};
use crate::ranks::Ranks;

/// The processor, with threads of its own.
#[derive(Debug, Clone)]
pub struct Cpu {
    pool: Arc<ThreadPool>,
    broken: Option<Arc<str>>,
    description: AdapterDescription,
    ranks: Ranks,
}

/// Bytes that no buffer of a processor reaches, and TOML can still write.
const UNLIMITED: u64 = 1 << 62;

impl Cpu {
    /// The word by which `--device` names it.
    pub const NAME: &'static str = "cpu";

    /// Starts the threads: as many as `options` say, else as `RAYON_NUM_THREADS`, else one per
    /// processor.
    ///
    /// Errors where the system gives no thread.
    pub fn open(options: &GpuOptions) -> Result<Self> {
        let builder = ThreadPoolBuilder::new()
            .num_threads(options.threads.map_or(0, std::num::NonZero::get))
            .thread_name(|thread| format!("gpu-train {thread}"));
        let pool = builder.build().map_err(|error| {
            Error::gpu(
                format!("the processor's threads do not start: {error}"),
                "set RAYON_NUM_THREADS to a smaller number",
            )
        })?;
        let mut description = describe();
        if let Some(bytes) = options.binding_bytes {
            description.target.limits.binding_bytes = bytes;
        }
        Ok(Self {
            pool: Arc::new(pool),
            broken: options.break_kernel.as_deref().map(Arc::from),
            description,
            ranks: Ranks::default(),
        })
    }

    /// What it is.
    pub fn description(&self) -> &AdapterDescription {
        &self.description
    }

    /// The same, sharing every batch with the other `ranks`.
    #[must_use]
    pub fn shared_by(self, ranks: Ranks) -> Self {
        Self { ranks, ..self }
    }

    /// Who shares every batch.
    pub fn ranks(&self) -> &Ranks {
        &self.ranks
    }

    /// How many threads it computes with.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs `work` on one of its threads, which the others can help.
    pub fn within<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }

    /// Whether the kernel of that name is to leave what it should write, to test that it is noticed.
    pub fn breaks(&self, kernel: &str) -> bool {
        self.broken.as_deref() == Some(kernel)
    }

    /// Its threads.
    pub(super) fn pool(&self) -> &ThreadPool {
        &self.pool
    }
}

/// What `gpu-train devices` shows of the processor, and what a run records of it.
pub fn describe() -> AdapterDescription {
    let mut target = Target::portable(AdapterKind::Cpu);
    target.limits.binding_bytes = UNLIMITED;
    target.limits.buffer_bytes = UNLIMITED;
    target.limits.workgroups = u32::MAX;
    AdapterDescription {
        index: 0,
        name: processor(),
        backend: "native".to_owned(),
        kind: "processor".to_owned(),
        driver: "gemm".to_owned(),
        driver_version: instruction_set().to_owned(),
        target,
    }
}

/// The processor's name, as it tells it.
fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(brand) = raw_cpuid::CpuId::new().get_processor_brand_string() {
            return brand
                .as_str()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
        }
    }
    format!("{} processor", std::env::consts::ARCH)
}
