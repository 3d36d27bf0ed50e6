//! Translation to SPIR-V, MSL and HLSL.

use naga::back::{hlsl, msl, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::ModuleInfo;
use naga::{Module, ShaderStage};

use super::shader::{shaders, specialised};

/// Bounds checks as in tests and `--checked` runs, and none as in training.
const CHECKS: [BoundsCheckPolicy; 2] = [BoundsCheckPolicy::Restrict, BoundsCheckPolicy::Unchecked];

#[test]
fn every_variant_translates_to_every_backend() {
    for shader in shaders() {
        let (module, info) = specialised(&shader);
        assert_translates(&module, &info, &shader.name);
    }
}

/// Asserts that drivers of every kind can be given the module.
pub fn assert_translates(module: &Module, info: &ModuleInfo, name: &str) {
    for policy in CHECKS {
        to_spirv(module, info, policy, name);
        to_msl(module, info, policy, name);
        to_hlsl(module, info, policy, name);
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
