//! Which adapters there are, and choosing one.

use crate::error::{Error, Result};
use crate::kernel::target::{AdapterKind, Limits, Target};

/// Storage buffers that no launch exceeds, where an adapter allows more.
const MOST_STORAGE_BUFFERS: u32 = 16;

/// What `gpu-train devices` shows of an adapter, and what a run records of its own.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AdapterDescription {
    /// Position in the list, for `--device`.
    pub index: usize,
    /// The adapter's own name.
    pub name: String,
    /// vulkan, metal or dx12.
    pub backend: String,
    /// discrete GPU, integrated GPU, software, …
    pub kind: String,
    /// Driver name.
    pub driver: String,
    /// Driver version.
    pub driver_version: String,
    /// What it is for programs: kind and limits.
    pub target: Target,
}

impl AdapterDescription {
    /// Whether shaders run on the processor.
    pub fn is_software(&self) -> bool {
        self.target.kind == AdapterKind::Software
    }
}

pub(super) fn instance() -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::PRIMARY;
    // No validation layers, not even in debug builds: wgpu checks calls itself.
    descriptor.flags = wgpu::InstanceFlags::empty();
    wgpu::Instance::new(descriptor)
}

/// Every adapter of this machine, GPUs before software ones, in a stable order.
pub(super) fn enumerate(instance: &wgpu::Instance) -> Vec<(wgpu::Adapter, AdapterDescription)> {
    let mut found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    found.sort_by_key(|adapter| rank(adapter.get_info().device_type));
    let described = found.into_iter().enumerate();
    described
        .map(|(index, adapter)| {
            let description = describe(index, &adapter);
            (adapter, description)
        })
        .collect()
}

/// Descriptions of every adapter of this machine.
pub fn adapters() -> Vec<AdapterDescription> {
    let found = enumerate(&instance());
    found
        .into_iter()
        .map(|(_, description)| description)
        .collect()
}

/// Of the adapters that are no software the one whose `turn` it is; `None` where there is none.
pub(super) fn choose_hardware(turn: usize) -> Option<(wgpu::Adapter, AdapterDescription)> {
    let mut found = enumerate(&instance());
    found.retain(|(_, description)| !description.is_software());
    let turn = turn.checked_rem(found.len())?;
    Some(found.swap_remove(turn))
}

/// Of the adapters that `wanted` names (each by its number or a part of its name, with commas between them) the one
/// whose `turn` it is, else the first of all.
pub(super) fn choose(
    wanted: Option<&str>,
    turn: usize,
) -> Result<(wgpu::Adapter, AdapterDescription)> {
    let mut found = enumerate(&instance());
    if found.is_empty() {
        return Err(no_adapter());
    }
    let Some(wanted) = wanted else {
        return Ok(found.swap_remove(0));
    };
    let names: Vec<&str> = found.iter().map(|(_, it)| it.name.as_str()).collect();
    let position = position(wanted, &names, turn)?;
    Ok(found.swap_remove(position))
}

/// Which of the adapters `names` is meant by `wanted`, where it is that `turn`: a name may have commas itself.
fn position(wanted: &str, names: &[&str], turn: usize) -> Result<usize> {
    let named = positions(wanted, names);
    if named.is_empty() && wanted.contains(',') {
        let list: Vec<&str> = wanted.split(',').map(str::trim).collect();
        // Those that have been round take the next one of a name that several have.
        return position(list[turn % list.len()], names, turn / list.len());
    }
    let turn = turn.checked_rem(named.len());
    turn.map(|turn| named[turn]).ok_or_else(|| {
        let numbered = names.iter().enumerate();
        let list: Vec<String> = numbered.map(|(at, name)| format!("{at} {name}")).collect();
        Error::usage(
            format!("no device '{wanted}'; there are: {}", list.join(", ")),
            "`device` takes a number or a part of a name from `gpu-train devices`",
        )
    })
}

/// The adapters of `names` that are meant by `wanted`: digits alone are always a number.
fn positions(wanted: &str, names: &[&str]) -> Vec<usize> {
    let all = 0..names.len();
    if wanted.bytes().all(|byte| byte.is_ascii_digit()) {
        let index: Option<usize> = wanted.parse().ok();
        return all.filter(|it| Some(*it) == index).collect();
    }
    let lower = wanted.to_lowercase();
    let is_named = |at: &usize| names[*at].to_lowercase().contains(&lower);
    all.filter(is_named).collect()
}

