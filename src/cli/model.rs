//! The trained net that a command names: a run's, or a file of weights with a description.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::model_args::{ModelArgs, Weights};
use super::start::{detail_device, refuse_sweep};
use super::style;
use crate::data::{Classes, Fit, Preprocessing, TargetStatistics};
use crate::error::{Error, Result};
use crate::files::cache_folder;
use crate::gpu::GpuOptions;
use crate::nn::Network;
use crate::run::{
    Checkpoint, Environment, Metadata, RunConfig, RunFolder, load_weights, read_metadata,
};
use crate::shape::ImageShape;
use crate::train::{PredictorOptions, Session};

/// A net that was named, and what is known about it. Nothing of its weights is read yet.
pub(super) struct Model {
    weights: PathBuf,
    /// What its file of weights says of the images: their shape, and what they went through.
    described: Option<(ImageShape, Preprocessing)>,
    device: Option<String>,
    checked: bool,
    options: PredictorOptions,
    config: RunConfig,
    run: Option<RunOf>,
    quiet: bool,
}

/// The run that a net comes from.
pub(super) struct RunOf {
    /// What it was asked for.
    pub config: RunConfig,
    /// Where it stands.
    checkpoint: Result<Checkpoint>,
}

impl RunOf {
    /// Where it stands, as its checkpoint says, which need not be there.
    pub(super) fn checkpoint(&self) -> Result<&Checkpoint> {
        self.checkpoint.as_ref().map_err(Clone::clone)
    }
}

impl Model {
    /// The net that `args` name.
    ///
    /// Errors where there is nothing, a run's configuration cannot be read, or options contradict it.
    pub(super) fn find(args: &ModelArgs) -> Result<Self> {
        let path = &args.model;
        let hint = "name the folder of a run, such as runs/<time>-<net>, or a .safetensors file";
        if !path.exists() {
            return Err(Error::file(path, "is not there", hint));
        }
        refuse_sweep(path)?;
        let (folder, weights) = if path.is_dir() {
            (path.as_path(), weights_of(path, args)?)
        } else if args.weights.is_some() {
            return Err(Error::usage(
                format!(
                    "--weights chooses among those of a run, and {} is a file",
                    path.display()
                ),
                "omit --weights, or name the folder of the run",
            ));
        } else {
            (path.parent().unwrap_or(Path::new("")), path.clone())
        };
        let config = RunFolder::config_of(folder);
        let described = !args.net.values()?.is_empty();
        if config.is_file() && (path.is_dir() || !described) {
            if described {
                return Err(Error::usage(
                    format!("what the net is, {} says already", config.display()),
                    "omit --net, --channels and the like, or name a .safetensors file",
                ));
            }
            return Self::of_run(args, folder, weights);
        }
        if path.is_dir() {
            return Err(Error::file(
                path,
                "is not a run folder: it has no config.toml",
                hint,
            ));
        }
        let metadata = read_metadata(&weights);
        let config = args.net.config()?.learning(&metadata);
        Ok(Self {
            described: Preprocessing::from_metadata(&metadata),
            weights,
            device: args.device.clone(),
            checked: false,
            options: PredictorOptions {
                objective: config.objective(),
                ..PredictorOptions::default()
            },
            config,
            run: None,
            quiet: args.quiet,
        })
    }

    /// The net of the run in `folder`, with its kernels' tiles: predictions are the run's own bits.
    fn of_run(args: &ModelArgs, folder: &Path, weights: PathBuf) -> Result<Self> {
        let path = RunFolder::config_of(folder);
        let checkpoint = Checkpoint::read(&RunFolder::checkpoint_of(folder));
        let config = match &checkpoint {
            Ok(checkpoint) => checkpoint.read_config(&path)?,
            Err(_) => RunConfig::read(&path)?,
        };
        let note = checkpoint.as_ref().ok().and_then(|it| it.note);
        if let Some(note) = note.filter(|_| !args.quiet) {
            style::notice(note);
        }
        let recorded = if config.no_tuned {
            None
        } else {
            Environment::read_tuning(&Environment::beside(&path))?
        };
        Ok(Self {
            described: Preprocessing::from_metadata(&read_metadata(&weights)),
            weights,
            device: args.device.clone().or(config.device.clone()),
            checked: config.checked,
            options: PredictorOptions {
                batch_size: config.batch_size,
                fuse: !config.no_fuse,
                objective: config.objective(),
                shards: config.shards.unwrap_or(1),
                tuning: recorded.filter(|it| !it.is_empty()).map(Arc::new),
            },
            config: config.clone(),
            run: Some(RunOf { config, checkpoint }),
            quiet: args.quiet,
        })
    }

