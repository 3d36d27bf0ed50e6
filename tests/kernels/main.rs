//! Every kernel on the GPU, checked and unchecked, and on the processor, against its twin.

#![allow(missing_docs, reason = "a test binary has no public interface")]

mod graphs;
mod harness;
mod products;

mod activation_backward;
mod activation_forward;
mod adam_step;
mod adam_step_of_partials;
mod adaptive_max_pool2d_backward;
mod adaptive_max_pool2d_forward;
mod add_forward;
mod avg_pool2d_backward;
mod avg_pool2d_forward;
mod batch_norm;
mod batch_norm_backward_input;
mod batch_norm_backward_parameters;
mod batch_norm_forward;
mod batch_norm_merge;
mod batch_norm_statistics;
mod clip_gradients;
mod conv2d_backward_input;
mod conv2d_backward_input_direct;
mod conv2d_backward_input_max_unpool2d;
mod conv2d_backward_weight;
mod conv2d_backward_weight_strips;
mod conv2d_forward;
mod conv2d_forward_direct;
mod conv2d_max_pool2d_backward_input;
mod conv2d_max_pool2d_backward_weight;
mod conv2d_max_pool2d_forward;
mod conv2d_max_pool2d_forward_direct;
mod cross_entropy_loss;
mod dropout;
mod epoch_permutation;
mod gather;
mod gather_augmented;
mod global_avg_pool2d_backward;
mod global_avg_pool2d_forward;
mod linear_backward_weight;
mod linear_forward;
mod max_pool2d_backward;
mod max_pool2d_forward;
mod mse_head;
mod native;
mod normalize;
mod pad2d_backward;
mod pad2d_forward;
mod padding;
mod regression_loss;
mod residual;
mod sgd_step;
mod squared_norm;
mod sum_partials;
mod sum_shards;
