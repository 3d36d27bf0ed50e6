//! Every shader against the Rust side of its kernel, without a GPU: bindings, Params, immediates,
//! workgroup size and memory; and its translation to SPIR-V, MSL and HLSL.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gpu_train::graph::Program;
use gpu_train::kernel_limits::IMMEDIATE_BYTES;
use gpu_train::kernels::gather::ResidentLayout;
use gpu_train::kernels::tile::{self, BATCH_TILES, POOL_TILES, WEIGHT_TILES};
use gpu_train::kernels::{self, Access, Call, Kernel, Scalar, Step, Variant};
use gpu_train::nn::{
    Activation, AdamConfig, Network, NetworkConfiguration, NetworkType, ProgramOptions,
    evaluation_program, training_program,
};
use gpu_train::reference;
use gpu_train::shape::ImageShape;
use gpu_train::target::{AdapterKind, Target};
use gpu_train::verify::cases;
use naga::back::{hlsl, msl, pipeline_constants, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy, Layouter};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, GlobalVariable, Handle, Module, ShaderStage, StorageAccess, TypeInner};

/// Larger than any that a kernel asks for: what fits here fits always.
const WORKGROUP_SIZE: u32 = 256;

/// One expansion of one kernel's shader, parsed and validated.
struct Shader {
    kernel: &'static Kernel,
    /// Kernel and variant, for messages.
    name: String,
    variant: Variant,
    module: Module,
    valid: ModuleInfo,
}

impl Shader {
    fn parse(kernel: &'static Kernel, variant: Variant) -> Self {
        let name = format!("{} {variant:?}", kernel.name);
        let wgsl = kernel
            .wgsl(variant)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let module = naga::front::wgsl::parse_str(&wgsl)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&wgsl)));
        let valid = Validator::new(
            ValidationFlags::all(),
            Capabilities::IMMEDIATES | Capabilities::SUBGROUP,
        )
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

    fn globals(&self) -> impl Iterator<Item = &GlobalVariable> {
        self.module
            .global_variables
            .iter()
            .map(|(_, global)| global)
    }

    /// The resources of bind group 0 in binding order, which starts at 0 and has no gaps.
    fn resources(&self) -> Vec<&GlobalVariable> {
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

    fn inner(&self, ty: Handle<naga::Type>) -> &TypeInner {
        &self.module.types[ty].inner
    }

    /// Fields of a struct of 4-byte scalars: name, type, offset; and its size.
    fn fields(&self, global: &GlobalVariable) -> (Vec<(String, Scalar, u32)>, u32) {
        let TypeInner::Struct { members, span } = self.inner(global.ty) else {
            panic!("{}: {:?} is no struct", self.name, global.name);
        };
        let field = |member: &naga::StructMember| {
            let TypeInner::Scalar(scalar) = self.inner(member.ty) else {
                panic!("{}: {:?} is no scalar", self.name, member.name);
            };
            let name = member.name.clone().expect("fields have names");
            (name, kind(*scalar), member.offset)
        };
        (members.iter().map(field).collect(), *span)
    }
}

fn shaders() -> impl Iterator<Item = Shader> {
    kernels::ALL.iter().flat_map(|kernel| {
        let variants = kernel.variants.iter();
        variants.map(|variant| Shader::parse(kernel, variant))
    })
}

fn kind(scalar: naga::Scalar) -> Scalar {
    match scalar {
        naga::Scalar::F32 => Scalar::F32,
        naga::Scalar::U32 => Scalar::U32,
        other => panic!("buffers and Params hold f32 and u32, not {other:?}"),
    }
}

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
        for ((field, _, offset), index) in in_order {
            assert_eq!(*offset, 4 * index, "{name}: {field}");
        }
        assert_eq!(size, Step::BYTES, "{name}");
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

