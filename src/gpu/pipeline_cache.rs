//! Compiled pipelines, kept from run to run: the driver's own data, in a file per adapter. Vulkan
//! only; other backends keep theirs themselves, and so do many Vulkan drivers.

use std::path::{Path, PathBuf};

use super::adapter::AdapterDescription;
use crate::error::Result;
use crate::files::{digest, read_regular, write_cached};

/// Many times what our kernels take; a file only grows while the version stays the same.
const MAX_BYTES: usize = 64 << 20;
const MAGIC: &[u8; 8] = b"gputrnP1";
/// [`MAGIC`], then three little-endian words: a hash of whom the data are for, their length, and
/// their hash.
const HEADER_BYTES: usize = MAGIC.len() + 3 * 8;

/// The driver's cache, and the file that it came from and goes to.
#[derive(Debug)]
pub(super) struct PipelineCache {
    /// To compile pipelines with.
    pub cache: wgpu::PipelineCache,
    path: PathBuf,
    owner: u64,
    /// Hash of what the file holds, if it holds anything of use.
    stored: Option<u64>,
}

impl PipelineCache {
    /// The cache of `adapter`, with what the file in `folder` holds.
    ///
    /// `None` where the device cannot keep one. A file that is missing, damaged or someone else's
    /// only means that the cache starts empty.
    pub fn open(
        device: &wgpu::Device,
        adapter: &wgpu::Adapter,
        description: &AdapterDescription,
        folder: &Path,
    ) -> Option<Self> {
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let name = wgpu::util::pipeline_cache_key(&adapter.get_info())?;
        let path = folder.join("pipelines").join(name + ".bin");
        let owner = owner(description);
        let file = read_regular(&path, (HEADER_BYTES + MAX_BYTES) as u64, "", "").ok();
        let data = file.as_deref().and_then(|file| unwrap(file, owner));
        let cache = create(device, data).or_else(|| create(device, None))?;
        Some(Self {
            cache,
            path,
            owner,
            stored: data.map(digest),
        })
    }

    /// Whether the file held anything of use.
    pub fn is_filled(&self) -> bool {
        self.stored.is_some()
    }

    /// Writes what the driver compiled, if the file does not hold it already.
    ///
    /// Errors where the file cannot be written.
    pub fn store(&self) -> Result<()> {
        let data = self.cache.get_data().unwrap_or_default();
        if data.is_empty() || data.len() > MAX_BYTES || self.stored == Some(digest(&data)) {
            return Ok(());
        }
        write_cached(&self.path, &wrap(&data, self.owner))
    }
}

/// A cache that starts with `data`; `None` where wgpu refuses them, or the driver a cache.
#[expect(
    unsafe_code,
    reason = "wgpu asks for it, since drivers trust the data of a pipeline cache"
)]
fn create(device: &wgpu::Device, data: Option<&[u8]>) -> Option<wgpu::PipelineCache> {
    let scope = device.push_error_scope(wgpu::ErrorFilter::Validation);
    // SAFETY: data must come from `PipelineCache::get_data` on an adapter of the same key. They are
    // what `store` wrote: to a file named by that key in a folder that is the user's own, under a
    // header that names this version, adapter and driver, whole by their length and hash. wgpu and
    // the driver check headers of their own besides.
    let cache = unsafe {
        device.create_pipeline_cache(&wgpu::PipelineCacheDescriptor {
            label: Some("gpu-train"),
            data,
            fallback: true,
        })
    };
    let refused = pollster::block_on(scope.pop()).is_some();
    (!refused).then_some(cache)
}

/// Whom data are for: another driver could not use them, another version has other kernels.
fn owner(adapter: &AdapterDescription) -> u64 {
    let parts = [
        env!("CARGO_PKG_VERSION"),
        &adapter.name,
        &adapter.driver,
        &adapter.driver_version,
    ];
    digest(parts.join("\n").as_bytes())
}

fn header(data: &[u8], owner: u64) -> Vec<u8> {
    let words = [owner, data.len() as u64, digest(data)];
    let mut header = MAGIC.to_vec();
    header.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    header
}

fn wrap(data: &[u8], owner: u64) -> Vec<u8> {
    let mut file = header(data, owner);
    file.extend(data);
    file
}

/// The data of a file that `wrap` made for `owner`.
fn unwrap(file: &[u8], owner: u64) -> Option<&[u8]> {
    let (found, data) = file.split_at_checked(HEADER_BYTES)?;
    (found == header(data, owner)).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::{Gpu, GpuOptions};

    /// What wgpu puts before the driver's data and compares with what it would put there today,
    /// byte for byte (`HEADER_LENGTH` in wgpu-core's `pipeline_cache.rs`).
    const WGPU_HEADER_BYTES: usize = 64;

    #[test]
    fn only_whole_files_of_the_same_owner_are_used() {
        let data: Vec<u8> = (0..=255).collect();
        let file = wrap(&data, 7);
        assert_eq!(unwrap(&file, 7), Some(&data[..]));
        assert_eq!(unwrap(&file, 8), None);
        for length in 0..file.len() {
            assert_eq!(unwrap(&file[..length], 7), None, "{length}");
        }
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 0x10;
            assert_eq!(unwrap(&damaged, 7), None, "{at}");
        }
        assert_eq!(unwrap(&[file, vec![0]].concat(), 7), None);
    }

    /// Damage that our own header does not tell of: wgpu must. Only its own header is damaged,
    /// since Vulkan forbids to hand a driver anything but data of its own.
    #[test]
    fn data_that_wgpu_refuses_do_no_harm() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = GpuOptions {
            cache: Some(folder.path().to_path_buf()),
            ..GpuOptions::default()
        };
        let open = || {
            let gpu = Gpu::open(&options);
            gpu.expect("this test needs a GPU adapter; `make test` sees to one")
        };
        let first = open();
        let Some(cache) = &first.pipeline_cache else {
            return; // Only Vulkan has a cache of ours to damage.
        };
        cache.store().expect("writes");
        let file = std::fs::read(&cache.path).expect("was written");
        let data = unwrap(&file, cache.owner).expect("is whole").to_vec();
        assert!(data.starts_with(b"WGPUPLCH"), "wgpu's header is no more");
        assert!(data.len() > WGPU_HEADER_BYTES);
        let mut all = vec![Vec::new(), b"no data of a driver".to_vec(), data.clone()];
        for at in 0..WGPU_HEADER_BYTES {
            let mut damaged = data.clone();
            damaged[at] ^= 0x40;
            all.push(damaged);
        }
        for data in all {
            std::fs::write(&cache.path, wrap(&data, cache.owner)).expect("writes");
            let gpu = open();
            gpu.check().expect("nothing failed");
            assert!(gpu.pipeline_cache.is_some());
            gpu.keep_pipelines().expect("writes");
        }
    }
}
