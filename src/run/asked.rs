//! What is asked for, laid over a configuration. Files of nets, presets, values of a sweep and the
//! command line say what they ask for alike: as a table of the keys of `config.toml`, without the
//! tables in it.

use toml::{Table, Value};

use super::run_config::RunConfig;
use crate::error::{Error, Result};
use crate::nn::{NetworkConfiguration, NetworkType};
use crate::train::ScheduleConfig;

/// The table in `config.toml` with the settings of the schedule.
const SCHEDULE: &str = "schedule";

/// A setting that is read only if another one, the choice, has certain values; any at all where none are
/// listed.
struct ReadBy {
    setting: &'static str,
    choice: &'static str,
    values: &'static [&'static str],
}

const fn read_by(
    setting: &'static str,
    choice: &'static str,
    values: &'static [&'static str],
) -> ReadBy {
    ReadBy {
        setting,
        choice,
        values,
    }
}

const READ_BY: [ReadBy; 23] = [
    read_by("channels", "net", &["cnn", "resnet"]),
    read_by("kernel-sizes", "net", &["cnn"]),
    read_by("strides", "net", &["cnn"]),
    read_by("padding", "net", &["cnn"]),
    read_by("pool", "net", &["cnn"]),
    read_by("head", "net", &["cnn"]),
    read_by("batch-norm", "net", &["mlp", "cnn"]),
    read_by("dense-hiddens", "net", &["mlp", "cnn"]),
    read_by("dropout", "net", &["mlp", "cnn"]),
    read_by("blocks", "net", &["resnet"]),
    read_by("label-smoothing", "task", &["classify"]),
    read_by("class-weights", "task", &["classify"]),
    read_by("best-by", "task", &["classify"]),
    read_by("loss", "task", &["regress"]),
    read_by("target-scale", "task", &["regress"]),
    read_by("huber-delta", "loss", &["huber"]),
    read_by("momentum", "optimizer", &["sgd"]),
    read_by("nesterov", "optimizer", &["sgd"]),
    read_by("lr-step-size", "lr-schedule", &["step"]),
    read_by("lr-gamma", "lr-schedule", &["step", "plateau"]),
    read_by("lr-patience", "lr-schedule", &["plateau"]),
    read_by("fit", "image-size", &[]),
    read_by("init-partial", "init", &[]),
];

impl ReadBy {
    fn allows(&self, choice: Option<&Value>) -> bool {
        if self.values.is_empty() {
            return choice.is_some();
        }
        let choice = choice.and_then(Value::as_str);
        choice.is_none_or(|choice| self.values.contains(&choice))
    }

    fn refusal(&self, choice: Option<&Value>) -> Error {
        let name = |key: &str| key.replace('-', "_");
        let choice = choice.and_then(Value::as_str).unwrap_or_default();
        let (setting, of) = (name(self.setting), name(self.choice));
        if self.values.is_empty() {
            return Error::usage(
                format!("`{setting}` is not read without `{of}`"),
                format!("omit `{setting}`, or give `{of}`"),
            );
        }
        let others: Vec<String> = self
            .values
            .iter()
            .map(|it| format!("`{of}` {it}"))
            .collect();
        Error::usage(
            format!("`{setting}` is not read with `{of}` {choice}"),
            format!("omit `{setting}`, or give {}", others.join(" or ")),
        )
    }
}

impl RunConfig {
    /// The same with what `asked` says: values by the keys of `config.toml`, those of the schedule
    /// among them. What belongs to a choice, as its sizes do to a kind of net, goes with it if another
    /// is made; one kernel size or stride serves every convolution.
    ///
    /// Errors where a value is of another type than its setting, or is not read with what is chosen.
    /// Whether the numbers make sense, [`RunConfig::validate`] tells.
    pub fn asked(&self, asked: &Table) -> Result<Self> {
        let mut values = self.to_values();
        let before = values.clone();
        for rule in &READ_BY {
            let chosen = asked.get(rule.choice);
            let choice = chosen.or(before.get(rule.choice));
            if asked.contains_key(rule.setting) && !rule.allows(choice) {
                return Err(rule.refusal(choice));
            }
            let is_one_of_several = !rule.values.is_empty();
            if is_one_of_several && chosen.is_some() && chosen != before.get(rule.choice) {
                values.remove(rule.setting);
            }
        }
        values.extend(asked.clone());
        Self::from_values(values)
            .map(|config| config.spread(asked))
            .map_err(|error| {
                let hint = "keys and values are those of a run's config.toml";
                Error::usage(error.to_string().trim_end().to_owned(), hint)
            })
    }

