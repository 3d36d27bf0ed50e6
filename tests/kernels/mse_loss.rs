use gpu_train::ops::loss::mse_loss;
use gpu_train::ops::loss::mse_loss::{launch, random};

use crate::harness::{Output, assert_cases, assert_gradient, batch, gpu, run_gpu, run_twin};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&mse_loss::KERNEL);
}

#[test]
fn gradients_of_floats_are_the_twins_to_the_bit() {
    for samples in [1, 7, 33, 255, 257, 5_003] {
        let launch = random(samples);
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
    mse_loss::twin(
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
