//! Data files of every format: what is read from whole ones, what is said about wrong ones, and
//! thousands of damaged ones.

#![allow(missing_docs, reason = "a test binary has no public interface")]

mod cases;
mod damaged;
mod real;
mod refusals;
mod values;
mod writers;

/// Counts what is allocated, for `damaged`.
#[global_allocator]
static ALLOCATED: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;
