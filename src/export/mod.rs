//! Floor 7: trained nets for other programs. ONNX, checked against the device before anything is written.

mod check;
mod described;
mod graph;
mod interpreter;
mod proto;

pub use check::check_onnx;
pub use described::{Meaning, OnnxNet};
pub use graph::{OPSET, to_onnx, with_metadata};
pub use interpreter::{Model, Tensor};
