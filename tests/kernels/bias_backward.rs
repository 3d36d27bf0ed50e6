use gpu_train::kernels::bias_backward;
use gpu_train::reference;
use gpu_train::shape::padded;
use gpu_train::target::Target;

use crate::harness::{
    Argument, Launch, Random, Tolerance, assert_gradient, assert_twin, batch, with_stale_rows,
};
use crate::products::{FAMILIES, Numbers, SOFTWARE, wide};

/// A batch of `samples` for a call made for `capacity`; what lies between is NaN.
fn launch(
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    (rows_per_sample, channels): (usize, usize),
    target: &Target,
) -> Launch {
    let grads = numbers.rows(&mut Random::new(11), samples * rows_per_sample, channels);
    let len = capacity * rows_per_sample * padded(channels);
    let splits = bias_backward::splits(capacity, rows_per_sample, channels, target);
    Launch {
        call: bias_backward::call(capacity, rows_per_sample, channels, target),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(with_stale_rows(grads, len)),
            Argument::Poisoned(splits * padded(channels)),
        ],
    }
}

#[test]
fn odd_sizes_match_the_twin() {
    for shape in [(1, 1), (7, 33), (33, 7), (257, 1), (1, 255), (900, 16)] {
        for samples in [1, 7, 33] {
            let exact = launch(Numbers::Integers, (samples, samples), shape, &SOFTWARE);
            assert_twin(&exact, Tolerance::Exact);
            let close = launch(Numbers::Floats, (samples, samples), shape, &SOFTWARE);
            let terms = samples * shape.0;
            assert_twin(&close, Tolerance::Sum { terms });
        }
    }
}

#[test]
fn samples_past_the_batch_count_nothing_and_splits_past_it_are_zero() {
    for target in FAMILIES {
        assert!(bias_backward::splits(33, 257, 7, &target) > 2);
        for samples in [1, 5, 8, 31] {
            let launch = launch(Numbers::Integers, (samples, 33), (257, 7), &target);
            assert_twin(&launch, Tolerance::Exact);
        }
    }
}

/// The bias is added to every row.
#[test]
fn it_is_the_derivative_by_the_bias() {
    let (rows, channels) = (6, 5);
    let grad_output = wide(&Numbers::Floats.rows(&mut Random::new(12), rows, channels));
    let mut grad_bias = vec![0.0; padded(channels)];
    let backward = bias_backward::call(3, 2, channels, &SOFTWARE);
    reference::bias_backward::run(backward.params(), &batch(3), &grad_output, &mut grad_bias);
    let loss = |bias: &[f64]| {
        let rows = grad_output.chunks(bias.len());
        rows.flat_map(|row| row.iter().zip(bias).map(|(g, b)| g * b))
            .sum()
    };
    assert_gradient(&vec![0.5; grad_bias.len()], &grad_bias, loss, "grad_bias");
}
