//! `gpu-train predict`.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::model::Model;
use super::model_args::{Format, PredictArgs};
use super::predict_classes;
use super::style::{self, say};
use crate::data::image_folder::{find_images, read_picture};
use crate::data::{Classes, Dataset, Preprocessing, TargetStatistics};
use crate::error::{Error, Result};
use crate::export::OnnxNet;
use crate::shape::ImageShape;
use crate::train::Predictor;

/// Pictures that are held in memory at once, and their bytes.
const MOST_AT_ONCE: usize = 1024;
const BYTES_AT_ONCE: usize = 64 << 20;

/// What is said of a picture.
#[derive(Debug, Serialize)]
struct Prediction {
    file: String,
    prediction: f32,
    /// Half to even, as the accuracy counts; `None` for what is no number.
    rounded: Option<i64>,
    /// The name of the class whose target that is, where the run's targets have names.
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
}

/// Pictures that could not be predicted: the first, and how many.
#[derive(Debug, Default)]
struct Failures {
    first: Option<PathBuf>,
    count: usize,
}

impl Failures {
    /// Says what is wrong with `path`, and goes on. Errors that no other picture would escape stay.
    fn add(&mut self, path: &Path, error: Error) -> Result<()> {
        if !matches!(error, Error::File { .. }) {
            return Err(error);
        }
        style::error(&error);
        self.first.get_or_insert_with(|| path.to_path_buf());
        self.count += 1;
        Ok(())
    }

    /// Errors where there are any: some, or all.
    fn end(self, all: bool) -> Result<()> {
        let Some(first) = self.first else {
            return Ok(());
        };
        let what = match self.count - 1 {
            0 => "was not predicted".to_owned(),
            more => format!("and {more} more were not predicted"),
        };
        let hint = if all {
            "why is said above"
        } else {
            "why is said above; all others were predicted"
        };
        Err(Error::file(&first, what, hint))
    }
}

/// Predicts every picture that can be read; errors at the end where some could not.
pub(super) fn run(args: &PredictArgs) -> Result<()> {
    let path = &args.model.model;
    if path
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("onnx"))
    {
        return run_onnx(args, path);
    }
    let model = Model::find(&args.model)?;
    let shape = model.image(args.image.size.map(|it| it.0))?;
    let preprocessing = model.preprocessing(shape)?;
    let (network, tensors) = model.load(shape)?;
    refuse_top(args, model.labels())?;
    let mut failures = Failures::default();
    let paths = find_all(args, &mut failures)?;
    let mut predicted = Predicted::default();
    if !paths.is_empty() {
        let session = model.open()?;
        let predictor = Predictor::new(&session, network, &tensors, model.options())?;
        predicted.add(
            &paths,
            &preprocessing,
            shape,
            &mut failures,
            |images, count| {
                let data = Dataset::new(images, vec![0.0; count], shape)?;
                predictor.predict(&session.upload(&data)?)
            },
        )?;
    }
    let rounds = model.targets().is_none_or(TargetStatistics::are_few_whole);
    predicted.print(args, model.labels(), model.classes(), rounds)?;
    failures.end(predicted.files.is_empty())
}

/// Predicts by an ONNX file, which says by itself what it takes and gives.
fn run_onnx(args: &PredictArgs, path: &Path) -> Result<()> {
    let told = [
        (args.model.weights.is_some(), "--weights"),
        (args.model.device.is_some(), "--device"),
        (args.image.size.is_some(), "--image"),
        (
            !args.model.net.values()?.is_empty(),
            "--net and what belongs to it",
        ),
    ];
    if let Some((_, option)) = told.iter().find(|(told, _)| *told) {
        return Err(Error::usage(
            format!(
                "an ONNX file is a whole net, which runs on the processor: {option} is not read"
            ),
            format!("omit {option}"),
        ));
    }
    let net = OnnxNet::read(path)?;
    let classes = net.meaning.classes();
    refuse_top(args, classes)?;
    let mut failures = Failures::default();
    let paths = find_all(args, &mut failures)?;
    let mut predicted = Predicted::default();
    predicted.add(
        &paths,
        &net.preprocessing,
        net.image,
        &mut failures,
        |images, _| net.predict(&images),
    )?;
    predicted.print(args, classes, None, true)?;
    failures.end(predicted.files.is_empty())
}

fn refuse_top(args: &PredictArgs, classes: Option<&Classes>) -> Result<()> {
    match (args.top, classes) {
        (Some(_), None) => Err(Error::usage(
            "--top lists classes, and this net predicts numbers",
            "omit --top",
        )),
        _ => Ok(()),
    }
}

