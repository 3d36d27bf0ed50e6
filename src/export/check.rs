//! An exported file against the device.

use rand_chacha::rand_core::Rng as _;

use super::described::Meaning;
use super::interpreter::{Model, Tensor};
use crate::data::Dataset;
use crate::data::preprocessing::scaled;
use crate::error::{Error, Result};
use crate::random::{self, Purpose};
use crate::shape::ImageShape;
use crate::train::{Predictor, Session, softmax};

/// Images that the two are compared on.
const IMAGES: usize = 8;
/// How far they may be apart, as a share of the largest prediction.
const TOLERANCE: f64 = 1e-5;

/// Runs the ONNX file `bytes` in f64, and `predictor` on its device, on a few random images of
/// shape `image`, whose outputs have that `meaning`; returns the largest difference as a share of the largest prediction.
///
/// Errors where it exceeds 1e-5, or the file cannot be run at all.
pub fn check_onnx(
    session: &Session,
    bytes: &[u8],
    predictor: &Predictor<'_>,
    image: ImageShape,
    meaning: &Meaning,
) -> Result<f64> {
    let refused = |what: String| {
        Error::gpu(
            format!("the exported graph was not written: {what}"),
            "`gpu-train doctor` examines the device, `device` chooses another; if all is well, \
             please report it",
        )
    };
    let images = pictures(image);
    let targets = vec![0.0; IMAGES];
    let set = session.upload(&Dataset::new(images.clone(), targets, image)?)?;
    let mut on_device = predictor.predict(&set)?;
    let outputs = predictor.network().outputs();
    if let Meaning::Probabilities(_) = meaning {
        let samples = on_device.chunks(outputs).flat_map(softmax);
        on_device = samples.map(|it| it as f32).collect();
    }
    let input = Tensor {
        shape: vec![IMAGES, image.channels, image.height, image.width],
        values: images.iter().map(|&it| f64::from(scaled(it))).collect(),
    };
    let model = Model::decode(bytes).map_err(refused)?;
    let output = model.run(input).map_err(refused)?;
    if output.shape != [IMAGES, outputs] {
        return Err(refused(format!("it gives {:?}", output.shape)));
    }
    let pairs = || output.values.iter().zip(&on_device);
    let largest = pairs().map(|(exact, ours)| exact.abs().max(f64::from(*ours).abs()));
    let largest = largest.fold(f64::MIN_POSITIVE, f64::max);
    let mut worst = 0.0_f64;
    for (exact, ours) in pairs() {
        let apart = (exact - f64::from(*ours)).abs() / largest;
        // Of a NaN, neither `<=` nor `>` is true: it is to be refused.
        let close = apart <= TOLERANCE;
        if !close {
            return Err(refused(format!(
                "it gives {exact} where the device gives {ours}, {apart:.1e} of the largest prediction apart \
                 (at most {TOLERANCE:e})"
            )));
        }
        worst = worst.max(apart);
    }
    Ok(worst)
}

/// Noise of several strengths and brightnesses, the same in every export.
fn pictures(shape: ImageShape) -> Vec<u8> {
    let mut random = random::stream(0, Purpose::Export);
    let mut images = vec![0; IMAGES * shape.elements()];
    for (index, image) in images.chunks_exact_mut(shape.elements()).enumerate() {
        random.fill_bytes(image);
        // Of all bytes, of a half of them, …; each second one bright.
        let strength = 1 + index as u8 / 2;
        for byte in image {
            *byte /= strength;
            *byte = if index % 2 == 0 { *byte } else { 255 - *byte };
        }
    }
    images
}
