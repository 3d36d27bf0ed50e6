//! The programs of a net: one training step, one batch of an evaluation.

use std::sync::Arc;

use super::network::Network;
use crate::error::Result;
use crate::graph::{Graph, Program, Role, Value, differentiate, lower};
use crate::kernel::target::Target;
use crate::ops;
use crate::ops::batch::Augmented;
use crate::ops::batch::gather::ResidentLayout;
use crate::ops::loss::{Loss, Objective};
use crate::ops::optimizer::Optimizer;

/// What a net's programs depend on beside the net.
#[derive(Debug, Clone)]
pub struct ProgramOptions {
    /// What the net is trained for, and what is measured.
    pub objective: Arc<dyn Objective>,
    /// Largest batch.
    pub capacity: usize,
    /// Most steps of one submission: rows of metrics.
    pub rows: usize,
    /// What kernels are chosen for.
    pub target: Target,
    /// Whether operations are fused where there is a kernel for it.
    pub fuse: bool,
}

/// What a training step does that an evaluation does not.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    /// How they change the parameters.
    pub optimizer: &'a dyn Optimizer,
    /// Largest norm of the gradient by all parameters together; a longer one is shortened to it.
    pub clip_grad_norm: Option<f64>,
    /// How its images are augmented.
    pub augmented: Option<Augmented>,
    /// Keys what layers draw.
    pub seed: u64,
    /// Whether something may happen between its halves: all gradients are there before the update.
    pub in_halves: bool,
}

impl<'a> Update<'a> {
    /// The update by `optimizer`, whatever the norm; images stay as they are.
    pub fn of(optimizer: &'a dyn Optimizer) -> Self {
        Self {
            optimizer,
            clip_grad_norm: None,
            augmented: None,
            seed: 0,
            in_halves: false,
        }
    }
}

/// Forward, loss, backward and update for one batch of the data set that lies as `layout`.
pub fn training_program(
    network: &Network,
    layout: &ResidentLayout,
    options: &ProgramOptions,
    update: Update<'_>,
) -> Result<Program> {
    Ok(lower(&training_graph(network, layout, options, update)?))
}

fn training_graph(
    network: &Network,
    layout: &ResidentLayout,
    options: &ProgramOptions,
    update: Update<'_>,
) -> Result<Graph> {
    let (mut graph, _, loss) = forward(network, layout, options, Some(update))?;
    differentiate(&mut graph, ops::elementwise::add_forward::sum)?;
    loss.reduce(&mut graph);
    let len = network.parameters.padded_len();
    let Update {
        optimizer,
        clip_grad_norm,
        in_halves,
        ..
    } = update;
    let is_whole = options.fuse && !in_halves && !graph.target.has_shards();
    let sizes = [len, options.rows];
    ops::optimizer::record(&mut graph, optimizer, clip_grad_norm, is_whole, sizes);
    Ok(graph)
}

/// Forward and loss for one batch of the data set that lies as `layout`; the predictions stay in
/// [`Role::Predictions`] until the next batch.
pub fn evaluation_program(
    network: &Network,
    layout: &ResidentLayout,
    options: &ProgramOptions,
) -> Result<Program> {
    let (mut graph, prediction, loss) = forward(network, layout, options, None)?;
    loss.reduce(&mut graph);
    graph.keep(prediction, Role::Predictions);
    Ok(lower(&graph))
}

/// Forward, of training where there is an `update`, and loss, the value that holds the prediction, and what is yet to be added up.
fn forward(
    network: &Network,
    layout: &ResidentLayout,
    options: &ProgramOptions,
    update: Option<Update<'_>>,
) -> Result<(Graph, Value, Loss)> {
    let mut graph = Graph::new(options.capacity, options.target.clone());
    graph.training = update.is_some();
    graph.seed = update.map_or(0, |it| it.seed);
    let augmented = update.and_then(|it| it.augmented);
    let images = ops::batch::record(&mut graph, layout, network.input, augmented);
    let prediction = network.record(&mut graph, images)?;
    let loss = ops::loss::record(
        &mut graph,
        &*options.objective,
        prediction,
        layout.count,
        options.rows,
    );
    if options.fuse {
        ops::fuse(&mut graph);
    }
    Ok((graph, prediction, loss))
}

/// The training graph of the default net on 3x32x32 images in batches of 128, for tests.
#[cfg(test)]
pub(crate) fn default_training_graph(net: super::NetworkType, fuse: bool, target: Target) -> Graph {
    training_graph_of(net, super::Activation::Relu, fuse, target)
}

/// [`default_training_graph`] with that activation.
#[cfg(test)]
fn training_graph_of(
    net: super::NetworkType,
    activation: super::Activation,
    fuse: bool,
    target: Target,
) -> Graph {
    let sizes = super::NetworkConfiguration::default_for(net);
    training_graph_of_sizes(net, &sizes, activation, fuse, target)
}

