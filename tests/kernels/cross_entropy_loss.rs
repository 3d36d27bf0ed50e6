use gpu_train::ops::loss::cross_entropy_loss::{self, call, launch};

use crate::harness::{Output, assert_cases, assert_gradient, batch, gpu, run_gpu, run_twin};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&cross_entropy_loss::KERNEL);
}

const WEIGHTED: (f64, [f64; 12]) = (
    2.148_774_815_546_107_5,
    [
        -0.061_025_417,
        0.052_636_601,
        0.008_388_815,
        0.007_888_652,
        -0.008_992_879,
        0.001_104_227,
        0.164_342_714,
        -0.172_020_922,
        0.007_678_208,
        0.002_945_454,
        -0.013_128_641,
        0.010_183_187,
    ],
);
const PLAIN: (f64, [f64; 12]) = (
    2.342_658_684_096_684_8,
    [
        -0.192_194_026,
        0.157_132_930,
        0.035_061_096,
        0.014_767_439,
        0.004_230_942,
        -0.018_998_382,
        0.120_071_947,
        -0.129_928_053,
        0.009_856_106,
        0.004_286_956,
        -0.015_940_112,
        0.011_653_156,
    ],
);

/// ```python
/// x = torch.tensor([[1., 2, 0.5], [0.25, -1, 3], [2, 2, -0.5], [0, 4, 1]], dtype=torch.float64,
///                  requires_grad=True)
/// y = torch.tensor([0, 2, 1, 1])
/// w = torch.tensor([0.5, 2, 1], dtype=torch.float64)
/// loss = torch.nn.CrossEntropyLoss(w, label_smoothing=0.1)(x, y); loss.backward(); 4 * loss, x.grad
/// ```
#[test]
fn gradient_and_metrics_are_pytorchs() {
    let logits = [
        [1.0, 2.0, 0.5],
        [0.25, -1.0, 3.0],
        [2.0, 2.0, -0.5],
        [0.0, 4.0, 1.0],
    ];
    let padded: Vec<f32> = logits
        .iter()
        .flat_map(|it| [it[0], it[1], it[2], 9.0])
        .collect();
    let targets = vec![0.0, 2.0, 1.0, 1.0];
    let weighted = launch(
        padded.clone(),
        targets.clone(),
        3,
        0.1,
        Some(vec![0.5, 2.0, 1.0]),
        2,
    );
    let plain = launch(padded, targets, 3, 0.0, None, 2);
    for (launch, loss, wanted) in [
        (&weighted, WEIGHTED.0, &WEIGHTED.1),
        (&plain, PLAIN.0, &PLAIN.1),
    ] {
        for outputs in [run_gpu(gpu(true), launch), run_twin::<f32>(launch)] {
            let [
                Output::Floats(gradient),
                Output::Floats(metrics),
                Output::Words(faults),
            ] = &outputs[..]
            else {
                panic!("gradients and metrics are floats, faults are words");
            };
            for (ours, theirs) in gradient.chunks(4).zip(wanted.chunks(3)) {
                assert_eq!(ours[3], 0.0);
                for (ours, theirs) in ours.iter().zip(theirs) {
                    assert!((ours - theirs).abs() < 1e-6, "{gradient:?}");
                }
            }
            assert!((metrics[8] - loss).abs() < 1e-5, "{metrics:?}");
            // Of equal logits, the first is the largest: sample 2 misses.
            assert_eq!(metrics[9..], [2.0, 4.0, 4.0]);
            assert!(metrics[..8].iter().all(|untouched| untouched.is_nan()));
            assert_eq!(faults[2], 0);
        }
    }
}

/// A net without numbers is right of nothing, and its loss is none.
#[test]
fn logits_that_are_no_numbers_are_never_right() {
    for wanted in [0.0, 1.0] {
        let launch = launch(vec![f32::NAN, 1.0, 0.0, 0.0], vec![wanted], 2, 0.0, None, 0);
        for outputs in [run_gpu(gpu(true), &launch), run_twin::<f32>(&launch)] {
            let Output::Floats(metrics) = &outputs[1] else {
                panic!("metrics are floats");
            };
            assert!(metrics[0].is_nan(), "{metrics:?}");
        }
    }
}

/// Nothing is learned of a batch of nothing but classes without weight.
#[test]
fn classes_without_weight_teach_nothing() {
    let weights = Some(vec![0.0, 1.0]);
    let launch = launch(vec![3.0, 1.0, 0.0, 0.0], vec![0.0], 2, 0.0, weights, 0);
    for outputs in [run_gpu(gpu(true), &launch), run_twin::<f32>(&launch)] {
        assert_eq!(outputs[0], Output::Floats(vec![0.0; 4]));
        assert!(
            matches!(&outputs[1], Output::Floats(metrics) if metrics[..4] == [0.0, 1.0, 1.0, 1.0])
        );
    }
}

#[test]
fn the_gradient_is_the_derivative() {
    let weights = [0.5, 1.25, 2.0, 0.75, 1.5];
    let targets: Vec<f64> = (0..7).map(|i| f64::from(i % 5)).collect();
    let order = [0, 1, 2, 3, 4, 5, 6];
    let logits: Vec<f64> = (0..56).map(|i| f64::from(i * i % 11) * 0.3 - 1.0).collect();
    let run = |logits: &[f64]| {
        let mut gradient = vec![0.0; 56];
        let mut metrics = vec![0.0; 4];
        cross_entropy_loss::twin(
            call(1, 5, 0.2, Some(6.0)).params(),
            &batch(7),
            logits,
            &order,
            &targets,
            &weights,
            &mut gradient,
            &mut metrics,
            &mut [9],
        );
        (gradient, metrics[0] / 7.0)
    };
    let (gradient, _) = run(&logits);
    assert_gradient(
        &logits,
        &gradient,
        |logits| run(logits).1,
        "cross_entropy_loss",
    );
}
