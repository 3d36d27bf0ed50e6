//! What only the processor's own kernels do: products of several images, and sums over the shards of a
//! whole batch. The other tests run them on every launch of their own.

use gpu_train::activation::Activation;
use gpu_train::kernel::target::{AdapterKind, Target};
use gpu_train::ops;
use gpu_train::ops::conv2d::{conv2d_backward_weight, conv2d_max_pool2d_forward};
use gpu_train::ops::linear::linear_backward_weight;
use gpu_train::shape::ConvShape;

use crate::harness::{Launch, Output, Tolerance, assert_twin_on_cpu, batch, run_cpu};
use crate::products::{ACTIVATIONS, Numbers, ODD_LINEARS, conv, odd_convs};

const CPU: Target = Target::portable(AdapterKind::Cpu);

/// Those of every test of convolutions, and others: windows as wide as several vectors, and lines that end
/// within one; images of which several are lowered together, and a few left.
fn shapes() -> Vec<ConvShape> {
    let mut shapes = odd_convs();
    shapes.extend([
        conv([3, 32, 32], 16, [3, 3], 1),
        conv([16, 15, 15], 32, [3, 3], 1),
        conv([33, 6, 5], 20, [2, 4], 1),
        // Sums so long that `gemm` cuts them, of rows of several images.
        conv([64, 4, 24], 20, [3, 3], 1),
    ]);
    shapes
}

/// Sums by the rows of output pixels of several images, without what pads the channels of an image.
#[test]
fn convolutions_of_several_images_are_the_twins() {
    for shape in shapes() {
        let output = shape.output().expect("the window fits");
        for samples in [1, 5, 19] {
            let forward = |numbers| {
                let all = (samples, 20);
                ops::conv2d::conv2d_forward::launch(numbers, all, &shape, Activation::Linear)
            };
            let terms = shape.padded_fan_in();
            assert_twin_on_cpu(&forward(Numbers::Integers), Tolerance::Exact);
            assert_twin_on_cpu(&forward(Numbers::Floats), Tolerance::Sum { terms });
            if output.height > 1 && output.width > 1 {
                let all = (samples, 20);
                let call = conv2d_max_pool2d_forward::call(&shape, Activation::Linear, &CPU);
                let launch = conv2d_max_pool2d_forward::launch(Numbers::Integers, all, &shape);
                assert_twin_on_cpu(&Launch { call, ..launch }, Tolerance::Exact);
            }
            let backward = |numbers| {
                let call = conv2d_backward_weight::call(20, &shape, &CPU);
                conv2d_backward_weight::launch_of(call, numbers, (samples, 20), &shape)
            };
            let terms = samples * output.pixels();
            assert_twin_on_cpu(&backward(Numbers::Integers), Tolerance::Exact);
            assert_twin_on_cpu(&backward(Numbers::Floats), Tolerance::Sum { terms });
        }
    }
}

/// Windows of one vector and of several, in groups of nine, three and one.
#[test]
fn gradients_of_what_was_picked_are_the_twins() {
    let large = [
        conv([3, 32, 32], 16, [3, 3], 1),
        conv([16, 15, 15], 32, [3, 3], 1),
    ];
    let shapes = ops::conv2d::conv2d_max_pool2d_backward_weight::shapes();
    for shape in shapes.into_iter().chain(large) {
        let all = (5, 7);
        let launch = |numbers| {
            ops::conv2d::conv2d_max_pool2d_backward_weight::launch(numbers, all, &shape, &CPU)
        };
        assert_twin_on_cpu(&launch(Numbers::Integers), Tolerance::Exact);
        let terms = 5 * shape.output().expect("the window fits").pixels();
        assert_twin_on_cpu(&launch(Numbers::Floats), Tolerance::Sum { terms });
        for activation in ACTIVATIONS {
            let launch = ops::conv2d::conv2d_max_pool2d_backward_input::launch(
                Numbers::Floats,
                all,
                &shape,
                activation,
            );
            let terms = shape.kernel_height * shape.kernel_width * shape.out_channels;
            assert_twin_on_cpu(&launch, Tolerance::Sum { terms });
        }
    }
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
                linear_backward_weight::launch_of(call, numbers, (samples, 130), shape)
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
            ops::conv2d::conv2d_forward::launch(Numbers::Floats, all, &shape, Activation::Tanh),
            ops::conv2d::conv2d_forward::launch(Numbers::Floats, all, &shape, Activation::Linear),
        ];
        launches.iter().for_each(assert_samples_are_apart);
        if shape
            .output()
            .is_some_and(|it| it.height > 1 && it.width > 1)
        {
            let pooled = conv2d_max_pool2d_forward::launch(Numbers::Floats, all, &shape);
            assert_samples_are_apart(&pooled);
        }
    }
    for (rows, inputs, outputs) in ODD_LINEARS.into_iter().chain([(1, 3072, 128)]) {
        let shape = (rows, inputs, outputs);
        let activation = Activation::Relu;
        let launch =
            ops::linear::linear_forward::launch(Numbers::Floats, (9, 9), shape, activation);
        assert_samples_are_apart(&launch);
    }
}

/// Sums that `gemm` cuts, of more rows than it cuts alike; parts of several threads.
#[test]
fn large_dense_layers_are_the_twins_whatever_comes_with_a_sample() {
    for shape in [(1, 700, 44), (1, 3072, 128)] {
        let launch = |numbers, samples| {
            let all = (samples, 130);
            let launch = ops::linear::linear_forward::launch(numbers, all, shape, Activation::Relu);
            let call = launch.call.clone().for_whole_batch();
            Launch { call, ..launch }
        };
        for samples in [1, 17, 130] {
            assert_twin_on_cpu(&launch(Numbers::Integers, samples), Tolerance::Exact);
            let floats = launch(Numbers::Floats, samples);
            assert_twin_on_cpu(&floats, Tolerance::Sum { terms: shape.1 });
        }
        assert_samples_are_apart(&launch(Numbers::Floats, 130));
    }
}

/// Asserts that the first samples of a launch have the same output without the others.
fn assert_samples_are_apart(launch: &Launch) {
    let capacity = launch.step.batch as usize;
    let bits = |samples: usize| {
        let outputs = run_cpu(&Launch {
            step: batch(samples),
            ..launch.clone()
        });
        let Output::Floats(floats) = &outputs[0] else {
            panic!("outputs are floats");
        };
        let bits = floats[..floats.len() / capacity * samples].iter();
        bits.map(|it| it.to_bits()).collect::<Vec<_>>()
    };
    let all = bits(capacity);
    for samples in [1, 2, 5] {
        let alone = bits(samples);
        assert!(all.starts_with(&alone), "{}", launch.describe());
    }
}
