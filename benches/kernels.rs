//! Time and arithmetic rate of every matrix kernel on the shapes of our networks.
//!
//! `cargo bench --bench kernels [FILTER]`; rows whose name holds FILTER, all without it. The rate
//! counts the multiply-adds of the unpadded problem, two per product.

use std::time::Instant;

use gpu_train::activation::Activation;
use gpu_train::error::Result;
use gpu_train::exec::{GpuProgram, SharedBuffers};
use gpu_train::gpu::{Gpu, GpuOptions};
use gpu_train::graph::{BufferSlice, BufferSpec, Dispatch, Phase, Program, Role};
use gpu_train::kernels::{
    Call, Step, bias_backward, conv2d_backward_input, conv2d_backward_weight, conv2d_forward,
    linear_backward_input, linear_backward_weight, linear_forward, sum_partials,
};
use gpu_train::shape::{ConvShape, ImageShape, padded};
use gpu_train::target::Target;

const BATCH: usize = 128;
const SUBMISSIONS: usize = 10;

/// A call, the lengths of its buffers and its arithmetic.
struct Row {
    name: String,
    call: Call,
    lens: Vec<usize>,
    flops: f64,
}

fn main() -> Result<()> {
    // Cargo passes `--bench`; the first other argument is the filter.
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let filter = filter.unwrap_or_default();
    let gpu = Gpu::open(&GpuOptions::default())?;
    println!("{}, batch {BATCH}", gpu.description().name);
    println!("{:>58} {:>9} {:>8}", "kernel and shape", "ms", "GFLOP/s");
    for row in rows(gpu.target()) {
        if row.name.contains(&filter) {
            let milliseconds = time(&gpu, &row)?;
            let rate = row.flops / milliseconds / 1e6;
            println!("{:>58} {milliseconds:>9.3} {rate:>8.1}", row.name);
        }
    }
    Ok(())
}

/// Milliseconds per call: the median over submissions of enough calls to fill 20 ms.
fn time(gpu: &Gpu, row: &Row) -> Result<f64> {
    let program = GpuProgram::new(gpu, &program(row), &SharedBuffers::new())?;
    for (index, &len) in row.lens.iter().enumerate() {
        let floats: Vec<f32> = (0..len).map(|i| (i % 17) as f32 / 16.0 - 0.5).collect();
        gpu.write(program.buffer(index), 0, bytemuck::cast_slice(&floats))?;
    }
    let submit = |calls: usize| -> Result<f64> {
        let start = Instant::now();
        let step = Step {
            batch: BATCH as u32,
            ..Step::default()
        };
        let mut encoder = gpu
            .device()
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for _ in 0..calls {
            program.encode(&mut pass, &step);
        }
        drop(pass);
        let submission = gpu.queue().submit([encoder.finish()]);
        gpu.wait(Some(submission))?;
        Ok(start.elapsed().as_secs_f64() * 1e3 / calls as f64)
    };
    submit(1)?;
    let calls = (20.0 / submit(1)?).ceil().clamp(1.0, 200.0) as usize;
    let mut times = (0..SUBMISSIONS)
        .map(|_| submit(calls))
        .collect::<Result<Vec<f64>>>()?;
    times.sort_by(f64::total_cmp);
    Ok(times[SUBMISSIONS / 2])
}

/// A program of this one call, every argument in a buffer of its own.
fn program(row: &Row) -> Program {
    let bindings = row.call.kernel.bindings.iter().zip(&row.lens);
    let buffers = bindings
        .enumerate()
        .map(|(slot, (binding, &len))| BufferSpec {
            role: Role::Scratch(slot as u16),
            scalar: binding.scalar,
            len,
        });
    let slices = row.lens.iter().enumerate();
    let slices = slices.map(|(buffer, &len)| BufferSlice {
        buffer,
        offset: 0,
        len,
    });
    Program {
        capacity: BATCH,
        buffers: buffers.collect(),
        dispatches: vec![Dispatch {
            label: row.name.clone(),
            phase: Phase::Forward,
            call: row.call.clone(),
            slices: slices.collect(),
        }],
    }
}

