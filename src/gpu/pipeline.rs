//! Compute pipelines from WGSL text, made once per text.

use std::sync::{Arc, PoisonError};

use super::device::Gpu;
use super::pipeline_cache::PipelineCache;
use crate::error::{Error, Result};
use crate::kernel::limits::IMMEDIATE_BYTES;

/// What distinguishes one pipeline from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PipelineSpec {
    /// Label in errors, profiles and GPU debuggers: the kernel's name.
    pub label: String,
    /// WGSL with one entry point, `main`.
    pub wgsl: String,
    /// For each storage buffer, whether it is only read. The uniform params follow them.
    pub read_only: Vec<bool>,
    /// Value of the override `WORKGROUP_SIZE`.
    pub workgroup_size: u32,
}

/// A compiled pipeline and the layout of its bind group.
#[derive(Debug)]
pub struct Pipeline {
    /// To set in a compute pass.
    pub pipeline: wgpu::ComputePipeline,
    /// To make bind groups with.
    pub layout: wgpu::BindGroupLayout,
}

impl Gpu {
    /// The pipeline of `spec`, compiled the first time it is asked for.
    ///
    /// Errors carry the compiler's message and the shader's name.
    pub fn pipeline(&self, spec: &PipelineSpec) -> Result<Arc<Pipeline>> {
        let mut made = self
            .pipelines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(pipeline) = made.get(spec) {
            return Ok(Arc::clone(pipeline));
        }
        let pipeline = Arc::new(self.compile(spec)?);
        made.insert(spec.clone(), Arc::clone(&pipeline));
        Ok(pipeline)
    }

    /// Keeps what the driver compiled so far for later runs, where [`GpuOptions::cache`] says so and
    /// the backend can.
    ///
    /// Errors where the file cannot be written: a later run then compiles anew, nothing else.
    ///
    /// [`GpuOptions::cache`]: super::GpuOptions::cache
    pub fn keep_pipelines(&self) -> Result<()> {
        self.pipeline_cache
            .as_ref()
            .map_or(Ok(()), PipelineCache::store)
    }

    /// Whether the driver was given what earlier runs had compiled.
    pub fn knew_pipelines(&self) -> bool {
        self.pipeline_cache
            .as_ref()
            .is_some_and(PipelineCache::is_filled)
    }

    /// How many pipelines were compiled.
    pub fn pipeline_count(&self) -> usize {
        let made = self
            .pipelines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        made.len()
    }

    fn compile(&self, spec: &PipelineSpec) -> Result<Pipeline> {
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let module = self.module(spec);
        let layout = self.layout(spec);
        let pipeline_layout = self
            .device
            .create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(&spec.label),
                bind_group_layouts: &[Some(&layout)],
                immediate_size: IMMEDIATE_BYTES,
            });
        let mut constants = Vec::new();
        if spec.wgsl.contains("override WORKGROUP_SIZE") {
            constants.push(("WORKGROUP_SIZE", f64::from(spec.workgroup_size)));
        }
        let pipeline = self
            .device
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(&spec.label),
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &constants,
                    zero_initialize_workgroup_memory: self.checked,
                },
                cache: self.pipeline_cache.as_ref().map(|it| &it.cache),
            });
        match pollster::block_on(scope.pop()) {
            None => Ok(Pipeline { pipeline, layout }),
            Some(error) => Err(Error::gpu(
                format!("shader {} does not compile: {error}", spec.label),
                "this is a bug in gpu-train or in the driver; try another `device` and report it",
            )),
        }
    }

    #[expect(
        unsafe_code,
        reason = "wgpu asks for it where shaders run without bounds checks"
    )]
    fn module(&self, spec: &PipelineSpec) -> wgpu::ShaderModule {
        let breaks = self.break_kernel.as_deref() == Some(spec.label.as_str());
        let wgsl = if breaks {
            broken(&spec.wgsl).into()
        } else {
            spec.wgsl.as_str().into()
        };
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(&spec.label),
            source: wgpu::ShaderSource::Wgsl(wgsl),
        };
        if self.checked {
            return self.device.create_shader_module(descriptor);
        }
        // SAFETY: the text is our own, never a user's; every kernel guards its indices itself, and
        // the kernel tests run each one checked and unchecked between sentinels.
        unsafe {
            self.device
                .create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
        }
    }

    fn layout(&self, spec: &PipelineSpec) -> wgpu::BindGroupLayout {
        let storage = spec
            .read_only
            .iter()
            .map(|&read_only| wgpu::BufferBindingType::Storage { read_only });
        let entries: Vec<wgpu::BindGroupLayoutEntry> = storage
            .chain([wgpu::BufferBindingType::Uniform])
            .zip(0..)
            .map(|(ty, binding)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        self.device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some(&spec.label),
                entries: &entries,
            })
    }
}

/// `wgsl` with a first workgroup that returns at once: all of its threads do, so that every barrier
/// is still met by all or none.
fn broken(wgsl: &str) -> String {
    const MAIN: &str = "fn main(";
    const GROUP: &str = "@builtin(workgroup_id) ";
    let Some(start) = wgsl.find(MAIN).map(|at| at + MAIN.len()) else {
        return wgsl.to_owned();
    };
    let (before, main) = wgsl.split_at(start);
    let (parameters, body) = main.split_once('{').unwrap_or((main, ""));
    let (name, parameters) = match parameters.split_once(GROUP) {
        Some((_, after)) => (after.split(':').next(), parameters.to_owned()),
        None => (None, format!("{GROUP}group: vec3<u32>, {parameters}")),
    };
    let name = name.unwrap_or("group");
    format!("{before}{parameters}{{\n    if (all({name} == vec3<u32>())) {{ return; }}{body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_shader_skips_its_first_workgroup() {
        let plain =
            "@compute fn main(@builtin(local_invocation_index) local: u32) {\n    work();\n}";
        assert_eq!(
            broken(plain),
            "@compute fn main(@builtin(workgroup_id) group: vec3<u32>, \
             @builtin(local_invocation_index) local: u32) {\n    \
             if (all(group == vec3<u32>())) { return; }\n    work();\n}"
        );
        let named = "fn main(\n    @builtin(workgroup_id) at: vec3<u32>,\n) { work(); }";
        assert!(broken(named).contains("if (all(at == vec3<u32>())) { return; } work();"));
    }
}
