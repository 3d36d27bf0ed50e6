//! Floor 3: the operations, a room each. `mod.rs` of a room says how an operation is recorded (with its
//! shape rule), what its derivative is and what it fuses with; every other file is a kernel: host side,
//! twin, native kernel and cases of the shader of that name.

#![allow(
    clippy::inline_always,
    reason = "what is compiled for wide vectors must be inlined into the function that is"
)]
#![allow(
    clippy::needless_lifetimes,
    reason = "the macro of pulp asks for named lifetimes"
)]

pub mod activation;
pub mod batch;
pub mod conv2d;
pub mod elementwise;
pub mod head;
pub mod linear;
pub mod loss;
pub mod norm;
pub mod optimizer;
pub mod pad;
pub mod pool;
pub mod reduce;

use crate::graph::{self, Graph};
use crate::kernel::Kernel;

/// Fuses the operations of `graph` wherever there are kernels for it.
pub fn fuse(graph: &mut Graph) {
    graph::fuse(graph);
    norm::fuse(graph);
    head::fuse(graph);
}

/// Every kernel: the only registry there is. A new one adds its line here.
pub const ALL: &[&Kernel] = &[
    &activation::activation_backward::KERNEL,
    &activation::activation_forward::KERNEL,
    &activation::add_activation_backward::KERNEL,
    &conv2d::conv2d_backward_input::KERNEL,
    &conv2d::conv2d_backward_input_direct::KERNEL,
    &conv2d::conv2d_backward_input_max_unpool2d::KERNEL,
    &conv2d::conv2d_backward_weight::KERNEL,
    &conv2d::conv2d_backward_weight_strips::KERNEL,
    &conv2d::conv2d_forward::KERNEL,
    &conv2d::conv2d_forward_direct::KERNEL,
    &conv2d::conv2d_max_pool2d_backward_input::KERNEL,
    &conv2d::conv2d_max_pool2d_backward_weight::KERNEL,
    &conv2d::conv2d_max_pool2d_forward::KERNEL,
    &conv2d::conv2d_max_pool2d_forward_direct::KERNEL,
    &elementwise::add_forward::KERNEL,
    &head::mse_head::KERNEL,
    &linear::linear_backward_weight::KERNEL,
    &linear::linear_forward::KERNEL,
    &norm::batch_norm_backward_input::KERNEL,
    &norm::batch_norm_backward_parameters::KERNEL,
    &norm::batch_norm_forward::KERNEL,
    &norm::batch_norm_merge::KERNEL,
    &norm::batch_norm_merge_forward::KERNEL,
    &norm::batch_norm_statistics::KERNEL,
    &norm::batch_norm_sum_backward_input::KERNEL,
    &reduce::sum_partials::KERNEL,
    &reduce::sum_shards::KERNEL,
    &optimizer::squared_norm::KERNEL,
    &optimizer::clip_gradients::KERNEL,
    &optimizer::adam_step::KERNEL,
    &optimizer::adam_step_of_partials::KERNEL,
    &optimizer::sgd_step::KERNEL,
    &pool::adaptive_max_pool2d_backward::KERNEL,
    &pool::adaptive_max_pool2d_forward::KERNEL,
    &pad::pad2d_backward::KERNEL,
    &pad::pad2d_forward::KERNEL,
    &batch::epoch_permutation::KERNEL,
    &batch::gather::KERNEL,
    &batch::gather_augmented::KERNEL,
    &batch::normalize::KERNEL,
    &elementwise::dropout::KERNEL,
    &pool::avg_pool2d_backward::KERNEL,
    &pool::avg_pool2d_forward::KERNEL,
    &pool::global_avg_pool2d_backward::KERNEL,
    &pool::global_avg_pool2d_forward::KERNEL,
    &pool::max_pool2d_backward::KERNEL,
    &pool::max_pool2d_forward::KERNEL,
    &loss::cross_entropy_loss::KERNEL,
    &loss::regression_loss::KERNEL,
];
