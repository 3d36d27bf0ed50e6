//! Every kernel on the GPU, checked and unchecked, against its CPU twin.

#![allow(missing_docs, reason = "a test binary has no public interface")]

mod harness;

mod activation_backward;
mod activation_forward;
mod adam_step;
mod adaptive_max_pool2d_backward;
mod adaptive_max_pool2d_forward;
mod epoch_permutation;
mod gather;
mod max_pool2d_backward;
mod max_pool2d_forward;
mod mse_loss;
