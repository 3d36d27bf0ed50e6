//! Whole training runs, on the GPU and on the processor: PyTorch's trajectories, the twins, and the
//! same bits.

#![allow(missing_docs, reason = "a test binary has no public interface")]

mod fixture;
mod support;

mod augmented;
mod cpu_executor;
mod determinism;
mod doctor;
mod halving;
mod interruption;
mod onnx;
mod own_nets;
mod predictor;
mod pytorch;
mod rank_runs;
mod ranks;
mod resident;
mod runs;
mod seed_words;
mod shards;
mod sharing;
mod sweep;
mod threads;
mod tuning;
