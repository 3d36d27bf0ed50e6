//! Trains the mlp or the cnn of `benches/training.rs` with burn on wgpu and tells how fast.
//!
//! The same job as gpu-train's, made a little easier: images stay on the GPU as floats rather than
//! bytes. Steps are measured rather than epochs, which would take minutes on a software adapter.

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use burn::backend::{Autodiff, Wgpu};
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, Optimizer};
use burn::tensor::activation::relu;
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

type Gpu = Autodiff<Wgpu>;
type Result<T> = std::result::Result<T, Box<dyn Error>>;

const CHANNELS: usize = 3;
const SIDE: usize = 32;
const ELEMENTS: usize = CHANNELS * SIDE * SIDE;
const LEARNING_RATE: f64 = 1e-3;

#[derive(Module, Debug)]
struct Net<B: Backend> {
    convolutions: Vec<Conv2d<B>>,
    pool: MaxPool2d,
    linears: Vec<Linear<B>>,
}

impl<B: Backend> Net<B> {
    fn new(name: &str, device: &B::Device) -> Result<Self> {
        let (channels, hiddens): (&[usize], &[usize]) = match name {
            "mlp" => (&[], &[128, 128]),
            "cnn" => (&[16, 32, 45], &[128]),
            other => return Err(format!("--net {other}: burn has no adaptive max-pooling").into()),
        };
        let mut inputs = CHANNELS;
        let mut convolutions = Vec::new();
        for &outputs in channels {
            convolutions.push(Conv2dConfig::new([inputs, outputs], [3, 3]).init(device));
            inputs = outputs;
        }
        // The cnn's last convolution gives 4x4 pixels: pooling them adaptively to 4x4 is nothing.
        let mut features = if channels.is_empty() {
            ELEMENTS
        } else {
            inputs * 4 * 4
        };
        let mut linears = Vec::new();
        for &width in hiddens.iter().chain(&[1]) {
            linears.push(LinearConfig::new(features, width).init(device));
            features = width;
        }
        Ok(Self {
            convolutions,
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            linears,
        })
    }

    fn forward(&self, mut images: Tensor<B, 4>) -> Tensor<B, 2> {
        for (index, convolution) in self.convolutions.iter().enumerate() {
            images = relu(convolution.forward(images));
            if index + 1 < self.convolutions.len() {
                images = self.pool.forward(images);
            }
        }
        let mut rows = images.flatten(1, 3);
        for (index, linear) in self.linears.iter().enumerate() {
            rows = linear.forward(rows);
            if index + 1 < self.linears.len() {
                rows = relu(rows);
            }
        }
        rows
    }
}

struct Options {
    net: String,
    batch_size: usize,
    images: usize,
    steps: usize,
    warm_up: usize,
    data: PathBuf,
    json: bool,
}

impl Options {
    fn parse() -> Result<Self> {
        let mut options = Self {
            net: "cnn".to_owned(),
            batch_size: 128,
            images: 8192,
            steps: 10,
            warm_up: 3,
            data: PathBuf::new(),
            json: false,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} takes a value"));
            match argument.as_str() {
                "--net" => options.net = value()?,
                "--batch-size" => options.batch_size = value()?.parse()?,
                "--images" => options.images = value()?.parse()?,
                "--steps" => options.steps = value()?.parse()?,
                "--warm-up" => options.warm_up = value()?.parse()?,
                "--data" => options.data = value()?.into(),
                "--json" => options.json = true,
                other => return Err(format!("unknown option {other}").into()),
            }
        }
        Ok(options)
    }
}

fn main() -> Result<()> {
    let options = Options::parse()?;
    let device = burn::backend::wgpu::WgpuDevice::default();
    let bytes = std::fs::read(options.data.join("images.u8"))?;
    let floats: Vec<f32> = bytes.into_iter().map(f32::from).collect();
    let images: Tensor<Gpu, 4> = Tensor::from_data(
        TensorData::new(floats, [options.images, CHANNELS, SIDE, SIDE]),
        &device,
    );
    let bytes = std::fs::read(options.data.join("targets.f32"))?;
    let floats = bytes
        .chunks_exact(4)
        .map(|it| f32::from_le_bytes(it.try_into().unwrap_or_default()));
    let targets: Tensor<Gpu, 1> = Tensor::from_data(
        TensorData::new(floats.collect::<Vec<f32>>(), [options.images]),
        &device,
    );
    let order: Tensor<Gpu, 1, Int> = Tensor::from_data(
        TensorData::new(order(options.images), [options.images]),
        &device,
    );
    let mut net: Net<Gpu> = Net::new(&options.net, &device)?;
    let mut adam = AdamConfig::new().with_epsilon(1e-8).init();
    let mut sums: Tensor<Gpu, 1> = Tensor::zeros([3], &device);
    let start = Instant::now();
    let mut measured = start;
    for step in 0..options.warm_up + options.steps {
        if step == options.warm_up {
            let warm_up: Vec<f32> = sums.into_data().to_vec().map_err(|it| format!("{it:?}"))?;
            eprintln!(
                "burn: {} steps to warm up took {:.1?}",
                options.warm_up,
                start.elapsed()
            );
            drop(warm_up);
            sums = Tensor::zeros([3], &device);
            measured = Instant::now();
        }
        let first = step * options.batch_size % (options.images - options.batch_size + 1);
        let index = order.clone().slice([first..first + options.batch_size]);
        let batch = images.clone().select(0, index.clone()) / 255.0;
        let wanted = targets.clone().select(0, index);
        let predictions = net.forward(batch).squeeze_dim::<1>(1);
        let errors = predictions.clone() - wanted.clone();
        let loss = (errors.clone() * errors.clone()).mean();
        let correct = predictions.detach().round().equal(wanted).float().sum();
        let squared = loss.clone().detach() * options.batch_size as f64;
        let row = Tensor::cat(vec![squared, errors.detach().abs().sum(), correct], 0);
        sums = sums + row;
        let gradients = GradientsParams::from_grads(loss.backward(), &net);
        net = adam.step(LEARNING_RATE, net, gradients);
    }
    // The sums wait for all steps but the last update: a hundredth of a step.
    let sums: Vec<f32> = sums.into_data().to_vec().map_err(|it| format!("{it:?}"))?;
    let samples = (options.steps * options.batch_size) as f64;
    let speed = samples / measured.elapsed().as_secs_f64();
    let loss = f64::from(sums[0]) / samples;
    if options.json {
        let row = serde_json::json!({
            "net": options.net,
            "batch": options.batch_size,
            "images": options.images,
            "version": "burn 0.21.0, wgpu, fusion, autotune",
            "samples_per_second": [speed],
            "loss": loss,
        });
        println!("{row}");
    } else {
        println!(
            "{}: {speed:.1} samples/s over {} steps, loss {loss:.3}",
            options.net, options.steps
        );
    }
    Ok(())
}

/// A permutation of `count` images: sorted by a hash.
fn order(count: usize) -> Vec<i32> {
    let mut order: Vec<i32> = (0..count as i32).collect();
    order.sort_by_key(|&index| (index as u32 + 1).wrapping_mul(0x9E37_79B9).rotate_left(13));
    order
}
