//! Trains small vision networks on any GPU that Vulkan, Metal or DX12 reaches, and without one on the
//! processor: no CUDA, no Python.
//!
//! ```
//! use gpu_train::{Dataset, GpuOptions, ImageShape, Net, Session, Split, Trainer};
//!
//! # fn main() -> gpu_train::Result<()> {
//! // Your own images, as bytes: channels, then rows, then columns. Here: how bright is it?
//! let shape = ImageShape::new(1, 8, 8);
//! let set = |count: u8| {
//!     let images = (0..count).flat_map(|it| vec![it; 64]).collect();
//!     let targets = (0..count).map(|it| f32::from(it) / 25.0).collect();
//!     Dataset::new(images, targets, shape)
//! };
//! let split = Split::new(set(250)?, set(100)?);
//!
//! let session = Session::open(&GpuOptions::default())?; // a GPU where there is one
//! let data = session.upload_split(split)?;
//! let mut trainer = Trainer::builder(&session, data)
//!     .net(Net::mlp([16]))
//!     .lr(1e-2)
//!     .build()?;
//! trainer.train_loop(20, |_event| Ok(()))?;
//! assert!(trainer.logs()[19].test["mae"] < 0.5);
//! # Ok(())
//! # }
//! ```
//!
//! `examples/` trains on your own arrays, trains a net of your own layers, writes a loop of its own with
//! [`Trainer::training_step`], and predicts from a file. Everything else stands by floors, from the ground
//! up; ARCHITECTURE.md describes them, and a module imports only from floors below its own.
//!
//! The features `cli` (the command line), `formats` (data sets in files), `report`, `export`, `fetch` and
//! `sweep` are on by default; a library that only trains does without: `default-features = false`.

// Floor 0: what everyone knows.
pub mod activation;
pub mod error;
mod files;
pub mod random;
pub mod settings;
pub mod shape;

// Floor 1: the contract of a kernel; data sets on the host, and where to get them.
pub mod data;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod kernel;

// Floor 2: the machine; graphs, derivatives, programs; processes that share the work.
pub mod gpu;
pub mod graph;
pub mod ranks;

// Floor 3: the operations, with their kernels.
pub mod ops;

// Floor 4: executors; nets.
pub mod exec;
pub mod nn;

// Floor 5: training; kernels against their twins.
pub mod train;
pub mod verify;

// Floor 6: runs on disk; the search for fast tiles.
pub mod run;
pub mod tune;

// Floor 7: reports of an adapter and of runs; sweeps; nets for other programs.
pub mod doctor;
#[cfg(feature = "export")]
pub mod export;
#[cfg(feature = "report")]
pub mod report;
#[cfg(feature = "sweep")]
pub mod sweep;

// Floor 8: the command line.
#[cfg(feature = "cli")]
pub mod cli;

pub use activation::Activation;
pub use data::{Dataset, Split};
pub use error::{Error, Result};
pub use gpu::GpuOptions;
pub use nn::{Adam, CrossEntropy, Layer, Net, Network, Objective, Optimizer, Regression, Sgd};
pub use run::{load_weights, save_weights};
pub use shape::ImageShape;
pub use train::{Metrics, Predictor, PredictorOptions, Session, Subset, Trainer, TrainerOptions};

/// The README's example, which doctest compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