/// The same with layers of those sizes.
#[cfg(test)]
fn training_graph_of_sizes(
    net: super::NetworkType,
    sizes: &super::NetworkConfiguration,
    activation: super::Activation,
    fuse: bool,
    target: Target,
) -> Graph {
    let image = crate::shape::ImageShape::new(3, 32, 32);
    let network = Network::new(net, sizes, activation, image).expect("fits");
    let layout = ResidentLayout::new(1000, image.elements(), 1 << 27).expect("fits");
    let options = ProgramOptions {
        objective: Arc::new(super::Regression::default()),
        capacity: 128,
        rows: 4,
        target,
        fuse,
    };
    training_graph(
        &network,
        &layout,
        &options,
        Update::of(&super::Adam::default()),
    )
    .expect("fits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;
    use crate::graph::Phase;
    use crate::kernel::target::AdapterKind;
    use crate::nn::{NetworkConfiguration, NetworkType};
    use crate::ops::conv2d::conv2d_backward_input;

    fn program(net: NetworkType, fuse: bool) -> Program {
        let target = Target::portable(AdapterKind::Gpu);
        lower(&default_training_graph(net, fuse, target))
    }

    /// Dispatches of that kernel.
    fn count(program: &Program, name: &str) -> usize {
        let kernels = program.dispatches.iter().map(|it| it.call.kernel.name);
        kernels.filter(|kernel| *kernel == name).count()
    }

    fn dispatches(program: &Program, phase: Phase) -> usize {
        let all = program.dispatches.iter();
        all.filter(|dispatch| dispatch.phase == phase).count()
    }

    /// gather, conv+relu+pool twice, conv+relu (its pooling from 4x4 to 4x4 is nothing), dense+relu, the head, which
    /// goes back through the output at once, loss.
    #[test]
    fn fusion_leaves_one_forward_kernel_per_layer() {
        let forward = |net, fuse| dispatches(&program(net, fuse), Phase::Forward);
        assert_eq!(forward(NetworkType::Cnn, true), 7);
        assert_eq!(forward(NetworkType::Cnn, false), 13);
        assert_eq!(forward(NetworkType::Mlp, true), 4);
        assert_eq!(forward(NetworkType::Mlp, false), 7);
    }

    #[test]
    fn a_step_takes_few_dispatches() {
        let all = |net, fuse| program(net, fuse).dispatches.len();
        assert_eq!(all(NetworkType::Cnn, true), 19);
        assert_eq!(all(NetworkType::Mlp, true), 8);
        assert!(all(NetworkType::Cnn, false) > 28);
    }

    /// What does not depend on each other runs side by side, where an adapter can bind the buffers of all.
    #[test]
    fn a_step_takes_fewer_launches() {
        let mut target = Target::portable(AdapterKind::Gpu);
        target.limits.storage_buffers = 16;
        let of = |net, fuse, target: &Target| {
            let program = lower(&default_training_graph(net, fuse, target.clone()));
            (program.launches_in_a_row(), program.dispatches.len())
        };
        assert_eq!(of(NetworkType::Cnn, true, &target), (10, 19));
        assert_eq!(of(NetworkType::Mlp, true, &target), (4, 8));
        assert_eq!(of(NetworkType::Resnet, true, &target), (52, 84));
        // The nets of docs/performance.md: deep and shallow.
        let cnn = |channels: &[usize], kernel: usize| {
            let sizes = NetworkConfiguration {
                n_channels: channels.to_vec(),
                kernel_sizes: vec![kernel; channels.len()],
                strides: vec![1; channels.len()],
                ..NetworkConfiguration::mlp(&[256, 256])
            };
            let (kind, relu) = (NetworkType::Cnn, Activation::Relu);
            let graph = training_graph_of_sizes(kind, &sizes, relu, true, target.clone());
            let program = lower(&graph);
            (program.launches_in_a_row(), program.dispatches.len())
        };
        assert_eq!(cnn(&[8, 16, 32, 64], 1), (13, 24));
        assert_eq!(cnn(&[41], 28), (8, 14));
        // An adapter of few bindings runs the pairs alone.
        let few = Target::portable(AdapterKind::Gpu);
        let (launches, dispatches) = of(NetworkType::Cnn, true, &few);
        assert!((13..dispatches).contains(&launches), "{launches}");
        // So does one whose bindings do not hold a head's tape.
        let mut narrow = target.clone();
        narrow.limits.binding_bytes = 64 << 10;
        let program = lower(&default_training_graph(NetworkType::Mlp, true, narrow));
        assert_eq!(count(&program, "mse_head"), 0);
        // The oracle of what is fused, the processor and shards run one after the other.
        let (launches, dispatches) = of(NetworkType::Cnn, false, &target);
        assert_eq!(launches, dispatches);
        for target in [Target::portable(AdapterKind::Cpu), target.in_shards()] {
            let (launches, dispatches) = of(NetworkType::Cnn, true, &target);
            assert_eq!(launches, dispatches);
        }
    }

    /// Adapters have no zeros around images in memory, and undo poolings behind them as anywhere else.
    #[test]
    fn padding_takes_no_dispatch_of_an_adapter() {
        let sizes = NetworkConfiguration {
            paddings: vec![1; 3],
            ..NetworkConfiguration::default_for(NetworkType::Cnn)
        };
        let of = |kind, fuse| {
            let (net, relu) = (NetworkType::Cnn, Activation::Relu);
            let target = Target::portable(kind);
            lower(&training_graph_of_sizes(net, &sizes, relu, fuse, target))
        };
        let counts = |kind, fuse| {
            let program = of(kind, fuse);
            ["pad2d_forward", "pad2d_backward"].map(|name| count(&program, name))
        };
        assert_eq!(counts(AdapterKind::Gpu, true), [0, 0]);
        assert_eq!(counts(AdapterKind::Gpu, false), [3, 2]);
        assert_eq!(counts(AdapterKind::Cpu, true), [3, 2]);
        let fused = of(AdapterKind::Gpu, true);
        assert_eq!(count(&fused, "conv2d_backward_input_max_unpool2d"), 2);
        assert_eq!(count(&fused, "activation_backward"), 0);
    }

    #[test]
    fn the_first_layer_computes_no_gradient_of_the_images() {
        let program = program(NetworkType::Cnn, true);
        let count = |name| count(&program, name);
        let by_weight = ["conv2d_backward_weight", "conv2d_backward_weight_strips"];
        assert_eq!(by_weight.map(count), [1, 2]);
        // Two convolutions, behind poolings, and a linear layer, whose rows are convolutions of 1x1; the other one is
        // the head's.
        assert_eq!(count("max_pool2d_backward"), 0);
        assert_eq!(count("conv2d_backward_input_max_unpool2d"), 2);
        assert_eq!(count("conv2d_backward_input"), 1);
        assert_eq!(count("mse_head"), 1);
        assert_eq!(count("adam_step"), 1);
        assert_eq!(count("adam_step_of_partials"), 1);
        assert_eq!(
            program.dispatches.last().map(|it| it.phase),
            Some(Phase::Update)
        );
    }

    /// Every fused activation stands before a kernel that makes the gradient by its output, and that
    /// takes the slope; unfused ones are operations of their own. On the processor a pooling leaves its slope
    /// to one.
    #[test]
    fn fused_activations_have_no_backward_kernel_of_their_own() {
        for net in [NetworkType::Cnn, NetworkType::Mlp] {
            // Behind tanh, poolings are kernels of their own, and take its slope as well.
            for activation in [Activation::Relu, Activation::Tanh] {
                let target = Target::portable(AdapterKind::Gpu);
                let graph = training_graph_of(net, activation, true, target);
                assert_eq!(count(&lower(&graph), "activation_backward"), 0);
            }
        }
        let target = Target::portable(AdapterKind::Cpu);
        let on_cpu = lower(&default_training_graph(NetworkType::Cnn, true, target));
        assert_eq!(count(&on_cpu, "activation_backward"), 2);
        assert_eq!(count(&on_cpu, "max_pool2d_backward"), 0);
        let unfused = program(NetworkType::Mlp, false);
        assert_eq!(count(&unfused, "activation_backward"), 2);
        let unfused = program(NetworkType::Cnn, false);
        assert_eq!(count(&unfused, "activation_backward"), 4);
        let products = unfused.dispatches.iter().map(|it| &it.call);
        let products = products.filter(|it| *it.kernel == conv2d_backward_input::KERNEL);
        let slopes = products.map(|it| it.params::<conv2d_backward_input::Params>().activation);
        assert_eq!(slopes.collect::<Vec<_>>(), [Activation::Linear as u32; 4]);
    }

    /// A software adapter runs what a GPU runs, so that tests on one are of the other's programs.
    #[test]
    fn the_kind_of_the_adapter_changes_no_program() {
        for net in [NetworkType::Cnn, NetworkType::Mlp] {
            let of = |kind| lower(&default_training_graph(net, true, Target::portable(kind)));
            let [software, gpu] = [AdapterKind::Software, AdapterKind::Gpu].map(of);
            assert_eq!(software.dispatches, gpu.dispatches);
        }
    }

    /// Gradients of long-dead activations reuse their memory.
    #[test]
    fn scratch_is_shared() {
        let program = program(NetworkType::Cnn, true);
        let scratch = |slot: &&crate::graph::BufferSpec| matches!(slot.role, Role::Scratch(_));
        let slots = program.buffers.iter().filter(scratch).count();
        let written = program.dispatches.len();
        assert!(
            3 * slots < 2 * written,
            "{slots} slots for {written} dispatches"
        );
        // conv1's output alone is 128 x 30 x 30 x 16 floats, and its gradient as much again.
        let two = 2 * 128 * 30 * 30 * 16 * 4;
        assert!(
            program.scratch_bytes() < 3 * two,
            "{}",
            program.scratch_bytes()
        );
    }
}
