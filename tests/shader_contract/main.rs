//! Every shader against the Rust side of its kernel, without a GPU: bindings, Params, immediates,
//! workgroup size and memory; and its translation to SPIR-V, MSL and HLSL.

mod companions;
mod interface;
mod merged;
mod portable_limits;
mod shader;
mod translation;
mod workgroups;
