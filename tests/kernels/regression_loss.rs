use gpu_train::kernel::case::Launch;
use gpu_train::nn::{RegressionLoss, TargetScale};
use gpu_train::ops::loss::regression_loss;
use gpu_train::ops::loss::regression_loss::{launch, random};

use crate::harness::{Output, assert_cases, assert_gradient, batch, gpu, run_gpu, run_twin};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&regression_loss::KERNEL);
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

/// The launch of five predictions for five digits, by `loss` and `scale`.
fn five(loss: RegressionLoss, scale: TargetScale, rounds: bool) -> Launch {
    let mut prediction = vec![0.0; 20];
    for (sample, value) in [0.5, 1.5, -0.25, 7.0, 2.75].into_iter().enumerate() {
        prediction[4 * sample] = value;
    }
    Launch {
        call: regression_loss::call(3, loss, scale, rounds),
        ..launch(prediction, vec![0.0, 2.0, 0.0, 9.0, 3.0], 2)
    }
}

/// ```python
/// p = torch.tensor([0.5, 1.5, -0.25, 7.0, 2.75], requires_grad=True)
/// t = torch.tensor([0.0, 2.0, 0.0, 9.0, 3.0])  # or (t - 4) / 2
/// loss = torch.nn.MSELoss()(p, t)  # or L1Loss(), or HuberLoss(delta=0.75)
/// loss.backward(); 5 * loss, p.grad
/// ```
#[test]
fn gradient_and_metrics_are_pytorchs() {
    let none = TargetScale::NONE;
    let scale = TargetScale {
        mean: 4.0,
        deviation: 2.0,
    };
    let huber = RegressionLoss::Huber { delta: 0.75 };
    for (loss, scale, sum, wanted) in [
        (
            RegressionLoss::Mse,
            none,
            4.625,
            [0.2, -0.2, -0.1, -0.8, -0.1],
        ),
        (
            RegressionLoss::Mse,
            scale,
            46.375,
            [1.0, 1.0, 0.7, 1.8, 1.3],
        ),
        (
            RegressionLoss::Mae,
            none,
            3.5,
            [0.2, -0.2, -0.2, -0.2, -0.2],
        ),
        (RegressionLoss::Mae, scale, 14.5, [0.2; 5]),
        (huber, none, 1.531_25, [0.1, -0.1, -0.05, -0.15, -0.05]),
        (huber, scale, 9.468_75, [0.15; 5]),
    ] {
        let launch = five(loss, scale, true);
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
            for (found, wanted) in gradient.iter().zip(wanted) {
                assert!((found - wanted).abs() < 1e-7, "{loss:?} {gradient:?}");
            }
            assert_eq!(metrics[8], sum, "{loss:?} {scale:?}");
            assert!(metrics[..8].iter().all(|untouched| untouched.is_nan()));
            assert_eq!(faults[2], 0);
        }
    }
}

/// 0.5 rounds to 0 and 1.5 to 2: half to even. Only 7 misses. By the scale they are 5, 7, 3.5, 18 and 9.5,
/// and none rounds to its target.
#[test]
fn the_third_number_counts_hits_in_the_targets_units_or_sums_squares() {
    let scale = TargetScale {
        mean: 4.0,
        deviation: 2.0,
    };
    let third = |scale, rounds| {
        let launch = five(RegressionLoss::Mae, scale, rounds);
        let both = [run_gpu(gpu(true), &launch), run_twin::<f32>(&launch)];
        let [on_gpu, on_cpu] = both.map(|outputs| match &outputs[1] {
            Output::Floats(metrics) => metrics[8 + 2],
            Output::Words(_) => panic!("metrics are floats"),
        });
        assert_eq!(on_gpu, on_cpu);
        on_gpu
    };
    assert_eq!(third(TargetScale::NONE, true), 4.0);
    assert_eq!(third(TargetScale::NONE, false), 4.625);
    assert_eq!(third(scale, true), 0.0);
    assert_eq!(third(scale, false), 46.375);
}

/// The loss of an error.
type LossOf = fn(f64) -> f64;

/// Away from the kinks of the absolute error and of Huber's loss.
#[test]
fn the_gradient_is_the_derivative() {
    let scale = TargetScale {
        mean: 3.0,
        deviation: 2.0,
    };
    let targets: Vec<f64> = (0..7).map(f64::from).collect();
    let prediction: Vec<f64> = (0..28).map(|i| f64::from(i * i % 11) * 0.7).collect();
    let kinds: [(RegressionLoss, LossOf); 3] = [
        (RegressionLoss::Mse, |it| it * it),
        (RegressionLoss::Mae, f64::abs),
        (RegressionLoss::Huber { delta: 1.25 }, |it| {
            let size = it.abs();
            if size < 1.25 {
                0.5 * it * it
            } else {
                1.25 * (size - 0.625)
            }
        }),
    ];
    for (loss, of) in kinds {
        let mean = |prediction: &[f64]| {
            let pairs = prediction.iter().step_by(4).zip(&targets);
            pairs.map(|(p, t)| of(p - (t - 3.0) / 2.0)).sum::<f64>() / 7.0
        };
        let mut gradient = vec![0.0; 28];
        let mut metrics = vec![0.0; 4];
        regression_loss::twin(
            regression_loss::call(1, loss, scale, false).params(),
            &batch(7),
            &prediction,
            &[0, 1, 2, 3, 4, 5, 6],
            &targets,
            &mut gradient,
            &mut metrics,
            &mut [9],
        );
        assert_gradient(&prediction, &gradient, mean, "regression_loss");
        assert!((metrics[0] / 7.0 - mean(&prediction)).abs() < 1e-12);
    }
}