    /// The net alone, as [`RunConfig::asked`] takes it.
    pub fn net_values(net: NetworkType, sizes: NetworkConfiguration) -> Table {
        let all = Self::default_for(net).with_sizes(sizes).to_values();
        let read = |key: &str| {
            let mut rules = READ_BY.iter();
            key == "net"
                || rules.any(|rule| {
                    rule.setting == key && rule.choice == "net" && rule.allows(all.get("net"))
                })
        };
        let kept = all.iter().filter(|(key, _)| read(key));
        kept.map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// Whether `key` says something about the net.
    pub fn is_of_net(key: &str) -> bool {
        let mut rules = READ_BY.iter();
        ["net", "activation"].contains(&key)
            || rules.any(|rule| rule.setting == key && rule.choice == "net")
    }

    /// All values by their keys, without tables in tables.
    fn to_values(&self) -> Table {
        // Configurations are read, or written, as TOML before.
        let mut values = Table::try_from(self).unwrap_or_default();
        if let Some(Value::Table(schedule)) = values.remove(SCHEDULE) {
            values.extend(schedule);
        }
        values
    }

    /// From values by their keys, those of the schedule in a table of their own or not; what is left
    /// out is the default of its kind of net.
    pub(super) fn from_values(mut values: Table) -> Result<Self, toml::de::Error> {
        let net = values.get("net").cloned();
        let net: Option<NetworkType> = net.map(Value::try_into).transpose()?;
        let default = Self::default_for(net.unwrap_or(NetworkType::Cnn)).to_values();
        let mut all: Table = default.into_iter().collect();
        if let Some(schedule) = values.remove(SCHEDULE) {
            all.extend(schedule.try_into::<Table>()?);
        }
        all.extend(values);
        let mut schedule = Table::new();
        for setting in ScheduleConfig::SETTINGS {
            schedule.extend(all.remove_entry(&setting.key()));
        }
        all.insert(SCHEDULE.to_owned(), schedule.into());
        all.try_into()
    }

    /// One kernel size and stride per convolution: of what was asked, a single one serves all; else of
    /// what was there, if it says the same of each.
    fn spread(mut self, asked: &Table) -> Self {
        if self.net != NetworkType::Cnn {
            return self;
        }
        let layers = self.channels.len();
        let lists = [
            ("kernel-sizes", &mut self.kernel_sizes),
            ("strides", &mut self.strides),
        ];
        for (key, list) in lists {
            let serves_all = match list[..] {
                [first, ref rest @ ..] if !asked.contains_key(key) => {
                    list.len() != layers && rest.iter().all(|it| *it == first)
                }
                [_] => true,
                _ => false,
            };
            if serves_all {
                *list = vec![list[0]; layers];
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Fit;

    fn values(text: &str) -> Table {
        text.parse().expect("TOML")
    }

    fn asked(base: &RunConfig, text: &str) -> Result<RunConfig> {
        base.asked(&values(text))
    }

    #[test]
    fn lists_serve_other_numbers_of_layers_only_where_they_hold_one_value() {
        let cnn = RunConfig::default();
        let kernels = |base: &RunConfig, text: &str| asked(base, text).expect(text).kernel_sizes;
        assert_eq!(kernels(&cnn, "channels = [8, 9]"), [3, 3]);
        assert_eq!(
            kernels(&cnn, "channels = [8, 9]\nkernel-sizes = [5]"),
            [5, 5]
        );
        assert_eq!(
            kernels(&cnn, "channels = [8, 9]\nkernel-sizes = [5, 3]"),
            [5, 3]
        );
        let uneven = asked(&cnn, "kernel-sizes = [3, 3, 5]").expect("three");
        assert_eq!(kernels(&uneven, "lr = 0.5"), [3, 3, 5]);
        assert_eq!(kernels(&uneven, "channels = [8, 9]"), [3, 3, 5]);
        assert_eq!(kernels(&cnn, "channels = []"), [0; 0]);
    }

    /// A choice takes along what belongs to it.
    #[test]
    fn another_choice_begins_with_its_own_defaults() {
        let sgd = "optimizer = 'sgd'\nmomentum = 0.9\nnet = 'mlp'\ndense-hiddens = [7]";
        let base = asked(&RunConfig::default(), sgd).expect("an mlp");
        assert_eq!((base.momentum, &base.dense_hiddens[..]), (0.9, &[7][..]));
        let same = asked(&base, "optimizer = 'sgd'\nnet = 'mlp'").expect("the same");
        assert_eq!(same, base);
        let other = asked(&base, "optimizer = 'adam'\nnet = 'cnn'").expect("a cnn");
        assert_eq!(other, RunConfig::default());
        let sized = asked(&base, "image-size = '32'\nfit = 'pad'").expect("a size");
        let wider = asked(&sized, "image-size = '32x48'").expect("another size");
        assert_eq!(wider.fit, Fit::Pad);
        let step = asked(&base, "lr-schedule = 'step'\nlr-gamma = 0.5").expect("steps");
        assert_eq!(step.schedule.lr_gamma, 0.5);
    }

    #[test]
    fn what_is_not_read_is_refused() {
        for (text, says) in [
            (
                "net = 'mlp'\nchannels = [3]",
                "`channels` is not read with `net` mlp",
            ),
            ("net = 'resnet'\ndense-hiddens = []", "`dense_hiddens`"),
            ("blocks = 2", "`net` cnn"),
            (
                "momentum = 0.5",
                "`momentum` is not read with `optimizer` adam",
            ),
            ("lr-gamma = 0.5", "`lr_schedule` constant"),
            (
                "lr-schedule = 'plateau'\nlr-step-size = 3",
                "`lr_step_size`",
            ),
            ("fit = 'crop'", "`fit` is not read without `image_size`"),
            ("image-size = '0'", "is not a size of images"),
            ("lr = 'fast'", "lr"),
            ("chanels = [3]", "chanels"),
            ("net = 'rnn'", "rnn"),
        ] {
            let error = asked(&RunConfig::default(), text).expect_err(text);
            assert!(error.to_string().contains(says), "{text}: {error}");
            assert!(!error.hint().is_empty());
        }
    }
}
