//! The binary itself: what it writes and prints, and how it refuses bad input.

#![allow(missing_docs, reason = "a test binary has no public interface")]

mod bad_input;
mod damaged_files;
mod fetch;
mod killed;
mod resume;
mod runs;
mod support;
mod tuning;
