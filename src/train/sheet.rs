//! Pictures as training sees them.

use super::options::TrainerOptions;
use super::order::{Order, on_set, shuffle_seed};
use super::resident::ResidentDataset;
use super::session::Session;
use crate::error::Result;
use crate::exec::{Executable, SharedBuffers};
use crate::graph::{Graph, Role, lower};
use crate::kernel::Step;
use crate::ops;

impl Session {
    /// The first batch of a training with `options` on `set`, one image after the other: its channels, of those its
    /// rows, as bytes. Augmented, where that is asked for; nothing is normalised.
    ///
    /// Errors where the images cannot be augmented so, or do not fit the device.
    pub fn first_batch(&self, set: &ResidentDataset, options: &TrainerOptions) -> Result<Vec<u8>> {
        options.validate()?;
        let (device, shape, layout) = (self.device(), set.shape(), set.layout());
        options.augment.check(shape)?;
        let count = options.batch_size.min(layout.count);
        let mut graph = Graph::new(count, device.target().clone());
        let augmented = options.update(shape).augmented;
        let images = ops::batch::record(&mut graph, &layout, shape, augmented);
        graph.keep(images, Role::Predictions);
        let program = lower(&graph);
        let bytes = program.len_of(Role::Predictions) as u64 * 4;
        let output = device.storage("pictures", bytes)?;
        let shared = SharedBuffers::from([(Role::Predictions, output.clone())]);
        let order = Order::new(device, set.len(), shuffle_seed(options))?;
        let shared = on_set(&shared, set, &order);
        device.run_once(
            &Executable::new(device, &program, &shared)?,
            &Step::of(0, count),
        );
        let floats: Vec<f32> = bytemuck::pod_collect_to_vec(&device.read(&output, 0, bytes)?);
        let samples = floats.chunks_exact(shape.padded_elements()).take(count);
        let planes = samples.flat_map(|sample| {
            let channels = 0..shape.channels;
            channels.flat_map(move |it| sample[it..].iter().step_by(shape.padded_channels()))
        });
        Ok(planes.map(|it| (it * 255.0).round() as u8).collect())
    }
}
