//! `gpu-train devices`.

use serde_json::Value;

use super::model_args::Format;
use super::output_args::DevicesArgs;
use super::records::Records;
use super::style;
use crate::error::Result;
use crate::exec::Cpu;
use crate::gpu::{AdapterDescription, GpuOptions, adapters};

/// Lists every adapter with what matters to us, and the processor.
pub(super) fn run(args: &DevicesArgs) -> Result<()> {
    let (adapters, cpu) = (adapters(), Cpu::open(&GpuOptions::default())?);
    match args.format {
        Format::Table => table(&adapters, &cpu),
        Format::Csv => records(&adapters, &cpu).say_csv(),
        Format::Json => records(&adapters, &cpu).say_json()?,
    }
    Ok(())
}

fn table(adapters: &[AdapterDescription], cpu: &Cpu) {
    for adapter in adapters {
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
}

/// A line or an object each; `device` is what --device takes.
fn records(adapters: &[AdapterDescription], cpu: &Cpu) -> Records {
    let mut records = Records::new([
        "device",
        "name",
        "kind",
        "backend",
        "driver",
        "driver_version",
        "binding_bytes",
        "buffer_bytes",
        "workgroup_bytes",
        "workgroup_threads",
        "threads",
    ]);
    let words = |device: String, it: &AdapterDescription| -> Vec<Value> {
        let words = [
            &it.name,
            &it.kind,
            &it.backend,
            &it.driver,
            &it.driver_version,
        ];
        let words = words.into_iter().map(|it| it.as_str().into());
        std::iter::once(device.into()).chain(words).collect()
    };
    for adapter in adapters {
        let limits = adapter.target.limits;
        let numbers: [Value; 5] = [
            limits.binding_bytes.into(),
            limits.buffer_bytes.into(),
            limits.workgroup_bytes.into(),
            limits.workgroup_threads.into(),
            Value::Null,
        ];
        let device = adapter.index.to_string();
        records.push(words(device, adapter).into_iter().chain(numbers));
    }
    let threads = [const { Value::Null }; 4]
        .into_iter()
        .chain([cpu.threads().into()]);
    let device = Cpu::NAME.to_owned();
    records.push(words(device, cpu.description()).into_iter().chain(threads));
    records
}
