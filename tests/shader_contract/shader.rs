//! A kernel's shader, parsed and validated.

use gpu_train::kernel::{Kernel, Scalar, Variant};
use gpu_train::ops;
use naga::back::pipeline_constants;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{GlobalVariable, Handle, Module, ShaderStage, TypeInner};

/// Larger than any that a kernel asks for: what fits here fits always.
pub const WORKGROUP_SIZE: u32 = 256;

/// One variant of one kernel's shader, parsed and validated.
pub struct Shader {
    pub kernel: &'static Kernel,
    /// Kernel and variant, for messages.
    pub name: String,
    pub variant: Variant,
    pub module: Module,
    pub valid: ModuleInfo,
}

impl Shader {
    pub fn parse(kernel: &'static Kernel, variant: Variant) -> Self {
        let name = format!("{} {variant:?}", kernel.name);
        let wgsl = kernel.wgsl(variant);
        let module = naga::front::wgsl::parse_str(&wgsl)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&wgsl)));
        let valid = Validator::new(ValidationFlags::all(), Capabilities::IMMEDIATES)
            .validate(&module)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&wgsl)));
        Self {
            kernel,
            name,
            variant,
            module,
            valid,
        }
    }

    pub fn globals(&self) -> impl Iterator<Item = &GlobalVariable> {
        self.module
            .global_variables
            .iter()
            .map(|(_, global)| global)
    }

    /// The resources of bind group 0 in binding order, which starts at 0 and has no gaps.
    pub fn resources(&self) -> Vec<&GlobalVariable> {
        let mut bound: Vec<_> = self
            .globals()
            .filter_map(|global| global.binding.map(|binding| (binding.binding, global)))
            .collect();
        bound.sort_by_key(|(binding, _)| *binding);
        for ((binding, global), index) in bound.iter().zip(0..) {
            let group = global.binding.map(|binding| binding.group);
            assert_eq!((group, *binding), (Some(0), index), "{}", self.name);
        }
        bound.into_iter().map(|(_, global)| global).collect()
    }

    pub fn inner(&self, ty: Handle<naga::Type>) -> &TypeInner {
        &self.module.types[ty].inner
    }

    /// Fields of a struct of 4-byte scalars, vectors of them and structs of these: name, type, offset; and its size.
    pub fn fields(&self, global: &GlobalVariable) -> (Vec<(String, Scalar, u32)>, u32) {
        let TypeInner::Struct { members, span } = self.inner(global.ty) else {
            panic!("{}: {:?} is no struct", self.name, global.name);
        };
        let fields = members.iter().flat_map(|it| self.fields_of(it));
        (fields.collect(), *span)
    }

    fn fields_of(&self, member: &naga::StructMember) -> Vec<(String, Scalar, u32)> {
        let name = member.name.clone().expect("fields have names");
        match self.inner(member.ty) {
            TypeInner::Scalar(scalar) | TypeInner::Vector { scalar, .. } => {
                vec![(name, kind(*scalar), member.offset)]
            }
            TypeInner::Struct { members, .. } => {
                let inner = members.iter().flat_map(|it| self.fields_of(it));
                let of_whole = |(field, scalar, offset)| {
                    (format!("{name}.{field}"), scalar, member.offset + offset)
                };
                inner.map(of_whole).collect()
            }
            _ => panic!("{}: {name} holds no scalars", self.name),
        }
    }
}

pub fn shaders() -> impl Iterator<Item = Shader> {
    ops::ALL.iter().flat_map(|kernel| {
        let variants = kernel.variants.iter();
        variants.map(|variant| Shader::parse(kernel, variant))
    })
}

pub fn kind(scalar: naga::Scalar) -> Scalar {
    match scalar {
        naga::Scalar::F32 => Scalar::F32,
        naga::Scalar::U32 => Scalar::U32,
        other => panic!("buffers and Params hold f32 and u32, not {other:?}"),
    }
}

/// The module with its overrides replaced by numbers, as drivers get it.
pub fn specialised(shader: &Shader) -> (Module, ModuleInfo) {
    let mut constants = naga::back::PipelineConstants::default();
    if !shader.module.overrides.is_empty() {
        constants.insert("WORKGROUP_SIZE".to_owned(), f64::from(WORKGROUP_SIZE));
    }
    let main = Some((ShaderStage::Compute, "main"));
    let (module, info) =
        pipeline_constants::process_overrides(&shader.module, &shader.valid, main, &constants)
            .unwrap_or_else(|error| panic!("{}: {error}", shader.name));
    (module.into_owned(), info.into_owned())
}
