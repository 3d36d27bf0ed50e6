//! Every kernel on the GPU, checked and unchecked, and on the processor, against its twin.

#![allow(missing_docs, reason = "a test binary has no public interface")]

mod harness;
mod products;

mod activation_backward;
mod activation_forward;
mod adam_step;
mod adaptive_max_pool2d_backward;
mod adaptive_max_pool2d_forward;
mod add_forward;
mod clip_gradients;
mod conv2d_backward_input;
mod conv2d_backward_weight;
mod conv2d_forward;
mod conv2d_max_pool2d_backward_input;
mod conv2d_max_pool2d_backward_weight;
mod conv2d_max_pool2d_forward;
mod epoch_permutation;
mod gather;
mod global_avg_pool2d_backward;
mod global_avg_pool2d_forward;
mod linear_backward_weight;
mod linear_forward;
mod max_pool2d_backward;
mod max_pool2d_forward;
mod mse_loss;
mod native;
mod pad2d_backward;
mod pad2d_forward;
mod sgd_step;
mod squared_norm;
mod sum_partials;
