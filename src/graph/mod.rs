//! Floor 2: graphs of operations, their derivatives and their lowering to a [`Program`].
//!
//! A graph is recorded by the functions of [`ops`](crate::ops), rewritten by [`fuse`], extended by
//! [`differentiate`] and turned into a program by [`lower`].

mod autodiff;
mod ends;
mod fuse;
#[allow(
    clippy::module_inception,
    reason = "the graph is what this floor is named after"
)]
mod graph;

mod launches;
mod parameters;
mod plan;
mod program;

pub use autodiff::{Add, Tape, differentiate};
pub use fuse::fuse;
pub use graph::{Graph, Node, Op, Shape, Storage, Value};
pub use launches::workgroup_size;
pub use parameters::{Kind, Layout, Parameter, ParameterTable, Start, Tensor};
pub use plan::lower;
pub use program::{BufferSlice, BufferSpec, Dispatch, Extent, Half, Phase, Program, Role};