/// Tiles in workgroup memory are written for a number of threads: that which the host starts.
#[test]
fn workgroups_of_tiles_have_the_threads_that_the_host_starts() {
    let tables = [&BATCH_TILES[..], &POOL_TILES, &WEIGHT_TILES];
    let tiles = tables.into_iter().flatten();
    for tile in tiles.filter(|tile| tile.workgroup.is_some()) {
        let of_tile = |kernel: &&&Kernel| kernel.variants.contains(&tile.variant);
        let mut kernels = kernels::ALL.iter().filter(of_tile).peekable();
        assert!(kernels.peek().is_some(), "{tile:?} is no kernel's");
        for kernel in kernels {
            let shader = Shader::parse(kernel, tile.variant);
            assert!(shader.module.overrides.is_empty(), "{}", shader.name);
            let size = shader.module.entry_points[0].workgroup_size;
            assert_eq!(size, [tile.workgroup_size(), 1, 1], "{}", shader.name);
        }
    }
}

/// What `Program::check` compares with the adapter's limit is what the shader declares.
#[test]
fn workgroup_memory_is_what_the_host_says_and_fits_every_adapter() {
    let limit = Target::portable(AdapterKind::Gpu).limits.workgroup_bytes;
    let mut sharing = 0;
    for shader in shaders() {
        let (module, _) = specialised(&shader);
        let bytes = shared_bytes(&module);
        assert!(bytes <= limit, "{}: {bytes} bytes", shader.name);
        let host = if shader.kernel.name == "mse_loss" {
            let Call {
                grid,
                workgroup_bytes,
                ..
            } = kernels::mse_loss::call(1);
            workgroup_bytes / grid.workgroup_size * WORKGROUP_SIZE
        } else {
            tile::workgroup_bytes(shader.variant)
        };
        assert_eq!(bytes, host, "{}", shader.name);
        sharing += usize::from(bytes > 0);
    }
    assert!(sharing > 50, "tiles in workgroup memory are among them");
}

/// Bytes that a module's workgroups share.
fn shared_bytes(module: &Module) -> u32 {
    let mut layouter = Layouter::default();
    layouter
        .update(module.to_ctx())
        .expect("types have layouts");
    let globals = module.global_variables.iter();
    globals
        .filter(|(_, global)| global.space == AddressSpace::WorkGroup)
        .map(|(_, global)| layouter[global.ty].size)
        .sum()
}

