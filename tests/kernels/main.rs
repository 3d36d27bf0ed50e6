//! Every kernel on the GPU, checked and unchecked, against its CPU twin.

#![allow(missing_docs, reason = "a test binary has no public interface")]

mod harness;

mod activation_backward;
mod activation_forward;
