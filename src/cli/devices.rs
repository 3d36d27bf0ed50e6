//! `gpu-train devices`.

use super::style;
use crate::error::Result;
use crate::exec::Cpu;
use crate::gpu::{GpuOptions, adapters};

/// Lists every adapter with what matters to us, and the processor.
pub(super) fn run() -> Result<()> {
    for adapter in adapters() {
        let limits = adapter.target.limits;
        style::say(format_args!(
            "{}    {} ({}, {}, {} {})",
            adapter.index,
            adapter.name,
            adapter.kind,
            adapter.backend,
            adapter.driver,
            adapter.driver_version
        ));
        style::say(format_args!(
            "     binding up to {}, buffer up to {}, {} workgroup memory, {} threads a workgroup",
            style::bytes(limits.binding_bytes),
            style::bytes(limits.buffer_bytes),
            style::bytes(limits.workgroup_bytes.into()),
            limits.workgroup_threads,
        ));
    }
    let cpu = Cpu::open(&GpuOptions::default())?;
    let processor = cpu.description();
    style::say(format_args!(
        "{}  {} ({}, {} {})",
        Cpu::NAME,
        processor.name,
        processor.kind,
        processor.driver,
        processor.driver_version
    ));
    style::say(format_args!("     {} threads", cpu.threads()));
    Ok(())
}
