//! The binary itself: what it writes and prints, and how it refuses bad input.

#![allow(missing_docs, reason = "a test binary has no public interface")]

mod augmentation;
mod bad_input;
#[cfg(all(unix, not(target_os = "macos")))]
mod browser;
#[expect(dead_code, reason = "tests/formats uses the rest of it")]
#[path = "../formats/cases.rs"]
mod cases;
mod classes;
mod classification;
mod cluster;
mod damaged_files;
mod devices;
mod doctor;
mod fetch;
mod formats;
mod killed;
mod mutated;
mod options;
mod output;
mod pages;
mod photos;
mod picture_folders;
mod pictures;
mod predict;
mod report;
mod resume;
mod runs;
mod search;
mod shells;
mod slips;
mod strange_folders;
mod strange_names;
mod support;
mod sweep;
mod sweep_tasks;
mod targets;
mod tensorboard;
mod tuning;
#[path = "../formats/writers.rs"]
mod writers;
