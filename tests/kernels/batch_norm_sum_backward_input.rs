use gpu_train::ops::norm::batch_norm_sum_backward_input;
use gpu_train::ops::reduce::sum_partials;

use crate::harness::{Argument, Launch, Output, Random, assert_cases, batch, gpu, run_gpu};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&batch_norm_sum_backward_input::KERNEL);
}

/// The same bits of sums whose rounding depends on their order.
#[test]
fn partial_sums_are_added_in_the_order_of_the_kernel_that_sums_alone() {
    let mut random = Random::new(30);
    for case in (batch_norm_sum_backward_input::KERNEL.cases)() {
        let mut fused = case.launch;
        let Argument::Floats(partials) = &mut fused.arguments[4] else {
            panic!("partial sums are floats");
        };
        for sum in partials.iter_mut().filter(|it| **it != 0.0) {
            *sum = random.floats(1)[0];
        }
        let splits = fused.call.splits();
        let len = partials.len() / splits;
        let apart = Launch {
            call: sum_partials::call(splits, len),
            step: batch(1),
            arguments: vec![Argument::Floats(partials.clone()), Argument::Poisoned(len)],
        };
        let [apart, fused] = [apart, fused].map(|launch| {
            let Output::Floats(sums) = run_gpu(gpu(false), &launch).swap_remove(0) else {
                panic!("sums are floats");
            };
            sums
        });
        assert_eq!(apart, fused, "{splits} parts of {len}");
    }
}
