//! What only the processor's own kernels do: paths for gradients of which most are zero, and sums over
//! the shards of a whole batch. The other tests run them on every launch of their own.

use gpu_train::activation::Activation;
use gpu_train::kernels::{conv2d_backward_input, conv2d_backward_weight, linear_backward_weight};
use gpu_train::shape::ConvShape;
use gpu_train::target::{AdapterKind, Target};
use gpu_train::verify::cases;

use crate::harness::{
    Argument, Launch, Output, Random, Tolerance, assert_twin_on_cpu, batch, run_cpu,
};
use crate::products::{ACTIVATIONS, Numbers, ODD_LINEARS, conv, odd_convs};

const CPU: Target = Target::portable(AdapterKind::Cpu);

/// Of a hundred gradients, how many are left: a quarter is where one path ends and the other begins.
const LEFT: [u32; 7] = [0, 1, 10, 20, 30, 60, 100];

/// Zeroes all but `left` of a hundred numbers of argument `index`; whether at most a quarter of what
/// the batch reads is left.
fn thin_out(launch: &mut Launch, index: usize, left: u32) -> bool {
    let Argument::Floats(floats) = &mut launch.arguments[index] else {
        panic!("gradients are floats");
    };
    let mut random = Random::new(left.into());
    let mut others = 0;
    // What lies past the batch is NaN, and stays so.
    let read = floats.iter().filter(|it| !it.is_nan()).count();
    for float in floats.iter_mut().filter(|it| !it.is_nan()) {
        if random.bits() % 100 >= left {
            *float = 0.0;
        }
        others += usize::from(*float != 0.0);
    }
    others * 4 <= read
}

/// Shapes of convolutions behind which a max-pooling leaves a quarter of the gradients, and others;
/// windows as wide as several vectors, and lines that end within one.
fn shapes() -> Vec<ConvShape> {
    let mut shapes = odd_convs();
    shapes.extend([
        conv([3, 32, 32], 16, [3, 3], 1),
        conv([16, 15, 15], 32, [3, 3], 1),
        conv([33, 6, 5], 20, [2, 4], 1),
    ]);
    shapes
}

#[test]
fn gradients_by_the_input_are_the_twins_however_many_are_zero() {
    let mut sparse = [0, 0];
    for shape in shapes() {
        let taps = shape.kernel_height * shape.kernel_width;
        let terms = taps * shape.out_channels;
        for left in LEFT {
            let launch = |numbers, activation| {
                let mut launch =
                    cases::conv2d_backward_input::launch(numbers, (5, 7), &shape, activation);
                launch.call = conv2d_backward_input::call(&shape, activation, &CPU);
                launch
            };
            let mut integers = launch(Numbers::Integers, Activation::Relu);
            sparse[usize::from(thin_out(&mut integers, 0, left))] += 1;
            assert_twin_on_cpu(&integers, Tolerance::Exact);
            for activation in ACTIVATIONS {
                let mut floats = launch(Numbers::Floats, activation);
                thin_out(&mut floats, 0, left);
                assert_twin_on_cpu(&floats, Tolerance::Sum { terms });
            }
        }
    }
    assert!(sparse[0] > 20 && sparse[1] > 20, "both ways: {sparse:?}");
}

#[test]
fn gradients_by_the_weight_are_the_twins_however_many_are_zero() {
    let mut sparse = [0, 0];
    for shape in shapes() {
        let terms = 5 * shape.output().expect("the window fits").pixels();
        for left in LEFT {
            let launch = |numbers| {
                let call = conv2d_backward_weight::call(7, &shape, &CPU);
                cases::conv2d_backward_weight::launch_of(call, numbers, (5, 7), &shape)
            };
            let mut integers = launch(Numbers::Integers);
            sparse[usize::from(thin_out(&mut integers, 1, left))] += 1;
            assert_twin_on_cpu(&integers, Tolerance::Exact);
            let mut floats = launch(Numbers::Floats);
            thin_out(&mut floats, 1, left);
            assert_twin_on_cpu(&floats, Tolerance::Sum { terms });
        }
    }
    assert!(sparse[0] > 20 && sparse[1] > 20, "both ways: {sparse:?}");
}

/// Batches whose shards are empty, of one sample, of several, and not all as large; weights of many
/// blocks, and of less than a vector.
#[test]
fn sums_over_a_whole_batch_are_the_twins() {
    let large = [(1, 3072, 128), (1, 70, 3), (1, 3, 2500)];
    let shapes = ODD_LINEARS.into_iter().chain(large);
    for shape in shapes.filter(|(rows_per_sample, ..)| *rows_per_sample == 1) {
        let (rows, inputs, outputs) = shape;
        for samples in [1, 5, 8, 13, 64, 129] {
            let launch = |numbers| {
                let call = linear_backward_weight::call(130, rows, inputs, outputs, &CPU);
                // Small weights are summed shard by shard otherwise.
                let call = call.for_whole_batch();
                cases::linear_backward_weight::launch_of(call, numbers, (samples, 130), shape)
            };
            assert_twin_on_cpu(&launch(Numbers::Integers), Tolerance::Exact);
            let terms = samples;
            assert_twin_on_cpu(&launch(Numbers::Floats), Tolerance::Sum { terms });
        }
    }
}

/// Products of one row are summed another way than those of several, if nobody takes care: what is
/// predicted for an image must not depend on its company.
#[test]
fn what_comes_with_a_sample_changes_none_of_its_bits() {
    for shape in shapes() {
        let all = (9, 9);
        let launches = [
            cases::conv2d_forward::launch(Numbers::Floats, all, &shape, Activation::Tanh),
            cases::conv2d_forward::launch(Numbers::Floats, all, &shape, Activation::Linear),
        ];
        launches.iter().for_each(assert_samples_are_apart);
    }
    for (rows, inputs, outputs) in ODD_LINEARS.into_iter().chain([(1, 3072, 128)]) {
        let shape = (rows, inputs, outputs);
        let activation = Activation::Relu;
        let launch = cases::linear_forward::launch(Numbers::Floats, (9, 9), shape, activation);
        assert_samples_are_apart(&launch);
    }
}

/// Asserts that the first samples of a launch of nine have the same output without the others.
fn assert_samples_are_apart(launch: &Launch) {
    let bits = |samples: usize| {
        let outputs = run_cpu(&Launch {
            step: batch(samples),
            ..launch.clone()
        });
        let Output::Floats(floats) = &outputs[0] else {
            panic!("outputs are floats");
        };
        let bits = floats[..floats.len() / 9 * samples].iter();
        bits.map(|it| it.to_bits()).collect::<Vec<_>>()
    };
    let all = bits(9);
    for samples in [1, 2, 5] {
        let alone = bits(samples);
        assert!(all.starts_with(&alone), "{}", launch.describe());
    }
}
