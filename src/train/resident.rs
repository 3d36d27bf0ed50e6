//! A data set on the GPU: images as packed bytes, and targets. It never changes, so that trainers
//! can share it.

use crate::data::{Dataset, Split, TargetStatistics};
use crate::error::{Error, Result};
use crate::exec::{Buffer, Device, SharedBuffers};
use crate::graph::Role;
use crate::ops::batch::gather::{PARTS, ResidentLayout};
use crate::ops::loss::Objective;
use crate::shape::ImageShape;

/// Which part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subset {
    /// The training set.
    Train,
    /// The test set.
    Test,
    /// The validation set.
    Valid,
}

impl Subset {
    /// Its name, for sentences.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "training",
            Self::Test => "test",
            Self::Valid => "validation",
        }
    }
}

/// A data set in GPU memory.
#[derive(Debug)]
pub struct ResidentDataset {
    layout: ResidentLayout,
    shape: ImageShape,
    statistics: TargetStatistics,
    buffers: SharedBuffers,
}

/// A training and a test set in GPU memory, whose images have one shape.
#[derive(Debug)]
pub struct ResidentSplit {
    train: ResidentDataset,
    test: ResidentDataset,
    valid: Option<ResidentDataset>,
}

/// How a training and a test set lie on the GPU: known before they are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitLayout {
    /// Of the training set.
    pub train: ResidentLayout,
    /// Of the test set.
    pub test: ResidentLayout,
    /// Of the validation set, where there is one.
    pub valid: Option<ResidentLayout>,
    /// Shape of the images.
    pub image: ImageShape,
}

impl SplitLayout {
    /// How the sets of `split` would lie on an adapter that binds `binding_bytes` at once.
    ///
    /// Errors where the shapes differ, or one of the sets does not fit.
    pub fn of(split: &Split, binding_bytes: u64) -> Result<Self> {
        for other in std::iter::once(&split.test).chain(&split.valid) {
            same_shape(split.train.shape(), other.shape())?;
        }
        let lay_out = |set: &Dataset| lay_out(set.len(), set.shape(), binding_bytes);
        Ok(Self {
            train: lay_out(&split.train)?,
            test: lay_out(&split.test)?,
            valid: split.valid.as_ref().map(lay_out).transpose()?,
            image: split.train.shape(),
        })
    }
}

impl ResidentSplit {
    /// Both sets; errors where their images differ in shape.
    pub fn new(train: ResidentDataset, test: ResidentDataset) -> Result<Self> {
        same_shape(train.shape, test.shape)?;
        Ok(Self {
            train,
            test,
            valid: None,
        })
    }

    /// The same, with what models are chosen by.
    #[must_use]
    pub fn with_validation(mut self, valid: ResidentDataset) -> Self {
        self.valid = Some(valid);
        self
    }

    /// What models are chosen by, where there is such a set.
    pub fn valid(&self) -> Option<&ResidentDataset> {
        self.valid.as_ref()
    }

    /// What is trained on.
    pub fn train(&self) -> &ResidentDataset {
        &self.train
    }

    /// What is only evaluated on.
    pub fn test(&self) -> &ResidentDataset {
        &self.test
    }

    /// How both lie.
    pub fn layout(&self) -> SplitLayout {
        SplitLayout {
            train: self.train.layout,
            test: self.test.layout,
            valid: self.valid.as_ref().map(|it| it.layout),
            image: self.train.shape,
        }
    }
}

fn same_shape(train: ImageShape, test: ImageShape) -> Result<()> {
    if train == test {
        return Ok(());
    }
    Err(Error::usage(
        format!("training images are {train}, test images {test}"),
        "all sets must hold images of the same channels, height and width",
    ))
}

/// How `count` images of `shape` lie on an adapter that binds `binding_bytes` at once; errors where
/// they do not fit, saying what is needed and what there is.
pub(crate) fn lay_out(
    count: usize,
    shape: ImageShape,
    binding_bytes: u64,
) -> Result<ResidentLayout> {
    let elements = shape.elements();
    let layout = ResidentLayout::new(count, elements, binding_bytes);
    layout.ok_or_else(|| {
        Error::gpu(
            format!(
                "{count} images of {shape} need {} bytes; this adapter can bind {PARTS} times {binding_bytes}",
                count * elements.next_multiple_of(16),
            ),
            "use fewer or smaller images, or another `device`",
        )
    })
}

impl ResidentDataset {
    pub(super) fn upload(device: &Device, data: &Dataset) -> Result<Self> {
        let layout = lay_out(
            data.len(),
            data.shape(),
            device.target().limits.binding_bytes,
        )?;
        let mut buffers = SharedBuffers::new();
        for part in 0..layout.parts() {
            let buffer = upload_part(device, data, &layout, part)?;
            buffers.insert(Role::Images(part as u8), buffer);
        }
        let targets = device.storage("targets", data.len() as u64 * 4)?;
        device.write(&targets, 0, bytemuck::cast_slice(data.targets()))?;
        buffers.insert(Role::Targets, targets);
        device.wait()?;
        Ok(Self {
            layout,
            shape: data.shape(),
            statistics: TargetStatistics::of(data.targets()),
            buffers,
        })
    }

    /// How the images lie.
    pub fn layout(&self) -> ResidentLayout {
        self.layout
    }

    /// Shape of one image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// What its targets are like.
    pub fn statistics(&self) -> &TargetStatistics {
        &self.statistics
    }

    /// Errors where its targets are none that a net could be trained to meet for `objective`.
    pub(super) fn check(&self, objective: &dyn Objective) -> Result<()> {
        let found = &self.statistics;
        objective.check(found.least as f32..=found.greatest as f32, found.whole)
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.layout.count
    }

    /// False: there are no empty data sets.
    pub fn is_empty(&self) -> bool {
        self.layout.count == 0
    }

    /// One target per image, in file order, read back from the GPU.
    pub fn targets(&self, device: &Device) -> Result<Vec<f32>> {
        let bytes = device.read(&self.buffers[&Role::Targets], 0, self.len() as u64 * 4)?;
        Ok(bytemuck::pod_collect_to_vec(&bytes))
    }

    /// Images and targets, by role; the order is every trainer's own.
    pub(super) fn buffers(&self) -> &SharedBuffers {
        &self.buffers
    }
}

fn upload_part(
    device: &Device,
    data: &Dataset,
    layout: &ResidentLayout,
    part: usize,
) -> Result<Buffer> {
    let buffer = device.storage("images", layout.part_words(part) as u64 * 4)?;
    let elements = data.shape().elements();
    let padding = vec![0; layout.image_words * 4 - elements];
    let first = part * layout.images_per_part;
    let last = (first + layout.images_per_part).min(data.len());
    let images = data.images()[first * elements..last * elements].chunks_exact(elements);
    let pieces = images.flat_map(|image| [Ok(image), Ok(&padding[..])]);
    device.write_pieces(&buffer, 0, pieces)?;
    Ok(buffer)
}