    /// The run that it comes from, if it does.
    pub(super) fn run(&self) -> Option<&RunOf> {
        self.run.as_ref()
    }

    /// Says something that the user should not miss, unless told to be quiet.
    pub(super) fn notice(&self, text: &str) {
        if !self.quiet {
            style::notice(text);
        }
    }

    /// What the targets of the run stand for, where they are places in a list of names.
    pub(super) fn classes(&self) -> Option<&Classes> {
        self.run.as_ref()?.config.classes.as_ref()
    }

    /// The classes that it tells apart, where it is trained to.
    pub(super) fn labels(&self) -> Option<&Classes> {
        self.config.labels()
    }

    /// What the targets that its run was trained on are like, where they are numbers and it recorded that.
    pub(super) fn targets(&self) -> Option<&TargetStatistics> {
        self.run.as_ref()?.config.targets.as_ref()
    }

    /// How to predict as the run evaluated.
    pub(super) fn options(&self) -> PredictorOptions {
        self.options.clone()
    }

    /// Shape of the images that it was trained on, as far as the run's checkpoint or the file of its weights
    /// says.
    fn trained_on(&self) -> Option<ImageShape> {
        let checkpoint = self.run.as_ref().and_then(|run| run.checkpoint().ok());
        let described = self.described.map(|(shape, _)| shape);
        checkpoint.map(shape_of).or(described)
    }

    /// How images come to its size, where the run was asked to resize them, or its weights say so.
    fn asked(&self) -> Option<Fit> {
        let run = self.run.as_ref().map(|it| it.config.preprocessing());
        let asked = run.or(self.described.map(|(_, it)| it))?;
        asked.size.map(|_| asked.fit)
    }

    /// What every picture goes through that a net for images of `shape` reads.
    ///
    /// Errors where no picture can become such an image.
    pub(super) fn preprocessing(&self, shape: ImageShape) -> Result<Preprocessing> {
        if !matches!(shape.channels, 1 | 3) {
            let channels = shape.channels;
            return Err(Error::usage(
                format!("the net reads images of {channels} channels, and pictures have 1 or 3"),
                "use a net that was trained on grey or coloured images",
            ));
        }
        Ok(Preprocessing::exact(
            shape,
            self.asked().unwrap_or_default(),
        ))
    }

    /// What the images of other data than the run's own go through: all that the run's own did where it
    /// resized them, else they keep their size.
    pub(super) fn foreign(&self) -> Preprocessing {
        let Some(shape) = self.trained_on() else {
            return Preprocessing::default();
        };
        let exact = Preprocessing::exact(shape, self.asked().unwrap_or_default());
        Preprocessing {
            size: exact.size.filter(|_| self.asked().is_some()),
            ..exact
        }
    }

    /// What a file says beside the weights of this net for images of `shape`.
    pub(super) fn metadata(&self, shape: ImageShape) -> Metadata {
        let asked = self.asked();
        let exact = Preprocessing::exact(shape, asked.unwrap_or_default());
        let size = exact.size.filter(|_| asked.is_some());
        let mut metadata = Preprocessing { size, ..exact }.metadata(shape);
        metadata.extend(self.config.learned());
        metadata
    }

