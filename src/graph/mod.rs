//! Floor 3: graphs of operations, their derivatives and their lowering to a [`Program`].

mod program;

pub use program::{BufferSlice, BufferSpec, Dispatch, Phase, Program, Role};
