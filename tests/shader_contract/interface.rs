//! Bindings, Params, immediates and entry point.

use gpu_train::kernel::limits::IMMEDIATE_BYTES;
use gpu_train::kernel::target::{AdapterKind, Target};
use gpu_train::kernel::{Access, Step};
use naga::{AddressSpace, ShaderStage, StorageAccess, TypeInner};

use super::shader::{WORKGROUP_SIZE, kind, shaders, specialised};

#[test]
fn storage_buffers_are_the_kernels_bindings() {
    let limits = Target::portable(AdapterKind::Gpu).limits;
    for shader in shaders() {
        let name = &shader.name;
        let bindings = shader.kernel.bindings;
        let resources = shader.resources();
        assert_eq!(resources.len(), bindings.len() + 1, "{name}: bindings");
        assert!(bindings.len() <= limits.storage_buffers as usize, "{name}");
        for (binding, global) in bindings.iter().zip(resources) {
            let what = format!("{name}: {}", binding.name);
            assert_eq!(global.name.as_deref(), Some(binding.name), "{what}");
            let access = match binding.access {
                Access::Read => StorageAccess::LOAD,
                Access::ReadWrite => StorageAccess::LOAD | StorageAccess::STORE,
            };
            assert_eq!(global.space, AddressSpace::Storage { access }, "{what}");
            let TypeInner::Array { base, size, .. } = shader.inner(global.ty) else {
                panic!("{what} is no array");
            };
            assert_eq!(*size, naga::ArraySize::Dynamic, "{what}");
            let scalar = match shader.inner(*base) {
                TypeInner::Scalar(scalar)
                | TypeInner::Atomic(scalar)
                | TypeInner::Vector {
                    size: naga::VectorSize::Bi | naga::VectorSize::Quad,
                    scalar,
                } => *scalar,
                other => panic!("{what} holds {other:?}"),
            };
            assert_eq!(kind(scalar), binding.scalar, "{what}");
        }
    }
}

#[test]
fn params_come_last_with_the_fields_of_the_rust_side() {
    for shader in shaders() {
        let name = &shader.name;
        let resources = shader.resources();
        let params = resources.last().expect("there are resources");
        assert_eq!(params.name.as_deref(), Some("params"), "{name}");
        assert_eq!(params.space, AddressSpace::Uniform, "{name}");
        let (fields, size) = shader.fields(params);
        let wanted = shader.kernel.params.iter().zip(0..);
        let wanted: Vec<_> = wanted
            .map(|(&(field, scalar), index)| (field.to_owned(), scalar, 4 * index))
            .collect();
        assert_eq!(fields, wanted, "{name}: Params");
        assert_eq!(size as usize, 4 * wanted.len(), "{name}: Params");
    }
}

#[test]
fn the_immediate_is_the_step() {
    for shader in shaders() {
        let name = &shader.name;
        let mut immediates = shader
            .globals()
            .filter(|global| global.space == AddressSpace::Immediate);
        let step = immediates
            .next()
            .unwrap_or_else(|| panic!("{name}: no step"));
        assert!(immediates.next().is_none(), "{name}: one immediate");
        assert_eq!(step.name.as_deref(), Some("step"), "{name}");
        let (fields, size) = shader.fields(step);
        let names: Vec<&str> = fields.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, Step::FIELDS, "{name}");
        let in_order = fields.iter().zip(0..);
        // Four words, then a vector of factors, two words behind it, and a struct, which HLSL aligns to 16 bytes.
        for ((field, _, offset), index) in in_order {
            let index = match index {
                0..5 => index,
                5..7 => index + 3,
                _ => index + 5,
            };
            assert_eq!(*offset, 4 * index, "{name}: {field}");
        }
        assert_eq!(size, Step::BYTES.next_multiple_of(16), "{name}");
        assert!(size <= IMMEDIATE_BYTES, "{name}");
    }
}

#[test]
fn one_entry_point_with_one_dimension_of_threads() {
    for shader in shaders() {
        let name = &shader.name;
        let [main] = &shader.module.entry_points[..] else {
            panic!("{name}: one entry point");
        };
        assert_eq!(
            (main.name.as_str(), main.stage),
            ("main", ShaderStage::Compute)
        );
        let overrides: Vec<_> = shader.module.overrides.iter().collect();
        if overrides.is_empty() {
            assert_eq!(main.workgroup_size[1..], [1, 1], "{name}");
            continue;
        }
        let names: Vec<_> = overrides.iter().map(|(_, it)| it.name.as_deref()).collect();
        assert_eq!(names, [Some("WORKGROUP_SIZE")], "{name}");
        let (module, _) = specialised(&shader);
        let size = module.entry_points[0].workgroup_size;
        assert_eq!(size, [WORKGROUP_SIZE, 1, 1], "{name}");
    }
}