fn no_adapter() -> Error {
    let hint = if cfg!(target_os = "linux") {
        "install your GPU's Vulkan driver, or the software one: \
         `apt-get install mesa-vulkan-drivers libvulkan1` (Debian, Ubuntu), \
         `dnf install mesa-vulkan-drivers vulkan-loader` (Fedora), \
         `pacman -S vulkan-swrast vulkan-icd-loader` (Arch)"
    } else {
        "update the graphics driver; gpu-train needs Vulkan, Metal or DX12"
    };
    Error::gpu("no GPU adapter found", hint)
}

fn rank(kind: wgpu::DeviceType) -> u8 {
    match kind {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

fn describe(index: usize, adapter: &wgpu::Adapter) -> AdapterDescription {
    let info = adapter.get_info();
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete GPU",
        wgpu::DeviceType::IntegratedGpu => "integrated GPU",
        wgpu::DeviceType::VirtualGpu => "virtual GPU",
        wgpu::DeviceType::Other => "other",
        wgpu::DeviceType::Cpu => "software",
    };
    let kind_of_target = match info.device_type {
        wgpu::DeviceType::Cpu => AdapterKind::Software,
        _ => AdapterKind::Gpu,
    };
    let limits = adapter.limits();
    let portable = Target::portable(kind_of_target).limits;
    let target = Target {
        kind: kind_of_target,
        limits: Limits {
            binding_bytes: limits.max_storage_buffer_binding_size,
            buffer_bytes: limits.max_buffer_size,
            // No kernel wants more of these than the portable limits, and so no device is opened
            // with more.
            workgroups: (limits.max_compute_workgroups_per_dimension).min(portable.workgroups),
            workgroup_threads: (limits.max_compute_invocations_per_workgroup)
                .min(limits.max_compute_workgroup_size_x)
                .min(portable.workgroup_threads),
            workgroup_bytes: limits.max_compute_workgroup_storage_size,
            // Launches of several kernels bind what all of them do.
            storage_buffers: limits
                .max_storage_buffers_per_shader_stage
                .min(MOST_STORAGE_BUFFERS),
        },
        by_shards: false,
        tuned: None,
    };
    AdapterDescription {
        index,
        name: info.name,
        backend: info.backend.to_str().to_owned(),
        kind: kind.to_owned(),
        driver: info.driver,
        driver_version: info.driver_info,
        target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_by_its_number_or_a_part_of_its_name() {
        let names = ["NVIDIA H200", "llvmpipe (LLVM 19.1.7, 256 bits)"];
        let position = |wanted: &str| position(wanted, &names, 0).ok();
        assert_eq!([position("0"), position("1")], [Some(0), Some(1)]);
        assert_eq!(position("nvidia"), Some(0));
        assert_eq!(position("LLVM 19"), Some(1));
        for missing in ["2", "256", "99999999999999999999", "radeon", ""] {
            assert_eq!(position(missing), None, "{missing}");
        }
        let error = super::position("2", &names, 0).expect_err("there are two");
        assert!(error.to_string().contains("0 NVIDIA H200, 1 llvmpipe"));
    }

    #[test]
    fn ranks_of_a_machine_take_adapters_in_turn() {
        let names = [
            "NVIDIA H200",
            "NVIDIA H200",
            "llvmpipe (LLVM 19.1.7, 256 bits)",
        ];
        let turns = |wanted: &str| {
            let turns = 0..5;
            let position = |turn| position(wanted, &names, turn).expect("is there");
            turns.map(position).collect::<Vec<_>>()
        };
        assert_eq!(turns("nvidia"), [0, 1, 0, 1, 0]);
        assert_eq!(turns("1"), [1; 5]);
        assert_eq!(turns("2,0"), [2, 0, 2, 0, 2]);
        assert_eq!(turns("llvmpipe, h200"), [2, 0, 2, 1, 2]);
        assert_eq!(turns("LLVM 19.1.7, 256"), [2; 5]);
        for missing in ["0,7", "0,", "nvidia,radeon"] {
            let asked = [0, 1].map(|turn| position(missing, &names, turn));
            assert!(asked.iter().any(Result::is_err), "{missing}");
        }
    }
}
