//! The experiments of the project's seed, as axes of a sweep.

use super::axes::{Axis, Choice};
use crate::error::Result;
use crate::nn::{Activation, Network, NetworkConfiguration, NetworkType};
use crate::run::RunConfig;
use crate::shape::ImageShape;

/// Kernel of the second shallow net: the image size that the seed names, which is not SVHN's.
const SMALLER_KERNEL: usize = 28;
/// Hidden layers of the deep and the shallow nets.
const DENSE: [usize; 2] = [256, 256];

/// An experiment that one command reproduces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Experiment {
    /// The mlp 128,128 with the learning rates 0.01, 1e-4 and 1e-8
    MlpLr,
    /// The cnn 16,32,45 with its usual learning rate, 1e-3
    Cnn,
    /// The original cnn, a deep one of kernels of 1, and shallow ones whose kernel is the image
    DepthWidth,
}

/// Whose number of parameters the shallow nets are to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Match {
    /// The deep net's
    Deep,
    /// The original cnn's
    Original,
}

impl Experiment {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MlpLr => "mlp-lr",
            Self::Cnn => "cnn",
            Self::DepthWidth => "depth-width",
        }
    }

    /// The experiment of that name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::MlpLr, Self::Cnn, Self::DepthWidth];
        all.into_iter().find(|it| it.name() == name)
    }

    /// What it is to answer.
    pub const fn question(self) -> &'static str {
        match self {
            Self::MlpLr => {
                "What does a very small learning rate do to the training of an mlp, and what a very large one?"
            }
            Self::Cnn => {
                "How well does a cnn read the digits, and how far do its training and test errors come apart?"
            }
            Self::DepthWidth => {
                "How do a deep net of 1x1 convolutions and shallow ones, whose kernels are as large as the image, \
                 compare with the original cnn in fit and generalisation?"
            }
        }
    }

    /// The nets and learning rates, for images of shape `image`.
    ///
    /// Errors where a net does not fit the images.
    pub fn axes(self, image: ImageShape, matched: Match) -> Result<Vec<Axis>> {
        let default = |network| {
            let sizes = NetworkConfiguration::default_for(network);
            choice(network.name(), network, sizes)
        };
        let lr = |values: &[f64]| Axis::setting("lr", values.iter().copied());
        let (nets, lr) = match self {
            Self::MlpLr => (vec![default(NetworkType::Mlp)], lr(&[1e-2, 1e-4, 1e-8])),
            Self::Cnn => (vec![default(NetworkType::Cnn)], lr(&[1e-3])),
            Self::DepthWidth => (depth_and_width(image, matched)?, lr(&[1e-3])),
        };
        let net = Axis {
            key: "net".to_owned(),
            choices: nets,
            range: None,
        };
        Ok(vec![net, lr])
    }
}

fn choice(label: &str, network: NetworkType, sizes: NetworkConfiguration) -> Choice {
    Choice {
        label: label.to_owned(),
        values: RunConfig::net_values(network, sizes),
    }
}

/// The original cnn, the deep one, and a shallow one per kernel.
fn depth_and_width(image: ImageShape, matched: Match) -> Result<Vec<Choice>> {
    let original = NetworkConfiguration::default_for(NetworkType::Cnn);
    let deep = NetworkConfiguration {
        n_channels: vec![8, 16, 32, 64],
        kernel_sizes: vec![1; 4],
        strides: vec![1; 4],
        ..NetworkConfiguration::mlp(&DENSE)
    };
    let parameters = match matched {
        Match::Deep => parameters(&deep, image)?,
        Match::Original => parameters(&original, image)?,
    };
    let cnn = |label: &str, sizes| choice(label, NetworkType::Cnn, sizes);
    let mut nets = vec![cnn("original", original), cnn("deep", deep)];
    let whole = image.height.min(image.width);
    let smaller = (SMALLER_KERNEL < whole).then_some(SMALLER_KERNEL);
    for kernel in [Some(whole), smaller].into_iter().flatten() {
        let sizes = shallow_of(kernel, image, parameters)?;
        nets.push(cnn(&format!("shallow-k{kernel}"), sizes));
    }
    Ok(nets)
}

fn shallow(kernel: usize, channels: usize) -> NetworkConfiguration {
    NetworkConfiguration {
        n_channels: vec![channels],
        kernel_sizes: vec![kernel],
        strides: vec![1],
        ..NetworkConfiguration::mlp(&DENSE)
    }
}

