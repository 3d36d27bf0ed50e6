//! What an ONNX file says of itself, and a net that is read from one.

use std::path::Path;

use rayon::prelude::*;

use super::interpreter::{Model, Tensor};
use crate::data::preprocessing::scaled;
use crate::data::{Classes, Preprocessing};
use crate::error::{Error, Result};
use crate::files::read_regular;
use crate::shape::ImageShape;

/// The most rows and columns of images that are read for a net.
const MOST_SIDE: usize = 4096;
/// More than any file may have.
const MAX_BYTES: u64 = 1 << 31;
const HINT: &str = "name a file that `gpu-train export` wrote, or the folder of a run";

/// What the outputs of an exported net are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// One number.
    Number,
    /// A logit per class.
    Logits(Classes),
    /// A probability per class: the softmax of the logits.
    Probabilities(Classes),
}

impl Meaning {
    /// The name of the file's output.
    pub fn output(&self) -> &'static str {
        match self {
            Self::Number => "prediction",
            Self::Logits(_) => "logits",
            Self::Probabilities(_) => "probabilities",
        }
    }

    /// The classes that are told apart.
    pub fn classes(&self) -> Option<&Classes> {
        match self {
            Self::Number => None,
            Self::Logits(classes) | Self::Probabilities(classes) => Some(classes),
        }
    }
}

/// A net that was exported as ONNX, run in f64 on the processor.
#[derive(Debug)]
pub struct OnnxNet {
    model: Model,
    /// Shape of its images.
    pub image: ImageShape,
    /// What they go through.
    pub preprocessing: Preprocessing,
    /// What it gives.
    pub meaning: Meaning,
}

impl OnnxNet {
    /// Reads the file at `path`, which says by itself what it is for.
    ///
    /// Errors where it cannot be read, or `gpu-train export` did not write it.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = read_regular(path, MAX_BYTES, HINT, HINT)?;
        Self::decode(&bytes)
            .map_err(|what| Error::file(path, format!("is not a net of gpu-train: {what}"), HINT))
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let model = Model::decode(bytes)?;
        let (output, sizes) = model
            .signature()
            .ok_or("it has not one input and one output")?;
        let image = match sizes[..] {
            [
                channels @ (1 | 3),
                height @ 1..=MOST_SIDE,
                width @ 1..=MOST_SIDE,
            ] => ImageShape::new(channels, height, width),
            _ => return Err(format!("its input is not a batch of pictures: {sizes:?}")),
        };
        let told = model.metadata();
        let classes = told.get("classes");
        let classes = classes.and_then(|it| serde_json::from_str::<Classes>(it).ok());
        let meaning = match (output, classes) {
            ("prediction", _) => Meaning::Number,
            ("logits", Some(classes)) => Meaning::Logits(classes),
            ("probabilities", Some(classes)) => Meaning::Probabilities(classes),
            (other, _) => return Err(format!("it does not tell what its output '{other}' is")),
        };
        let told = Preprocessing::from_metadata(&told);
        let fit = told.map(|(_, preprocessing)| preprocessing.fit);
        Ok(Self {
            image,
            preprocessing: Preprocessing::exact(image, fit.unwrap_or_default()),
            meaning,
            model,
        })
    }

    /// What it gives for each of `images`, NCHW bytes: numbers, or logits, also where the file gives
    /// probabilities. One image at a time on each processor: every value of a graph is held to its end.
    ///
    /// Errors where the graph cannot be run.
    pub fn predict(&self, images: &[u8]) -> Result<Vec<f32>> {
        let images = images.par_chunks_exact(self.image.elements());
        let outputs = images.map(|image| self.predict_one(image));
        let outputs: Vec<Vec<f32>> =
            outputs.collect::<Result<_, _>>().map_err(|what: String| {
                Error::usage(format!("the ONNX file cannot be run: {what}"), HINT)
            })?;
        Ok(outputs.concat())
    }

    fn predict_one(&self, image: &[u8]) -> Result<Vec<f32>, String> {
        let ImageShape {
            channels,
            height,
            width,
        } = self.image;
        let output = self.model.run(Tensor {
            shape: vec![1, channels, height, width],
            values: image.iter().map(|&it| f64::from(scaled(it))).collect(),
        })?;
        let outputs = self.meaning.classes().map_or(1, |it| it.names().len());
        if output.shape != [1, outputs] {
            return Err(format!("it gives {:?}", output.shape));
        }
        let is_share = matches!(self.meaning, Meaning::Probabilities(_));
        // The logarithms of probabilities are logits of them.
        let value = |it: f64| if is_share { it.ln().max(-1e30) } else { it };
        Ok(output
            .values
            .into_iter()
            .map(|it| value(it) as f32)
            .collect())
    }
}