fn rows(target: &Target) -> Vec<Row> {
    let mut rows = Vec::new();
    let conv = |input: ImageShape, out_channels, kernel| ConvShape {
        input,
        out_channels,
        kernel_height: kernel,
        kernel_width: kernel,
        stride: 1,
    };
    for (name, shape) in [
        ("cnn conv 1", conv(ImageShape::new(3, 32, 32), 16, 3)),
        ("cnn conv 2", conv(ImageShape::new(16, 15, 15), 32, 3)),
        ("cnn conv 3", conv(ImageShape::new(32, 6, 6), 45, 3)),
        ("shallow conv", conv(ImageShape::new(3, 32, 32), 41, 28)),
    ] {
        conv_rows(name, &shape, target, &mut rows);
    }
    for (name, rows_per_sample, input, output) in [
        ("cnn dense 1", 1, 720, 128),
        ("cnn dense 2", 1, 128, 1),
        ("mlp dense 1", 1, 3072, 128),
        ("mlp dense 2", 1, 128, 128),
        ("deep conv 1", 1024, 3, 8),
        ("deep conv 2", 256, 8, 16),
        ("deep conv 3", 64, 16, 32),
        ("deep conv 4", 16, 32, 64),
        ("deep dense 1", 1, 1024, 256),
        ("deep dense 2", 1, 256, 256),
    ] {
        linear_rows(name, rows_per_sample, input, output, target, &mut rows);
    }
    rows
}

fn conv_rows(name: &str, shape: &ConvShape, target: &Target, rows: &mut Vec<Row>) {
    let output = shape.output().expect("the window fits");
    let taps = shape.kernel_height * shape.kernel_width;
    let products = BATCH * output.elements() * taps * shape.input.channels;
    let input_len = BATCH * shape.input.padded_elements();
    let output_len = BATCH * output.padded_elements();
    let weight_len = shape.weight_len();
    let splits = conv2d_backward_weight::splits(BATCH, shape, target);
    let mut push = |call: Call, lens: &[usize]| {
        rows.push(Row {
            name: format!("{} {name} {} -> {output}", call.kernel.name, shape.input),
            call,
            lens: lens.to_vec(),
            flops: 2.0 * products as f64,
        });
    };
    push(
        conv2d_forward::call(shape, Activation::Relu, target),
        &[input_len, weight_len, output.padded_channels(), output_len],
    );
    push(
        conv2d_backward_input::call(shape, target),
        &[output_len, weight_len, input_len],
    );
    push(
        conv2d_backward_weight::call(BATCH, shape, target),
        &[input_len, output_len, splits * weight_len],
    );
    reduction_rows(name, output, splits, weight_len, target, rows);
}

fn linear_rows(
    name: &str,
    rows_per_sample: usize,
    input: usize,
    output: usize,
    target: &Target,
    rows: &mut Vec<Row>,
) {
    let batch_rows = BATCH * rows_per_sample;
    let input_len = batch_rows * padded(input);
    let output_len = batch_rows * padded(output);
    let weight_len = padded(input) * padded(output);
    let splits = linear_backward_weight::splits(BATCH, rows_per_sample, input, output, target);
    let mut push = |call: Call, lens: &[usize]| {
        rows.push(Row {
            name: format!(
                "{} {name} {rows_per_sample} x {input} -> {output}",
                call.kernel.name
            ),
            call,
            lens: lens.to_vec(),
            flops: 2.0 * (batch_rows * input * output) as f64,
        });
    };
    push(
        linear_forward::call(rows_per_sample, input, output, Activation::Relu, target),
        &[input_len, weight_len, padded(output), output_len],
    );
    push(
        linear_backward_input::call(rows_per_sample, input, output, target),
        &[output_len, weight_len, input_len],
    );
    push(
        linear_backward_weight::call(BATCH, rows_per_sample, input, output, target),
        &[input_len, output_len, splits * weight_len],
    );
    let image = ImageShape::new(output, rows_per_sample, 1);
    reduction_rows(name, image, splits, weight_len, target, rows);
}

/// Rows of the bias gradient and of the sum of the weight gradient's parts.
fn reduction_rows(
    name: &str,
    output: ImageShape,
    splits: usize,
    weight_len: usize,
    target: &Target,
    rows: &mut Vec<Row>,
) {
    let channels = output.padded_channels();
    let bias_splits = bias_backward::splits(BATCH, output.pixels(), output.channels, target);
    rows.push(Row {
        name: format!("bias_backward {name} {output} in {bias_splits}"),
        call: bias_backward::call(BATCH, output.pixels(), output.channels, target),
        lens: vec![BATCH * output.padded_elements(), bias_splits * channels],
        flops: (BATCH * output.elements()) as f64,
    });
    rows.push(Row {
        name: format!("sum_partials {name} {splits} x {weight_len}"),
        call: sum_partials::call(splits, weight_len),
        lens: vec![splits * weight_len, weight_len],
        flops: (splits * weight_len) as f64,
    });
}
