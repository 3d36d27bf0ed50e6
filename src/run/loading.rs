//! How the data of a run are read.

use super::run_config::RunConfig;
use super::task::{ScaleRule, Task};
use super::weights::Metadata;
use crate::data::{Classes, Loading, Preprocessing, TargetStatistics};
use crate::files::cache_folder;
use crate::nn::TargetScale;
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

    /// The task; the names of the classes as a JSON list, where they are told apart; and how outputs stand for
    /// numbers, where it is not by themselves.
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
        all.map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// The same with the task, the classes and the scale of targets that `metadata` tell of, if they do.
    #[must_use]
    pub fn learning(self, metadata: &Metadata) -> Self {
        let classes = metadata.get("classes");
        let classes = classes.and_then(|it| serde_json::from_str(it).ok());
        match classes {
            Some(classes) if metadata.get("task").is_some_and(|it| it == "classify") => Self {
                task: Some(Task::Classify),
                classes: Some(classes),
                ..self
            },
            _ => self.scaling(metadata),
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
