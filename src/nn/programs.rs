//! The programs of a net: one training step, one batch of an evaluation.

use super::network::Network;
use crate::error::Result;
use crate::graph::{Graph, Program, differentiate, fuse, lower, ops};
use crate::kernels::adam_step::AdamConfig;
use crate::kernels::gather::ResidentLayout;
use crate::target::Target;

/// What a net's programs depend on beside the net.
#[derive(Debug, Clone, Copy)]
pub struct ProgramOptions {
    /// Largest batch.
    pub capacity: usize,
    /// Most steps of one submission: rows of metrics.
    pub rows: usize,
    /// What kernels are chosen for.
    pub target: Target,
    /// Whether operations are fused where there is a kernel for it.
    pub fuse: bool,
}

/// Forward, loss, backward and Adam for one batch of the data set that lies as `layout`.
pub fn training_program(
    network: &Network,
    layout: &ResidentLayout,
    options: &ProgramOptions,
    adam: &AdamConfig,
) -> Result<Program> {
    let mut graph = forward(network, layout, options)?;
    differentiate(&mut graph)?;
    let len = network.parameters.padded_len();
    ops::adam_step::record(&mut graph, adam, len, options.rows);
    Ok(lower(&graph))
}

/// Forward and loss for one batch of the data set that lies as `layout`.
pub fn evaluation_program(
    network: &Network,
    layout: &ResidentLayout,
    options: &ProgramOptions,
) -> Result<Program> {
    Ok(lower(&forward(network, layout, options)?))
}

fn forward(network: &Network, layout: &ResidentLayout, options: &ProgramOptions) -> Result<Graph> {
    let mut graph = Graph::new(options.capacity, options.target);
    let (images, targets) = ops::gather::record(&mut graph, layout, network.input);
    let prediction = network.record(&mut graph, images)?;
    ops::mse_loss::record(&mut graph, prediction, targets, options.rows);
    if options.fuse {
        fuse(&mut graph);
    }
    Ok(graph)
}
