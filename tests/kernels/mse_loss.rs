use gpu_train::kernels::{Step, mse_loss};
use gpu_train::reference;

use crate::harness::{
    Argument, Launch, Output, Random, Tolerance, assert_gradient, assert_twin, batch, gpu, run_gpu,
    run_twin, zero_padding,
};

const ROWS: usize = 3;

fn launch(prediction: Vec<f32>, targets: Vec<f32>, row: u32) -> Launch {
    let capacity = targets.len();
    Launch {
        call: mse_loss::call(ROWS),
        step: Step {
            row,
            ..batch(capacity)
        },
        arguments: vec![
            Argument::Floats(zero_padding(prediction, 1, 4)),
            // Samples lie back to front in the data set.
            Argument::Words((0..capacity as u32).rev().collect()),
            Argument::Floats(targets.into_iter().rev().collect()),
            Argument::Poisoned(capacity * 4),
            Argument::Poisoned(ROWS * mse_loss::METRICS),
            Argument::Poisoned(ROWS),
        ],
    }
}

fn digits(random: &mut Random, len: usize) -> Vec<f32> {
    (0..len).map(|_| (random.bits() % 10) as f32).collect()
}

/// Whole numbers: all sums are exact, and gradients must be to the last bit.
#[test]
fn whole_numbers_are_exact_for_any_batch() {
    for samples in [1, 2, 3, 7, 33, 127, 128, 129, 255, 257, 1_000, 5_003] {
        let mut random = Random::new(samples as u64);
        let targets = digits(&mut random, samples);
        let mut launch = launch(random.integers(samples * 4), targets, samples as u32 % 3);
        assert_twin(&launch, Tolerance::Exact);
        launch.step.batch = launch.step.batch.div_ceil(2);
        assert_twin(&launch, Tolerance::Exact);
    }
}

#[test]
fn random_numbers_match_the_twin() {
    for samples in [1, 7, 33, 255, 257, 5_003] {
        let mut random = Random::new(12);
        let targets = digits(&mut random, samples);
        let prediction = random.floats(samples * 4).into_iter().map(|x| 9.0 * x);
        let launch = launch(prediction.collect(), targets, 1);
        assert_twin(&launch, Tolerance::Elementwise);
        assert_eq!(run_gpu(gpu(false), &launch)[0], run_twin::<f32>(&launch)[0]);
    }
}

/// The scale 2 / batch is a long division: every batch length up to 600, and some large ones.
#[test]
fn the_scale_is_correctly_rounded() {
    for samples in (1..600).chain([65_535, 99_991]) {
        let mut prediction = vec![0.0; samples * 4];
        prediction[0] = 1.0;
        let outputs = run_gpu(gpu(false), &launch(prediction, vec![0.0; samples], 0));
        let Output::Floats(gradient) = &outputs[0] else {
            panic!("gradients are floats");
        };
        assert_eq!(gradient[0], f64::from((2.0 / samples as f64) as f32));
    }
}

/// ```python
/// p = torch.tensor([0.5, 1.5, -0.25, 7.0, 2.75], requires_grad=True)
/// torch.nn.MSELoss()(p, torch.tensor([0.0, 2.0, 0.0, 9.0, 3.0])).backward(); p.grad
/// ```
#[test]
fn gradient_and_metrics_are_pytorchs() {
    let mut prediction = vec![0.0; 20];
    for (sample, value) in [0.5, 1.5, -0.25, 7.0, 2.75].into_iter().enumerate() {
        prediction[4 * sample] = value;
    }
    let launch = launch(prediction, vec![0.0, 2.0, 0.0, 9.0, 3.0], 2);
    let wanted = [0.2_f32, -0.2, -0.1, -0.8, -0.1];
    for outputs in [run_gpu(gpu(true), &launch), run_twin::<f32>(&launch)] {
        let [
            Output::Floats(gradient),
            Output::Floats(metrics),
            Output::Words(faults),
        ] = &outputs[..]
        else {
            panic!("gradients and metrics are floats, faults are words");
        };
        let gradient: Vec<f64> = gradient.iter().step_by(4).copied().collect();
        assert_eq!(gradient, wanted.map(f64::from));
        // 0.5 rounds to 0 and 1.5 to 2: half to even. Only 7 misses.
        assert_eq!(metrics[8..], [4.625, 3.5, 4.0, 5.0]);
        assert!(metrics[..8].iter().all(|untouched| untouched.is_nan()));
        assert_eq!(faults[2], 0);
    }
}

#[test]
fn the_gradient_is_the_derivative() {
    let targets: Vec<f64> = (0..7).map(f64::from).collect();
    let mean_square = |prediction: &[f64]| {
        let pairs = prediction.iter().step_by(4).zip(&targets);
        pairs.map(|(p, t)| (p - t).powi(2)).sum::<f64>() / 7.0
    };
    let prediction: Vec<f64> = (0..28).map(|i| f64::from(i * i % 11) * 0.7).collect();
    let mut gradient = vec![0.0; 28];
    let mut metrics = vec![0.0; 4];
    reference::mse_loss::run(
        mse_loss::call(1).params(),
        &batch(7),
        &prediction,
        &[0, 1, 2, 3, 4, 5, 6],
        &targets,
        &mut gradient,
        &mut metrics,
        &mut [9],
    );
    assert_gradient(&prediction, &gradient, mean_square, "mse_loss");
    assert!((metrics[0] / 7.0 - mean_square(&prediction)).abs() < 1e-12);
}
