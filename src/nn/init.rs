//! Initial parameters: uniform within 1 over the root of the fan-in, weights and biases alike, as
//! PyTorch's `Linear` and `Conv2d` start; ones and zeros for what starts there.

use rand_chacha::rand_core::Rng as _;

use crate::graph::{Parameter, ParameterTable, Start};
use crate::random::{Purpose, stream};

/// Tensors in PyTorch's order, one per parameter: a function of `seed` alone.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html> ("Variables").
pub fn initial_parameters(table: &ParameterTable, seed: u64) -> Vec<Vec<f32>> {
    let mut random = stream(seed, Purpose::Init);
    let mut tensor = |parameter: &Parameter| {
        let elements = parameter.layout.elements();
        let inputs = match parameter.start {
            Start::FanIn(inputs) => inputs,
            Start::Zero => return vec![0.0; elements],
            Start::One => return vec![1.0; elements],
        };
        let bound = 1.0 / (inputs as f64).sqrt();
        let mut draw = || {
            // 24 bits: as many as an f32 from 0 to 1 can tell apart.
            let unit = f64::from(random.next_u32() >> 8) / f64::from(1_u32 << 24);
            ((2.0 * unit - 1.0) * bound) as f32
        };
        (0..elements).map(|_| draw()).collect()
    };
    table.iter().map(&mut tensor).collect()
}
