//! What outlives a single run: the device, its pipelines, and uploaded data sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::resident::{ResidentDataset, ResidentSplit, SplitLayout};
use crate::data::{Dataset, Split};
use crate::error::Result;
use crate::exec::Device;
use crate::gpu::GpuOptions;
use crate::ranks::Ranks;

/// An open device. Trainers borrow it; training, sweeps, prediction and evaluation share it.
#[derive(Debug)]
pub struct Session {
    device: Device,
    uploads: AtomicUsize,
}

impl Session {
    /// Opens the device that `options` ask for, as [`Device::open`] does.
    pub fn open(options: &GpuOptions) -> Result<Self> {
        Device::open(options).map(Self::new)
    }

    /// The same for a rank, which shares every batch with the other `ranks`: as [`Device::open_shared`] does.
    pub fn open_shared(options: &GpuOptions, ranks: Ranks) -> Result<Self> {
        Device::open_shared(options, ranks).map(Self::new)
    }

    /// A session on `device`.
    pub fn new(device: Device) -> Self {
        Self {
            device,
            uploads: AtomicUsize::new(0),
        }
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Copies `data` to the GPU, where it stays.
    ///
    /// Errors where it does not fit, saying what is needed and what there is.
    pub fn upload(&self, data: &Dataset) -> Result<ResidentDataset> {
        self.uploads.fetch_add(1, Ordering::Relaxed);
        ResidentDataset::upload(&self.device, data)
    }

    /// How many data sets were uploaded: a training and a test set are two.
    pub fn uploads(&self) -> usize {
        self.uploads.load(Ordering::Relaxed)
    }

    /// Copies all sets to the GPU, and frees the host's copy of each when done.
    pub fn upload_split(&self, split: Split) -> Result<Arc<ResidentSplit>> {
        // All are looked at before the first is uploaded.
        let binding_bytes = self.device.target().limits.binding_bytes;
        SplitLayout::of(&split, binding_bytes)?;
        let train = self.upload(&split.train)?;
        drop(split.train);
        let test = self.upload(&split.test)?;
        let resident = ResidentSplit::new(train, test)?;
        Ok(Arc::new(match split.valid {
            None => resident,
            Some(valid) => resident.with_validation(self.upload(&valid)?),
        }))
    }
}
