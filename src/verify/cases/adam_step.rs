//! Launches of `adam_step`.

use super::Case;
use crate::kernels::Step;
use crate::kernels::adam_step::{self, AdamConfig};
use crate::verify::numbers::Random;
use crate::verify::{Argument, Launch, Output, Tolerance, run_twin};

/// Rows of faults, of which a launch counts into the second.
const ROWS: usize = 3;

/// Step `t`, counted from 1, with the state that `[parameters, first_moment, second_moment]` are in.
pub fn launch(t: u64, state: &[Vec<f32>; 3], gradients: Vec<f32>) -> Launch {
    let config = AdamConfig::default();
    let [parameters, first, second] = state.clone().map(Argument::Floats);
    Launch {
        call: adam_step::call(gradients.len(), &config),
        step: config.factors(1e-3, t).of_step(Step {
            row: 1,
            ..Step::default()
        }),
        arguments: vec![
            parameters,
            Argument::Floats(gradients),
            first,
            second,
            Argument::Words(vec![5; ROWS]),
        ],
    }
}

/// The state after a step.
///
/// # Panics
/// If these are no outputs of a [`launch`]: a bug of the caller.
pub fn state_after(outputs: &[Output]) -> [Vec<f32>; 3] {
    [0, 1, 2].map(|index| match &outputs[index] {
        Output::Floats(floats) => floats.iter().map(|&x| x as f32).collect(),
        Output::Words(_) => panic!("the state is floats"),
    })
}

/// Four steps each, with parameters that get no gradient, and tiny and huge gradients. Each starts
/// from where the twin's last one ended, so that errors do not add up.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for len in [4, 28, 132, 1_020, 1_028, 70_004] {
        let mut random = Random::new(len as u64);
        let mut state = [random.floats(len), vec![0.0; len], vec![0.0; len]];
        for t in 1..=4 {
            let mut gradients = random.floats(len);
            gradients[0] = 0.0;
            gradients[1] *= 1e-12;
            gradients[2] *= 1e6;
            let mut launch = launch(t, &state, gradients);
            // Nothing decays in the first steps, much in the last.
            launch.step.decay = if t < 3 { 0.0 } else { 0.125 };
            state = state_after(&run_twin::<f32>(&launch));
            cases.push(launch.within(Tolerance::Elementwise));
        }
    }
    cases
}
