use gpu_train::activation::Activation;
use gpu_train::kernel::Call;
use gpu_train::ops::head::mse_head;
use gpu_train::ops::head::mse_head::Params;
use gpu_train::ops::head::{HeadShape, HeadTape};

use crate::harness::{assert_cases, assert_gradient, batch};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&mse_head::KERNEL);
}

/// Samples, and the features of their values.
const SAMPLES: usize = 3;

/// Numbers without a pattern, from -1 to 1.
fn numbers(len: usize, seed: usize) -> Vec<f64> {
    let number = |i: usize| ((i + seed) * 7_919 % 2_003) as f64 / 1_001.0 - 1.0;
    (0..len).map(number).collect()
}

/// The tape after a step of f64 twins.
fn tape(call: &Call, len: usize, input: &[f64], weights: &[f64]) -> Vec<f64> {
    let mut tape = vec![0.0; len];
    let (order, targets) = ([0, 1, 2], [0.5, -0.25, 2.0]);
    let params: &Params = call.params();
    mse_head::twin(
        params,
        &batch(SAMPLES),
        input,
        weights,
        &order,
        &targets,
        &mut tape,
    );
    tape
}

#[test]
fn gradients_are_derivatives() {
    for activation in [Activation::Sigmoid, Activation::Tanh] {
        let shape = HeadShape {
            features: vec![4, 8, 1],
            weights: vec![0, 128],
            activation,
            is_activated: false,
            splits: 0,
        };
        let call = shape.call(SAMPLES);
        let HeadTape {
            outputs,
            gradients,
            len,
        } = shape.tape(SAMPLES);
        // 4 x 8 and 8 floats, 64 apart; 8 x 1, of which every fourth counts, and 1.
        let mut weights = numbers(128 + 64 + 4, 5);
        for (at, weight) in weights[128..].iter_mut().enumerate() {
            if at % 4 != 0 {
                *weight = 0.0;
            }
        }
        let mean_square = |input: &[f64]| {
            let tape = tape(&call, len, input, &weights);
            let predictions = tape[outputs[2]..].iter().step_by(4).zip([0.5, -0.25, 2.0]);
            predictions
                .map(|(it, wanted)| (it - wanted).powi(2))
                .sum::<f64>()
                / SAMPLES as f64
        };
        let input = numbers(4 * SAMPLES, 0);
        let made = tape(&call, len, &input, &weights);
        let gradient = &made[gradients[0]..][..4 * SAMPLES];
        assert_gradient(&input, gradient, mean_square, activation.name());
        // The biases of the hidden layer: the sum of the gradients by its sums.
        let bias = weights[64..72].to_vec();
        let by_bias = |o: usize| {
            made[gradients[1] + o..]
                .iter()
                .step_by(8)
                .take(SAMPLES)
                .sum()
        };
        let by_bias: Vec<f64> = (0..8).map(by_bias).collect();
        let moved = |bias: &[f64]| {
            let mut weights = weights.clone();
            weights[64..72].copy_from_slice(bias);
            let tape = tape(&call, len, &input, &weights);
            let predictions = tape[outputs[2]..].iter().step_by(4).zip([0.5, -0.25, 2.0]);
            predictions
                .map(|(it, wanted)| (it - wanted).powi(2))
                .sum::<f64>()
                / SAMPLES as f64
        };
        assert_gradient(&bias, &by_bias, moved, "bias");
    }
}
