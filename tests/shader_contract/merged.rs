//! Texts of several kernels, whose Params are constants: what a compiler folds must not overflow.

use std::collections::HashSet;

use gpu_train::kernel::Call;
use gpu_train::kernel::merged::merge;
use gpu_train::ops;
use naga::valid::{Capabilities, ValidationFlags, Validator};

use super::translation::assert_translates;

/// Every case of every kernel beside itself, on other buffers.
#[test]
fn every_kernel_can_be_merged_whatever_its_params() {
    let mut texts = HashSet::new();
    for kernel in ops::ALL {
        let mut variants = HashSet::new();
        for case in (kernel.cases)() {
            let call = case.launch.call;
            let wgsl = beside_itself(&call);
            if !texts.insert(wgsl.clone()) {
                continue;
            }
            let name = format!("{} {:?} {:?}", kernel.name, call.variant, call.params);
            let module = naga::front::wgsl::parse_str(&wgsl)
                .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&wgsl)));
            let info = Validator::new(ValidationFlags::all(), Capabilities::IMMEDIATES)
                .validate(&module)
                .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&wgsl)));
            if variants.insert(call.variant) {
                assert_translates(&module, &info, &name);
            }
        }
    }
    assert!(texts.len() > 500, "{} texts", texts.len());
}

fn beside_itself(call: &Call) -> String {
    let count = call.kernel.bindings.len();
    let slices: Vec<usize> = (0..2 * count).collect();
    let (first, second) = slices.split_at(count);
    let size = call.grid.workgroup_size;
    merge(&[(call, first), (call, second)], 2, size, |a, b| a == b).wgsl
}
