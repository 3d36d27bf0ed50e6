//! `gpu-train predict`.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::model::Model;
use super::model_args::{Format, PredictArgs};
use super::style::{self, say};
use crate::data::image_folder::{find_images, read_picture};
use crate::data::{Dataset, Preprocessing};
use crate::error::{Error, Result};
use crate::shape::ImageShape;
use crate::train::{Predictor, Session};

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
}

/// Predicts every picture that can be read; errors at the end where some could not.
pub(super) fn run(args: &PredictArgs) -> Result<()> {
    let model = Model::find(&args.model)?;
    let shape = model.image(args.image.size.map(|it| it.0))?;
    let preprocessing = model.preprocessing(shape)?;
    let (network, tensors) = model.load(shape)?;
    let mut failures = Failures::default();
    let mut paths = Vec::new();
    for path in &args.pictures {
        match find_images(path) {
            Ok(found) => paths.extend(found),
            Err(error) => failures.add(path, error)?,
        }
    }
    let mut all = Vec::new();
    if !paths.is_empty() {
        let session = model.open()?;
        let predictor = Predictor::new(&session, network, &tensors, model.options())?;
        let at_once = (BYTES_AT_ONCE / shape.elements()).clamp(1, MOST_AT_ONCE);
        for chunk in paths.chunks(at_once) {
            let pictures = read(&preprocessing, shape, chunk, &mut failures)?;
            all.extend(predict(&session, &predictor, pictures)?);
        }
    }
    if let Some(classes) = model.classes() {
        for it in &mut all {
            let name = classes.name(it.prediction.round_ties_even());
            it.class = Some(name.unwrap_or_default().to_owned());
        }
    }
    print(&all, args.format)?;
    match failures.first {
        None => Ok(()),
        Some(first) => Err(Error::file(
            &first,
            match failures.count - 1 {
                0 => "was not predicted".to_owned(),
                more => format!("and {more} more were not predicted"),
            },
            if all.is_empty() {
                "why is said above"
            } else {
                "why is said above; all others were predicted"
            },
        )),
    }
}

/// Pictures that could be read, and their names.
type Pictures = Option<(Dataset, Vec<String>)>;

/// Reads those of `paths` that can be read, as a net for images of `shape` does; all processors share them.
fn read(
    preprocessing: &Preprocessing,
    shape: ImageShape,
    paths: &[PathBuf],
    failures: &mut Failures,
) -> Result<Pictures> {
    let pictures: Vec<_> = paths
        .par_iter()
        .map(|it| read_picture(it, preprocessing))
        .collect();
    let mut images = Vec::new();
    let mut files = Vec::new();
    for (path, picture) in paths.iter().zip(pictures) {
        match picture {
            Ok(planes) => {
                images.extend(planes);
                files.push(path.display().to_string());
            }
            Err(error) => failures.add(path, error)?,
        }
    }
    if files.is_empty() {
        return Ok(None);
    }
    let data = Dataset::new(images, vec![0.0; files.len()], shape)?;
    Ok(Some((data, files)))
}

/// Predicts `pictures`.
fn predict(
    session: &Session,
    predictor: &Predictor<'_>,
    pictures: Pictures,
) -> Result<Vec<Prediction>> {
    let Some((data, files)) = pictures else {
        return Ok(Vec::new());
    };
    let values = predictor.predict(&session.upload(&data)?)?;
    let line = |(file, prediction): (String, f32)| Prediction {
        file,
        prediction,
        rounded: prediction
            .is_finite()
            .then(|| prediction.round_ties_even() as i64),
        class: None,
    };
    Ok(files.into_iter().zip(values).map(line).collect())
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
                let prediction = it.prediction;
                say(format_args!(
                    "{prediction:>10.4}  {rounded:>7}  {class}{file}"
                ));
            }
        }
        Format::Csv => style::say_bytes(&csv(predictions)),
        Format::Json => style::say_json(predictions)?,
    }
    Ok(())
}

fn csv(predictions: &[Prediction]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let named = predictions.iter().any(|it| it.class.is_some());
    let header = ["file", "prediction", "rounded"].into_iter();
    let header = writer.write_record(header.chain(named.then_some("class")));
    let mut lines = predictions.iter().map(|it| {
        let rounded = it.rounded.map_or(String::new(), |it| it.to_string());
        let class = it.class.as_deref().map(style::clean_field);
        let line = [
            style::clean_field(&it.file),
            it.prediction.to_string(),
            rounded,
        ];
        line.into_iter().chain(class)
    });
    let written = header.and_then(|()| lines.try_for_each(|line| writer.write_record(line)));
    let () = written.expect("lines of equal length, in memory");
    writer.into_inner().expect("in memory")
}