/// The module with its overrides replaced by numbers, as drivers get it.
fn specialised(shader: &Shader) -> (Module, ModuleInfo) {
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

/// Bounds checks as in tests and `--checked` runs, and none as in training.
const CHECKS: [BoundsCheckPolicy; 2] = [BoundsCheckPolicy::Restrict, BoundsCheckPolicy::Unchecked];

#[test]
fn every_variant_translates_to_every_backend() {
    for shader in shaders() {
        let (module, info) = specialised(&shader);
        for policy in CHECKS {
            to_spirv(&module, &info, policy, &shader.name);
            to_msl(&module, &info, policy, &shader.name);
            to_hlsl(&module, &info, policy, &shader.name);
        }
    }
}

/// The nets that everyone runs: mlp, cnn, deep, and shallow in both sizes of its kernel.
fn nets() -> [(&'static str, NetworkType, NetworkConfiguration); 5] {
    let cnn = |channels: &[usize], kernel, hiddens: &[usize]| NetworkConfiguration {
        n_channels: channels.to_vec(),
        kernel_sizes: vec![kernel; channels.len()],
        strides: vec![1; channels.len()],
        dense_hiddens: hiddens.to_vec(),
    };
    let of = NetworkConfiguration::default_for;
    [
        ("mlp", NetworkType::Mlp, of(NetworkType::Mlp)),
        ("cnn", NetworkType::Cnn, of(NetworkType::Cnn)),
        (
            "deep",
            NetworkType::Cnn,
            cnn(&[8, 16, 32, 64], 1, &[256, 256]),
        ),
        (
            "shallow, k=28",
            NetworkType::Cnn,
            cnn(&[41], 28, &[256, 256]),
        ),
        (
            "shallow, k=32",
            NetworkType::Cnn,
            cnn(&[37], 32, &[256, 256]),
        ),
    ]
}

/// The training program and the evaluation program of a net on as many images as SVHN has.
fn programs(
    net: NetworkType,
    sizes: &NetworkConfiguration,
    options: &ProgramOptions,
) -> [Program; 2] {
    let image = ImageShape::new(3, 32, 32);
    let network = Network::new(net, sizes, Activation::Relu, image).expect("layers fit");
    let binding = options.target.limits.binding_bytes;
    let layout = ResidentLayout::new(73_257, image.elements(), binding).expect("SVHN fits");
    let training = training_program(&network, &layout, options, &AdamConfig::default());
    let evaluation = evaluation_program(&network, &layout, options);
    [training, evaluation].map(|program| program.expect("has a program"))
}

/// 8 storage buffers, 256 threads, 16 KiB of workgroup memory, 65,535 workgroups, 128 MiB per
/// binding: for every family of kernels, fused and not.
#[test]
fn no_program_of_our_nets_exceeds_the_portable_limits() {
    let targets = [
        Target::portable(AdapterKind::Gpu),
        Target::portable(AdapterKind::Software),
        Target::portable(AdapterKind::Software).with_lanes(8),
    ];
    for (name, net, sizes) in nets() {
        for target in &targets {
            for (capacity, fuse) in [(128, true), (128, false), (1024, true), (1024, false)] {
                let options = ProgramOptions {
                    capacity,
                    rows: 64,
                    target: target.clone(),
                    fuse,
                };
                for program in programs(net, &sizes, &options) {
                    let checked = program.check(&target.limits);
                    let kind = (target.kind, target.lanes);
                    assert!(
                        checked.is_ok(),
                        "{name}, {kind:?}, {capacity}, {fuse}: {checked:?}"
                    );
                }
            }
        }
    }
}

fn policies(policy: BoundsCheckPolicy) -> BoundsCheckPolicies {
    BoundsCheckPolicies {
        index: policy,
        buffer: policy,
        image_load: policy,
        ..BoundsCheckPolicies::default()
    }
}

fn to_spirv(module: &Module, info: &ModuleInfo, policy: BoundsCheckPolicy, name: &str) {
    let options = spv::Options {
        bounds_check_policies: policies(policy),
        force_loop_bounding: policy == BoundsCheckPolicy::Restrict,
        ..spv::Options::default()
    };
    let main = spv::PipelineOptions {
        shader_stage: ShaderStage::Compute,
        entry_point: "main".to_owned(),
    };
    let words = spv::write_vec(module, info, &options, Some(&main));
    assert!(words.is_ok(), "{name} to SPIR-V: {:?}", words.err());
}

fn to_msl(module: &Module, info: &ModuleInfo, policy: BoundsCheckPolicy, name: &str) {
    let options = msl::Options {
        lang_version: (2, 0),
        bounds_check_policies: policies(policy),
        force_loop_bounding: policy == BoundsCheckPolicy::Restrict,
        ..msl::Options::default()
    };
    let text = msl::write_string(module, info, &options, &msl::PipelineOptions::default());
    let (_, translation) = text.unwrap_or_else(|error| panic!("{name} to MSL: {error}"));
    for entry_point in translation.entry_point_names {
        assert!(entry_point.is_ok(), "{name} to MSL: {entry_point:?}");
    }
}

fn to_hlsl(module: &Module, info: &ModuleInfo, policy: BoundsCheckPolicy, name: &str) {
    let options = hlsl::Options {
        restrict_indexing: policy == BoundsCheckPolicy::Restrict,
        force_loop_bounding: policy == BoundsCheckPolicy::Restrict,
        immediates_target: Some(hlsl::BindTarget::default()),
        // Workgroups are counted by num_workgroups, which D3D12 has no builtin for.
        special_constants_binding: Some(hlsl::BindTarget {
            register: 1,
            ..hlsl::BindTarget::default()
        }),
        ..hlsl::Options::default()
    };
    let mut text = String::new();
    let pipeline = hlsl::PipelineOptions::default();
    let written = hlsl::Writer::new(&mut text, &options, &pipeline).write(module, info, None);
    let reflection = written.unwrap_or_else(|error| panic!("{name} to HLSL: {error}"));
    for entry_point in reflection.entry_point_names {
        assert!(entry_point.is_ok(), "{name} to HLSL: {entry_point:?}");
    }
}

#[test]
fn every_kernel_has_its_four_files_and_every_shader_its_kernel() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for kernel in kernels::ALL {
        let name = kernel.name;
        for file in [
            format!("shaders/{name}.wgsl"),
            format!("src/kernels/{name}.rs"),
            format!("src/reference/{name}.rs"),
            format!("tests/kernels/{name}.rs"),
        ] {
            assert!(root.join(&file).is_file(), "kernel {name} has no {file}");
        }
        let shader = fs::read_to_string(root.join(format!("shaders/{name}.wgsl")));
        assert_eq!(shader.expect("it was there"), kernel.source, "{name}");
        let tests = fs::read_to_string(root.join("tests/kernels/main.rs"));
        let line = format!("\nmod {name};\n");
        assert!(
            tests.expect("it is there").contains(&line),
            "{name} is not tested"
        );
    }
    let names: BTreeSet<String> = kernels::ALL.iter().map(|it| it.name.to_owned()).collect();
    assert_eq!(names.len(), kernels::ALL.len(), "two kernels of one name");
    let files_of = |folder: &str| -> BTreeSet<String> {
        let files = fs::read_dir(root.join(folder)).expect("there are shaders");
        files
            .map(|file| file.expect("it can be listed").path())
            .filter(|path| path.is_file())
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect()
    };
    assert_eq!(
        files_of("shaders"),
        names,
        "files of shaders/, and kernels::ALL"
    );
    // Kernels whose tiles in workgroup memory have a text of their own, and no other, have one.
    let kernels = kernels::ALL.iter();
    let own = kernels.filter(|it| it.source.contains("//#ifdef SLICES"));
    let own: BTreeSet<String> = own.map(|it| it.name.to_owned()).collect();
    assert_eq!(files_of("shaders/workgroup"), own, "shaders/workgroup/");
    let kernels = kernels::ALL.iter();
    let sliding = |it: &&&Kernel| {
        it.source
            .contains(&format!("//#include sliding_{}", it.name))
    };
    let own: BTreeSet<String> = kernels
        .filter(sliding)
        .map(|it| it.name.to_owned())
        .collect();
    assert_eq!(files_of("shaders/sliding"), own, "shaders/sliding/");
}

#[test]
fn every_kernel_has_a_twin() {
    let kernels: BTreeSet<&str> = kernels::ALL.iter().map(|kernel| kernel.name).collect();
    let twins: BTreeSet<&str> = reference::registry::<f32>().iter().map(|it| it.0).collect();
    assert_eq!(kernels, twins);
}

/// `gpu-train doctor` and the kernel tests run these.
#[test]
fn cases_cover_every_variant_and_nothing_else() {
    for kernel in kernels::ALL {
        let cases = cases::of(kernel);
        let covered: BTreeSet<Variant> = cases.iter().map(|it| it.launch.call.variant).collect();
        let there_are: BTreeSet<Variant> = kernel.variants.iter().copied().collect();
        assert_eq!(covered, there_are, "{}", kernel.name);
        for case in &cases {
            assert_eq!(case.launch.call.kernel.name, kernel.name);
            assert_eq!(case.launch.arguments.len(), kernel.bindings.len());
        }
    }
}
