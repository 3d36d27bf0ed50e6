//! The operators themselves.

use super::{Tensor, elements};

pub(super) fn map(x: &Tensor, f: impl Fn(f64) -> f64) -> Tensor {
    Tensor {
        shape: x.shape.clone(),
        values: x.values.iter().map(|&it| f(it)).collect(),
    }
}

pub(super) fn softmax(x: &Tensor) -> Tensor {
    let rows = x.values.chunks(x.shape[1]);
    let values = rows.flat_map(|row| {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let power = move |it: &f64| (it - largest).exp();
        let total: f64 = row.iter().map(power).sum();
        row.iter().map(move |it| power(it) / total)
    });
    Tensor {
        values: values.collect(),
        shape: x.shape.clone(),
    }
}

pub(super) fn flatten(x: &Tensor) -> Tensor {
    let (samples, rest) = x.shape.split_at(1);
    Tensor {
        shape: vec![samples[0], rest.iter().product()],
        values: x.values.clone(),
    }
}

pub(super) fn gemm(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor, String> {
    let ([samples, ins], [outs, wanted]) = (&x.shape[..], &weight.shape[..]) else {
        return Err("no matrices".to_owned());
    };
    if ins != wanted || bias.shape != [*outs] {
        return Err(format!("{:?} by {:?}", x.shape, weight.shape));
    }
    elements(&[*samples, *outs])?;
    let rows = x.values.chunks_exact(*ins);
    let values = rows.flat_map(|row| {
        let weights = weight.values.chunks_exact(*ins).zip(&bias.values);
        weights.map(move |(weights, bias)| {
            let products = row.iter().zip(weights).map(|(x, w)| x * w);
            bias + products.sum::<f64>()
        })
    });
    Ok(Tensor {
        shape: vec![*samples, *outs],
        values: values.collect(),
    })
}

pub(super) fn four(x: &Tensor) -> Result<[usize; 4], String> {
    let shape = x.shape.as_slice().try_into();
    shape.map_err(|_| format!("{:?} has not four axes", x.shape))
}

/// Places of a window along one axis.
pub(super) fn places(input: usize, window: usize, stride: usize) -> Result<usize, String> {
    if window == 0 || stride == 0 || window > input {
        return Err(format!(
            "windows of {window} at steps of {stride} in {input}"
        ));
    }
    Ok((input - window) / stride + 1)
}

/// Zeros around every plane: as many rows and columns before and behind it as `pads` say.
pub(super) fn pad(x: &Tensor, pads: &[usize]) -> Result<Tensor, String> {
    let [samples, channels, height, width] = four(x)?;
    let &[top, left, bottom, right] = pads else {
        return Err("pads are not four".to_owned());
    };
    let (rows, columns) = (top + height + bottom, left + width + right);
    let mut values = vec![0.0; elements(&[samples, channels, rows, columns])?];
    let lines = x.values.chunks_exact(width).enumerate();
    for (line, pixels) in lines {
        let row = line / height * rows + top + line % height;
        values[row * columns + left..][..width].copy_from_slice(pixels);
    }
    Ok(Tensor {
        shape: vec![samples, channels, rows, columns],
        values,
    })
}

pub(super) fn add(x: &Tensor, other: &Tensor) -> Tensor {
    let pairs = x.values.iter().zip(&other.values);
    Tensor {
        shape: x.shape.clone(),
        values: pairs.map(|(a, b)| a + b).collect(),
    }
}

/// `f` of every number of `x` and that of its channel in `of`, which is `[1, channels, 1, 1]`.
pub(super) fn by_channel(
    x: &Tensor,
    of: &Tensor,
    f: impl Fn(f64, f64) -> f64,
) -> Result<Tensor, String> {
    let [_, channels, height, width] = four(x)?;
    if of.shape != [1, channels, 1, 1] {
        return Err(format!("{:?} by {:?}", x.shape, of.shape));
    }
    let planes = x.values.chunks_exact(height * width).enumerate();
    let values = planes.flat_map(|(plane, pixels)| {
        let of = of.values[plane % channels];
        let f = &f;
        pixels.iter().map(move |it| f(*it, of))
    });
    Ok(Tensor {
        shape: x.shape.clone(),
        values: values.collect(),
    })
}

/// `tensors`: scale, bias, mean and variance of every channel.
pub(super) fn batch_norm(x: &Tensor, tensors: &[&Tensor], epsilon: f64) -> Result<Tensor, String> {
    // Of vectors, every number is a channel.
    let (channels, pixels) = match x.shape[..] {
        [_, channels] => (channels, 1),
        [_, channels, height, width] => (channels, height * width),
        _ => return Err(format!("{:?} are not channels", x.shape)),
    };
    if tensors.iter().any(|it| it.shape != [channels]) {
        return Err(format!("statistics of other than {channels} channels"));
    }
    let planes = x.values.chunks_exact(pixels).enumerate();
    let values = planes.flat_map(|(plane, pixels)| {
        let of = |tensor: usize| tensors[tensor].values[plane % channels];
        let scale = of(0) / (of(3) + epsilon).sqrt();
        let (mean, bias) = (of(2), of(1));
        pixels.iter().map(move |it| (it - mean) * scale + bias)
    });
    Ok(Tensor {
        shape: x.shape.clone(),
        values: values.collect(),
    })
}

pub(super) fn average(x: &Tensor) -> Result<Tensor, String> {
    let [samples, channels, height, width] = four(x)?;
    let planes = x.values.chunks_exact(height * width);
    let mean = |plane: &[f64]| plane.iter().sum::<f64>() / plane.len() as f64;
    Ok(Tensor {
        shape: vec![samples, channels, 1, 1],
        values: planes.map(mean).collect(),
    })
}

pub(super) fn conv(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    strides: [usize; 2],
) -> Result<Tensor, String> {
    let [samples, channels, height, width] = four(x)?;
    let [outs, wanted, rows, columns] = four(weight)?;
    if channels != wanted || bias.is_some_and(|it| it.shape != [outs]) {
        return Err(format!("{:?} by {:?}", x.shape, weight.shape));
    }
    let out_height = places(height, rows, strides[0])?;
    let out_width = places(width, columns, strides[1])?;
    let mut values = Vec::with_capacity(elements(&[samples, outs, out_height, out_width])?);
    for sample in x.values.chunks_exact(channels * height * width) {
        let weights = weight.values.chunks_exact(channels * rows * columns);
        for (out, weights) in weights.enumerate() {
            for y in 0..out_height {
                for column in 0..out_width {
                    let mut sum = bias.map_or(0.0, |it| it.values[out]);
                    for (line, weights) in weights.chunks_exact(columns).enumerate() {
                        let (channel, row) = (line / rows, line % rows);
                        let at = (channel * height + y * strides[0] + row) * width;
                        let pixels = &sample[at + column * strides[1]..][..columns];
                        sum += pixels.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>();
                    }
                    values.push(sum);
                }
            }
        }
    }
    Ok(Tensor {
        shape: vec![samples, outs, out_height, out_width],
        values,
    })
}

pub(super) fn max_pool(
    x: &Tensor,
    window: [usize; 2],
    strides: [usize; 2],
) -> Result<Tensor, String> {
    let largest = |all: &[f64]| all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    pool(x, window, strides, largest)
}

pub(super) fn average_pool(
    x: &Tensor,
    window: [usize; 2],
    strides: [usize; 2],
) -> Result<Tensor, String> {
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    pool(x, window, strides, mean)
}

/// `f` of the numbers of every window.
fn pool(
    x: &Tensor,
    window: [usize; 2],
    strides: [usize; 2],
    f: impl Fn(&[f64]) -> f64,
) -> Result<Tensor, String> {
    let [samples, channels, height, width] = four(x)?;
    let out_height = places(height, window[0], strides[0])?;
    let out_width = places(width, window[1], strides[1])?;
    let mut values = Vec::with_capacity(samples * channels * out_height * out_width);
    for plane in x.values.chunks_exact(height * width) {
        for y in 0..out_height {
            for column in 0..out_width {
                let lines = (0..window[0]).map(|row| (y * strides[0] + row) * width);
                let pixels = lines.flat_map(|at| &plane[at + column * strides[1]..][..window[1]]);
                let pixels: Vec<f64> = pixels.copied().collect();
                values.push(f(&pixels));
            }
        }
    }
    Ok(Tensor {
        shape: vec![samples, channels, out_height, out_width],
        values,
    })
}

/// Elements before, along and behind an axis.
pub(super) fn around(x: &Tensor, axis: usize) -> Result<[usize; 3], String> {
    let length = *x.shape.get(axis).ok_or(format!("no axis {axis}"))?;
    let product = |sizes: &[usize]| sizes.iter().product();
    Ok([
        product(&x.shape[..axis]),
        length,
        product(&x.shape[axis + 1..]),
    ])
}

pub(super) fn slice(x: &Tensor, start: usize, end: usize, axis: usize) -> Result<Tensor, String> {
    let [_, length, behind] = around(x, axis)?;
    if start >= end || end > length {
        return Err(format!("{start}..{end} of {length}"));
    }
    let blocks = x.values.chunks_exact(length * behind);
    let mut shape = x.shape.clone();
    shape[axis] = end - start;
    Ok(Tensor {
        shape,
        values: blocks
            .flat_map(|block| &block[start * behind..end * behind])
            .copied()
            .collect(),
    })
}

pub(super) fn reduce_max(x: &Tensor, axis: usize) -> Result<Tensor, String> {
    let [_, length, behind] = around(x, axis)?;
    let blocks = x.values.chunks_exact(length * behind);
    let values = blocks.flat_map(|block| {
        (0..behind).map(move |at| {
            let along = block[at..].iter().step_by(behind);
            along.copied().fold(f64::NEG_INFINITY, f64::max)
        })
    });
    let mut shape = x.shape.clone();
    shape[axis] = 1;
    Ok(Tensor {
        shape,
        values: values.collect(),
    })
}

pub(super) fn concat(parts: &[&Tensor], axis: usize) -> Result<Tensor, String> {
    let first = parts.first().ok_or("nothing to join")?;
    let [before, _, _] = around(first, axis)?;
    let mut shape = first.shape.clone();
    shape[axis] = 0;
    let mut blocks = Vec::new();
    for part in parts {
        let [around_before, length, behind] = around(part, axis)?;
        if around_before != before {
            return Err(format!("{:?} beside {:?}", part.shape, first.shape));
        }
        shape[axis] += length;
        blocks.push(part.values.chunks_exact(length * behind));
    }
    let mut values = Vec::with_capacity(elements(&shape)?);
    for _ in 0..before {
        for block in &mut blocks {
            values.extend(block.next().unwrap_or_default());
        }
    }
    Ok(Tensor { shape, values })
}
