//! How the data of a run are read.

use super::run_config::RunConfig;
use super::task::{ScaleRule, Task};
use super::weights::Metadata;
use crate::data::{Classes, Loading, Normalization, Preprocessing, TargetStatistics};
use crate::error::Result;
use crate::files::cache_folder;
use crate::nn::{Network, TargetScale};
use crate::shape::ImageShape;

impl RunConfig {
    /// What every image goes through.
    pub fn preprocessing(&self) -> Preprocessing {
        Preprocessing {
            size: self.image_size,
            fit: self.fit,
            mode: self.image_mode,
        }
    }

    /// Its net for images of shape `image`: its layers, what is frozen of them, and what images go through before.
    ///
    /// Errors where a layer does not fit, naming it, or nothing is left to train.
    pub fn network(&self, image: ImageShape) -> Result<Network> {
        let network = Network::new(self.net, &self.configuration(), self.activation, image)?;
        let found = self.normalization.clone();
        network.frozen(self.freeze)?.normalized(found)
    }

    /// How its data are read; decoded pictures are kept in the user's cache folder.
    pub fn loading(&self) -> Loading<'static> {
        let cache = cache_folder().filter(|_| !self.no_cache);
        Loading {
            seed: self.data_seed,
            preprocessing: self.preprocessing(),
            test_fraction: self.test_fraction,
            cache: cache.map(|it| it.join("gpu-train").join("pictures")),
            progress: None,
        }
    }

    /// What the weights of its net say beside the tensors, where it was trained on images of `shape`: what
    /// these went through, and what the net learned to predict.
    pub fn metadata(&self, shape: ImageShape) -> Metadata {
        let mut metadata = self.preprocessing().metadata(shape);
        metadata.extend(self.learned());
        metadata
    }

    /// The task; the names of the classes as a JSON list, where they are told apart; how outputs stand for numbers,
    /// where it is not by themselves; means and deviations, where images are normalised.
    pub fn learned(&self) -> Metadata {
        let task = self.labels().map_or("regress", |_| "classify");
        let names = self.labels().map(Classes::names);
        let names = names.map(|it| ("classes", serde_json::Value::from(it).to_string()));
        let scale = self.objective().target_scale();
        let scale = (scale != TargetScale::NONE).then(|| {
            let TargetScale { mean, deviation } = scale;
            let text = serde_json::json!({"mean": mean, "deviation": deviation}).to_string();
            ("target_scale", text)
        });
        let all = [("task", task.to_owned())];
        let all = all.into_iter().chain(names).chain(scale);
        let mut all: Metadata = all.map(|(key, value)| (key.to_owned(), value)).collect();
        all.extend(self.normalization.iter().flat_map(Normalization::metadata));
        all
    }

    /// The same with the task, the classes, the scale of targets and what normalises images that `metadata` tell of, if
    /// they do.
    #[must_use]
    pub fn learning(self, metadata: &Metadata) -> Self {
        let classes = metadata.get("classes");
        let classes = classes.and_then(|it| serde_json::from_str(it).ok());
        let normalization = Normalization::from_metadata(metadata).or(self.normalization.clone());
        let config = Self {
            normalization,
            ..self
        };
        match classes {
            Some(classes) if metadata.get("task").is_some_and(|it| it == "classify") => Self {
                task: Some(Task::Classify),
                classes: Some(classes),
                ..config
            },
            _ => config.scaling(metadata),
        }
    }

    /// The same with the scale of targets that `metadata` tell of, if they do.
    fn scaling(self, metadata: &Metadata) -> Self {
        let scale = metadata.get("target_scale");
        let scale = scale.and_then(|it| serde_json::from_str::<TargetScale>(it).ok());
        let usable = |it: &TargetScale| it.mean.is_finite() && it.deviation.is_normal();
        let Some(scale) = scale.filter(usable) else {
            return self;
        };
        Self {
            task: Some(Task::Regress),
            target_scale: Some(ScaleRule::Standard),
            // Of the rest, nobody asks who has nothing but the weights.
            targets: Some(TargetStatistics {
                deviation: f64::from(scale.deviation),
                whole: false,
                ..TargetStatistics::of(&[scale.mean])
            }),
            ..self
        }
    }
}
