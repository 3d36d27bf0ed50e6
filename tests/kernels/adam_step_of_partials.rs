use gpu_train::kernel::Step;
use gpu_train::ops::optimizer::{Adam, Optimizer as _, adam_step_of_partials};
use gpu_train::ops::reduce::sum_partials;

use crate::harness::{Argument, Launch, Output, Random, assert_cases, gpu, run_gpu};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&adam_step_of_partials::KERNEL);
}

fn floats(output: &Output) -> Vec<f32> {
    let Output::Floats(floats) = output else {
        panic!("these are floats");
    };
    floats.iter().map(|&it| it as f32).collect()
}

/// Bit for bit what the two kernels give, one after the other.
#[test]
fn is_the_sum_and_then_the_step() {
    let adam = Adam::default();
    for (splits, len) in [(3, 36), (40, 260), (130, 1028)] {
        let mut random = Random::new(splits as u64);
        let [partials, parameters, first] =
            [splits * len, len, len].map(|len| Argument::Floats(random.floats(len)));
        let second = random.floats(len).into_iter().map(f32::abs).collect();
        let second = Argument::Floats(second);
        let faults = || Argument::Words(vec![0; 2]);
        let step = adam.step(Step::default(), 1e-3, 2);
        let run = |call, arguments| {
            let launch = Launch {
                call,
                step,
                arguments,
            };
            run_gpu(gpu(false), &launch)
        };
        let sum = vec![partials.clone(), Argument::Poisoned(len)];
        let sum = run(sum_partials::call(splits, len), sum);
        let gradients = floats(&sum[0]);
        let mut apart = vec![
            parameters.clone(),
            Argument::Floats(gradients.clone()),
            first.clone(),
            second.clone(),
            faults(),
        ];
        let apart_outputs = run(adam.update(len), apart.clone());
        apart[1] = Argument::Poisoned(len);
        apart.insert(0, partials);
        let call = adam_step_of_partials::call(splits, len, &adam);
        let together = run(call, apart);
        assert_eq!(floats(&together[1]), gradients);
        for (own, others) in [(0, 0), (2, 1), (3, 2)] {
            assert_eq!(floats(&together[own]), floats(&apart_outputs[others]));
        }
    }
}
