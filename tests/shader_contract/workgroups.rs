//! Threads and memory of workgroups.

use gpu_train::kernel::target::{AdapterKind, Target};
use gpu_train::kernel::tile::{BATCH_TILES, POOL_TILES, WEIGHT_TILES};
use gpu_train::kernel::{Call, Kernel, Variant};
use gpu_train::ops;
use naga::proc::Layouter;
use naga::{AddressSpace, Module};

use super::shader::{Shader, WORKGROUP_SIZE, shaders, specialised};

/// Products are written for a number of threads: that which the host starts.
#[test]
fn workgroups_of_tiles_have_the_threads_that_the_host_starts() {
    let tables = [&BATCH_TILES[..], &POOL_TILES, &WEIGHT_TILES];
    for tile in tables.into_iter().flatten() {
        let of_tile = |kernel: &&&Kernel| kernel.variants.contains(&tile.variant);
        let mut kernels = ops::ALL.iter().filter(of_tile).peekable();
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
        let Call {
            grid,
            workgroup_bytes,
            ..
        } = of_cases(shader.kernel, shader.variant);
        let host = if shader.module.overrides.is_empty() {
            workgroup_bytes
        } else {
            // So much per thread.
            workgroup_bytes / grid.workgroup_size * WORKGROUP_SIZE
        };
        assert_eq!(bytes, host, "{}", shader.name);
        sharing += usize::from(bytes > 0);
    }
    assert!(sharing > 50, "every tile shares memory");
}

/// Texts that are written for a number of threads are started with it.
#[test]
fn workgroups_have_the_threads_of_their_text() {
    for shader in shaders().filter(|it| it.module.overrides.is_empty()) {
        let size = shader.module.entry_points[0].workgroup_size;
        let call = of_cases(shader.kernel, shader.variant);
        assert_eq!(size, [call.grid.workgroup_size, 1, 1], "{}", shader.name);
    }
}

/// A call of that variant.
fn of_cases(kernel: &Kernel, variant: Variant) -> Call {
    let mut cases = (kernel.cases)().into_iter();
    let case = cases.find(|it| it.launch.call.variant == variant);
    case.expect("cases cover every variant").launch.call
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
