//! `gpu-train devices`.

use super::style;
use crate::error::Result;
use crate::gpu::{Gpu, GpuOptions, adapters};

/// Lists every adapter with what matters to us; an empty list says how to get one.
pub(super) fn run() -> Result<()> {
    let adapters = adapters();
    if adapters.is_empty() {
        // The same error, and the same hint, as a run would get.
        return Gpu::open(&GpuOptions::default()).map(drop);
    }
    for adapter in adapters {
        let limits = adapter.target.limits;
        style::say(format_args!(
            "{}  {} ({}, {}, {} {})",
            adapter.index,
            adapter.name,
            adapter.kind,
            adapter.backend,
            adapter.driver,
            adapter.driver_version
        ));
        style::say(format_args!(
            "   binding up to {}, buffer up to {}, {} workgroup memory, {} threads a workgroup",
            style::bytes(limits.binding_bytes),
            style::bytes(limits.buffer_bytes),
            style::bytes(limits.workgroup_bytes.into()),
            limits.workgroup_threads,
        ));
    }
    Ok(())
}