/// The shallow net whose number of parameters is the closest to `asked`, with at least one channel.
fn shallow_of(kernel: usize, image: ImageShape, asked: usize) -> Result<NetworkConfiguration> {
    let count = |channels| parameters(&shallow(kernel, channels), image);
    // Every channel costs the same: its kernel, its bias, and its inputs of the first dense layer.
    let first = count(1)?;
    let each = count(2)? - first;
    let below = 1 + asked.saturating_sub(first) / each;
    let distance = |channels| count(channels).map(|it| it.abs_diff(asked));
    let channels = if distance(below + 1)? < distance(below)? {
        below + 1
    } else {
        below
    };
    Ok(shallow(kernel, channels))
}

fn parameters(sizes: &NetworkConfiguration, image: ImageShape) -> Result<usize> {
    let network = Network::new(NetworkType::Cnn, sizes, Activation::Relu, image)?;
    Ok(network.parameters.elements())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVHN: ImageShape = ImageShape::new(3, 32, 32);

    fn nets(image: ImageShape, matched: Match) -> Vec<(String, String)> {
        let axes = Experiment::DepthWidth.axes(image, matched).expect("fits");
        let channels = |choice: &Choice| choice.values["channels"].to_string();
        let choices = axes[0].choices.iter();
        choices.map(|it| (it.label.clone(), channels(it))).collect()
    }

    #[test]
    fn the_nets_have_the_published_numbers_of_parameters() {
        let deep = NetworkConfiguration {
            n_channels: vec![8, 16, 32, 64],
            ..shallow(1, 4)
        };
        let deep = NetworkConfiguration {
            kernel_sizes: vec![1; 4],
            strides: vec![1; 4],
            ..deep
        };
        let original = NetworkConfiguration::default_for(NetworkType::Cnn);
        assert_eq!(parameters(&original, SVHN).ok(), Some(110_510));
        assert_eq!(parameters(&deep, SVHN).ok(), Some(331_281));
        let expected = [
            ("original", "[16, 32, 45]"),
            ("deep", "[8, 16, 32, 64]"),
            ("shallow-k32", "[37]"),
            ("shallow-k28", "[41]"),
        ];
        let expected = expected.map(|(net, channels)| (net.to_owned(), channels.to_owned()));
        assert_eq!(nets(SVHN, Match::Deep), expected);
    }

    /// Whatever the count, no other number of channels comes closer.
    #[test]
    fn the_channels_are_the_closest_there_are() {
        for (kernel, asked) in [
            (32, 110_510),
            (28, 110_510),
            (32, 331_281),
            (5, 1),
            (8, 99_999),
        ] {
            let sizes = shallow_of(kernel, SVHN, asked).expect("fits");
            let distance = |channels| {
                let count = parameters(&shallow(kernel, channels), SVHN).expect("fits");
                count.abs_diff(asked)
            };
            let chosen = sizes.n_channels[0];
            let best = (1..60).min_by_key(|&it| distance(it));
            assert_eq!(best, Some(chosen), "kernel {kernel}, {asked} parameters");
        }
    }

    #[test]
    fn images_of_other_sizes_have_kernels_of_their_own() {
        let mnist = nets(ImageShape::new(1, 28, 28), Match::Deep);
        let names: Vec<&str> = mnist.iter().map(|it| it.0.as_str()).collect();
        assert_eq!(names, ["original", "deep", "shallow-k28"]);
        let wide = nets(ImageShape::new(3, 30, 64), Match::Original);
        assert_eq!(wide[2].0, "shallow-k30");
        let tiny = ImageShape::new(1, 4, 4);
        let error = Experiment::DepthWidth.axes(tiny, Match::Deep);
        assert!(
            error
                .expect_err("too small")
                .to_string()
                .contains("conv layer")
        );
    }

    #[test]
    fn experiments_are_known_by_name() {
        for experiment in [Experiment::MlpLr, Experiment::Cnn, Experiment::DepthWidth] {
            assert_eq!(Experiment::named(experiment.name()), Some(experiment));
        }
        assert_eq!(Experiment::named("sweep"), None);
    }

    #[test]
    fn learning_rates_are_the_seeds() {
        let labels = |experiment: Experiment| {
            let axes = experiment.axes(SVHN, Match::Deep).expect("fits");
            let lr = axes[1].choices.iter();
            (
                axes[0].choices.len(),
                lr.map(|it| it.label.clone()).collect::<Vec<_>>(),
            )
        };
        let expected = vec!["0.01".to_owned(), "0.0001".to_owned(), "1e-8".to_owned()];
        assert_eq!(labels(Experiment::MlpLr), (1, expected));
        assert_eq!(labels(Experiment::Cnn), (1, vec!["0.001".to_owned()]));
    }
}
