//! The nets that are measured, and what the benches share.

use gpu_train::nn::{NetworkConfiguration, NetworkType};

/// Images that a bench trains on unless it is asked for more.
pub const IMAGES: usize = 8192;

/// A net of the project's table (README.md).
pub struct Net {
    /// Name in tables, and of the same net in `benches/peers/`.
    pub name: &'static str,
    /// Kind of net.
    pub kind: NetworkType,
    /// Sizes of its layers.
    pub sizes: NetworkConfiguration,
}

/// All of them.
pub fn all() -> [Net; 4] {
    [
        Net {
            name: "mlp",
            kind: NetworkType::Mlp,
            sizes: NetworkConfiguration::default_for(NetworkType::Mlp),
        },
        cnn("cnn", &[16, 32, 45], 3, &[128]),
        cnn("deep", &[8, 16, 32, 64], 1, &[256, 256]),
        // One convolution nearly as large as the image, with as many parameters as deep.
        cnn("shallow", &[41], 28, &[256, 256]),
    ]
}

fn cnn(name: &'static str, channels: &[usize], kernel: usize, dense: &[usize]) -> Net {
    Net {
        name,
        kind: NetworkType::Cnn,
        sizes: NetworkConfiguration {
            n_channels: channels.to_vec(),
            kernel_sizes: vec![kernel; channels.len()],
            strides: vec![1; channels.len()],
            ..NetworkConfiguration::mlp(dense)
        },
    }
}

/// The middle one of `values`, or the mean of the middle two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}