    /// Errors where the run was trained on images of another shape than `test`; says where nothing tells
    /// what the net was trained on, unless the images are the run's `own`.
    pub(super) fn check_image(&self, test: ImageShape, own: bool) -> Result<()> {
        let Some(trained) = self.trained_on() else {
            if !own {
                self.notice(&format!(
                    "nothing tells of which size the images were that the net was trained on; these are \
                     {test}"
                ));
            }
            return Ok(());
        };
        if trained == test {
            return Ok(());
        }
        Err(Error::usage(
            format!("the test images are {test}, and the run was trained on images of {trained}"),
            "evaluate on images of the run's shape; `gpu-train predict` scales pictures to it, and a run that \
             was trained with `image_size` resizes all that it is evaluated on",
        ))
    }

    /// Shape of the images: what the run's checkpoint or the file of its weights says, or `given` where
    /// neither does.
    ///
    /// Errors where nobody says it, or the two differ.
    pub(super) fn image(&self, given: Option<ImageShape>) -> Result<ImageShape> {
        let described = self.described.map(|(shape, _)| shape);
        let recorded = match self.run.as_ref().map(RunOf::checkpoint) {
            Some(Ok(checkpoint)) => Some(shape_of(checkpoint)),
            _ if described.is_some() => described,
            Some(Err(error)) if given.is_none() => {
                return Err(Error::usage(
                    format!("the shape of the images is not known: {error}"),
                    "give it with --image CxHxW, such as --image 3x32x32",
                ));
            }
            Some(Err(error)) => {
                self.notice(&format!("the run says nothing of its images: {error}"));
                None
            }
            None => None,
        };
        match (recorded, given) {
            (Some(recorded), Some(given)) if recorded != given => Err(Error::usage(
                format!("--image {given} is not the {recorded} that the run was trained on"),
                "omit --image",
            )),
            (Some(shape), _) | (None, Some(shape)) => Ok(shape),
            (None, None) => Err(Error::usage(
                format!(
                    "{} does not tell the shape of its images",
                    self.weights.display()
                ),
                "give --image CxHxW, such as --image 3x32x32, or name the folder of a run",
            )),
        }
    }

    /// The net for images of shape `image`, and its weights, one tensor per entry of its table. Those
    /// of a run that has not ended are its checkpoint's, which is said.
    pub(super) fn load(&self, image: ImageShape) -> Result<(Network, Vec<Vec<f32>>)> {
        let network = self.config.network(image)?;
        if let Some(run) = &self.run
            && !self.weights.exists()
        {
            let state = &run.checkpoint()?.state;
            network.parameters.check(&state.parameters)?;
            self.notice(&format!(
                "the run has not ended; these are its weights after step {}",
                state.step
            ));
            return Ok((network, state.parameters.clone()));
        }
        let tensors = load_weights(&self.weights, &network.parameters)?;
        Ok((network, tensors))
    }

    /// Opens the adapter that was asked for, or that the run asked for.
    pub(super) fn open(&self) -> Result<Session> {
        let begun = Instant::now();
        let session = Session::open(&GpuOptions {
            device: self.device.clone(),
            checked: self.checked,
            cache: cache_folder().map(|folder| folder.join("gpu-train")),
            ..GpuOptions::default()
        })?;
        detail_device(session.device(), begun.elapsed());
        Ok(session)
    }
}

/// Shape of the images that the run of `checkpoint` trains on.
fn shape_of(checkpoint: &Checkpoint) -> ImageShape {
    let [channels, height, width] = checkpoint.data.train.shape;
    ImageShape::new(channels, height, width)
}

/// The weights of the run in `folder` that `args` choose; says which where there is a choice.
fn weights_of(folder: &Path, args: &ModelArgs) -> Result<PathBuf> {
    let (best, last) = (RunFolder::best_of(folder), RunFolder::model_of(folder));
    match args.weights {
        Some(Weights::Best) if !best.is_file() => Err(Error::file(
            folder,
            "has no best.safetensors: the run has no validation set",
            "omit --weights; runs with --valid-fraction keep their best weights",
        )),
        Some(Weights::Best) => Ok(best),
        Some(Weights::Last) => Ok(last),
        None => {
            if best.is_file() && !args.quiet {
                style::tell(format_args!(
                    "with the weights of the last epoch; --weights best takes those that did best on the \
                     validation set"
                ));
            }
            Ok(last)
        }
    }
}
