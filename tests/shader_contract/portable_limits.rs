//! The programs of our nets, within the limits that every adapter has.

use gpu_train::graph::Program;
use gpu_train::kernel::target::{AdapterKind, Target};
use gpu_train::nn::{
    Activation, Adam, Network, NetworkConfiguration, NetworkType, ProgramOptions, Update,
    evaluation_program, training_program,
};
use gpu_train::ops::batch::gather::ResidentLayout;
use gpu_train::shape::ImageShape;

/// The nets that everyone runs: mlp, cnn, resnet, deep, and shallow in both sizes of its kernel.
fn nets() -> [(&'static str, NetworkType, NetworkConfiguration); 6] {
    let cnn = |channels: &[usize], kernel, hiddens: &[usize]| NetworkConfiguration {
        n_channels: channels.to_vec(),
        kernel_sizes: vec![kernel; channels.len()],
        strides: vec![1; channels.len()],
        ..NetworkConfiguration::mlp(hiddens)
    };
    let of = NetworkConfiguration::default_for;
    [
        ("mlp", NetworkType::Mlp, of(NetworkType::Mlp)),
        ("cnn", NetworkType::Cnn, of(NetworkType::Cnn)),
        ("resnet", NetworkType::Resnet, of(NetworkType::Resnet)),
        (
            "deep",
            NetworkType::Cnn,
            cnn(&[8, 16, 32, 64], 1, &[256, 256]),
        ),
        (
            "shallow, k=28",
            NetworkType::Cnn,
            cnn(&[41], 28, &[256, 256]),
        ),
        (
            "shallow, k=32",
            NetworkType::Cnn,
            cnn(&[37], 32, &[256, 256]),
        ),
    ]
}

/// The training program and the evaluation program of a net on as many images as SVHN has.
fn programs(
    net: NetworkType,
    sizes: &NetworkConfiguration,
    options: &ProgramOptions,
) -> [Program; 2] {
    let image = ImageShape::new(3, 32, 32);
    let network = Network::new(net, sizes, Activation::Relu, image).expect("layers fit");
    let binding = options.target.limits.binding_bytes;
    let layout = ResidentLayout::new(73_257, image.elements(), binding).expect("SVHN fits");
    let training = training_program(&network, &layout, options, Update::of(&Adam::default()));
    let evaluation = evaluation_program(&network, &layout, options);
    [training, evaluation].map(|program| program.expect("has a program"))
}

/// 8 storage buffers, 256 threads, 16 KiB of workgroup memory, 65,535 workgroups, 128 MiB per
/// binding: fused and not.
#[test]
fn no_program_of_our_nets_exceeds_the_portable_limits() {
    let target = Target::portable(AdapterKind::Gpu);
    for (name, net, sizes) in nets() {
        for (capacity, fuse) in [(128, true), (128, false), (1024, true), (1024, false)] {
            let options = ProgramOptions {
                objective: std::sync::Arc::new(gpu_train::Regression::default()),
                capacity,
                rows: 64,
                target: target.clone(),
                fuse,
            };
            for program in programs(net, &sizes, &options) {
                let checked = program.check(&target.limits);
                assert!(checked.is_ok(), "{name}, {capacity}, {fuse}: {checked:?}");
            }
        }
    }
}