/// The pictures that `args` name.
fn find_all(args: &PredictArgs, failures: &mut Failures) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for path in &args.pictures {
        match find_images(path) {
            Ok(found) => paths.extend(found),
            Err(error) => failures.add(path, error)?,
        }
    }
    Ok(paths)
}

/// Pictures, and what the net gave for them.
#[derive(Debug, Default)]
struct Predicted {
    files: Vec<String>,
    values: Vec<f32>,
}

impl Predicted {
    /// Adds those of `paths` that can be read, as a net for images of `shape` does, and what `net` gives for so
    /// many of them; all processors share the reading.
    fn add(
        &mut self,
        paths: &[PathBuf],
        preprocessing: &Preprocessing,
        shape: ImageShape,
        failures: &mut Failures,
        net: impl Fn(Vec<u8>, usize) -> Result<Vec<f32>>,
    ) -> Result<()> {
        let at_once = (BYTES_AT_ONCE / shape.elements()).clamp(1, MOST_AT_ONCE);
        for chunk in paths.chunks(at_once) {
            let pictures: Vec<_> = chunk
                .par_iter()
                .map(|it| read_picture(it, preprocessing))
                .collect();
            let mut images = Vec::new();
            let before = self.files.len();
            for (path, picture) in chunk.iter().zip(pictures) {
                match picture {
                    Ok(planes) => {
                        images.extend(planes);
                        self.files.push(path.display().to_string());
                    }
                    Err(error) => failures.add(path, error)?,
                }
            }
            let count = self.files.len() - before;
            if count > 0 {
                self.values.extend(net(images, count)?);
            }
        }
        Ok(())
    }

    /// Prints the classes that are told apart, or numbers, which may be `numbered` classes; `rounds` says
    /// whether whole numbers were learned.
    fn print(
        &self,
        args: &PredictArgs,
        labels: Option<&Classes>,
        numbered: Option<&Classes>,
        rounds: bool,
    ) -> Result<()> {
        let Self { files, values } = self;
        match labels {
            Some(classes) => {
                let top = args.top.unwrap_or(1) as usize;
                predict_classes::print(files, values, classes, top, args.format)
            }
            None => print(&numbers(files, values, numbered, rounds), args.format),
        }
    }
}

/// What is said of every one of `files`, of which the net gave `values`.
fn numbers(
    files: &[String],
    values: &[f32],
    classes: Option<&Classes>,
    rounds: bool,
) -> Vec<Prediction> {
    let line = |(file, &prediction): (&String, &f32)| Prediction {
        file: file.clone(),
        prediction,
        rounded: (rounds && prediction.is_finite()).then(|| prediction.round_ties_even() as i64),
        class: classes.map(|it| {
            let name = it.name(prediction.round_ties_even());
            name.unwrap_or_default().to_owned()
        }),
    };
    files.iter().zip(values).map(line).collect()
}

fn print(predictions: &[Prediction], format: Format) -> Result<()> {
    match format {
        Format::Table if predictions.is_empty() => {}
        Format::Table => {
            let classes = predictions.iter().filter_map(|it| it.class.as_deref());
            let width = classes.map(|it| it.chars().count()).max();
            let width = width.map(|it| it.max("class".len()) + 2);
            // Nothing where no class has a name.
            let column = |text: &str| width.map_or(String::new(), |it| format!("{text:<it$}"));
            say(format_args!("prediction  rounded  {}file", column("class")));
            for it in predictions {
                let rounded = it.rounded.map_or("-".to_owned(), |it| it.to_string());
                let class = column(&style::clean_field(it.class.as_deref().unwrap_or_default()));
                let file = style::clean_field(&it.file);
                let prediction = style::measured(f64::from(it.prediction));
                say(format_args!(
                    "{prediction:>10}  {rounded:>7}  {class}{file}"
                ));
            }
        }
        Format::Csv => style::say_bytes(&csv(predictions)),
        Format::Json => style::say_json(predictions)?,
    }
    Ok(())
}

fn csv(predictions: &[Prediction]) -> Vec<u8> {
    let named = predictions.iter().any(|it| it.class.is_some());
    let header = ["file", "prediction", "rounded"].into_iter();
    let header = header.chain(named.then_some("class"));
    let mut lines: Vec<Vec<String>> = vec![header.map(str::to_owned).collect()];
    lines.extend(predictions.iter().map(|it| {
        let rounded = it.rounded.map_or(String::new(), |it| it.to_string());
        let class = it.class.as_deref().map(style::clean_field);
        let line = [
            style::clean_field(&it.file),
            it.prediction.to_string(),
            rounded,
        ];
        line.into_iter().chain(class).collect()
    }));
    style::csv(&lines)
}
