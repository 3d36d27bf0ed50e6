//! The batch: images of the resident data set, picked by the epoch's order and scaled to 0..1; in training augmented,
//! where that is asked for.

mod drawn;
pub mod epoch_permutation;
pub mod gather;
pub mod gather_augmented;
pub mod normalize;

use crate::data::Augmentation;
use crate::graph::{Graph, Op, Role, Shape, Value};
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::ops::batch::gather::ResidentLayout;
use crate::shape::ImageShape;

#[derive(Debug)]
struct Gather {
    shape: ImageShape,
    layout: ResidentLayout,
    augmented: Option<Augmented>,
}

/// How images are augmented that are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Augmented {
    /// What is drawn.
    pub by: Augmentation,
    /// Shape of the images, where they are read as vectors, too.
    pub image: ImageShape,
    /// Of `random::key(seed, Purpose::Augment)`.
    pub key: [u32; 2],
}

/// Records the reading of a batch of images, as `shape`: the data set's own, or a vector of all its
/// elements; `augmented` where that is asked for.
pub fn record(
    graph: &mut Graph,
    layout: &ResidentLayout,
    shape: ImageShape,
    augmented: Option<Augmented>,
) -> Value {
    let mut inputs: Vec<Value> = (0..gather::PARTS)
        .map(|part| {
            // A kernel binds all four; parts that the data set does not have repeat the first.
            let part = if part < layout.parts() { part } else { 0 };
            let role = Role::Images(part as u8);
            graph.resident(role, 0, layout.part_words(part), Scalar::U32)
        })
        .collect();
    inputs.push(graph.resident(Role::Order, 0, layout.count, Scalar::U32));
    let images = graph.transient(Shape::Samples(shape), Scalar::F32);
    let op = Gather {
        shape,
        layout: *layout,
        augmented,
    };
    graph.record("data", op, inputs, vec![images]);
    images
}

impl Op for Gather {
    fn call(&self, _target: &Target) -> Call {
        let Some(Augmented { by, image, key }) = self.augmented else {
            return gather::call(self.shape, self.layout.count, self.layout.images_per_part);
        };
        let is_vector = self.shape != image;
        gather_augmented::call(&by, key, image, is_vector, &self.layout)
    }
}
