//! From arguments and an optional config file to a resolved [`RunConfig`].

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::args::{NetArgs, TrainArgs};
use crate::data::source::{DataSource, Resolved};
use crate::error::{Error, Result};
use crate::nn::{NetworkConfiguration, NetworkType};
use crate::run::{OptimizerKind, RunConfig};
use crate::shape::ImageShape;
use crate::train::{LrSchedule, ScheduleArgs, ScheduleConfig};

/// Sizes separated by commas; `none` or nothing at all is the empty list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SizeList(Vec<usize>);

impl FromStr for SizeList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() || text == "none" {
            return Ok(Self(Vec::new()));
        }
        let size = |entry: &str| {
            let entry = entry.trim();
            let parsed = entry.parse();
            parsed.map_err(|_| format!("'{entry}' is no whole number; write a list as 16,32,45"))
        };
        text.split(',')
            .map(size)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Sizes of an image, written `3x32x32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ImageSize(pub(super) ImageShape);

impl FromStr for ImageSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sizes: Option<Vec<usize>> = text.split('x').map(|it| it.parse().ok()).collect();
        // More than any data set has, and far from overflowing.
        let sane = |&size: &usize| (1..=1 << 10).contains(&size);
        match sizes.as_deref() {
            Some(&[channels, height, width]) if [channels, height, width].iter().all(sane) => {
                Ok(Self(ImageShape::new(channels, height, width)))
            }
            _ => Err(format!(
                "'{text}' is no channels x rows x columns of 1 to 1024, such as 3x32x32"
            )),
        }
    }
}

/// The run that `args` ask for, and whether drawn pictures stand in for a data set that nobody
/// named.
pub(super) fn resolve(args: &TrainArgs) -> Result<(RunConfig, bool)> {
    let file = args.config_file();
    let base = file.as_deref().map(RunConfig::read).transpose()?;
    let data = resolve_data(args, base.as_ref())?;
    let net = args.net.kind.or(base.as_ref().map(|base| base.net));
    let net = net.unwrap_or(NetworkType::Cnn);
    let base = base.unwrap_or_else(|| RunConfig::default_for(net));
    // A config file's sizes belong to its own kind of net.
    let sizes = if base.net == net {
        base.configuration()
    } else {
        NetworkConfiguration::default_for(net)
    };
    let sizes = network_configuration(&args.net, net, sizes)?;
    let config = RunConfig {
        net,
        activation: args.net.activation.unwrap_or(base.activation),
        data: absolute_source(data.source)?,
        schedule: schedule(&args.schedule, base.schedule)?,
        ..base.with(&args.run).with_sizes(sizes)
    };
    let config = without_stray_momentum(config, args);
    let init = config.init.as_deref().map(absolute).transpose()?;
    let config = RunConfig { init, ..config };
    config.validate()?;
    Ok((config, data.fallback))
}

/// `config` without the momentum that a file gives to sgd, where `args` ask for adam.
fn without_stray_momentum(config: RunConfig, args: &TrainArgs) -> RunConfig {
    if config.optimizer != OptimizerKind::Adam {
        return config;
    }
    RunConfig {
        momentum: args.run.momentum.unwrap_or(0.0),
        nesterov: args.run.nesterov,
        ..config
    }
}

/// `base` with what `args` say.
///
/// Errors where they give what the schedule does not read.
fn schedule(args: &ScheduleArgs, base: ScheduleConfig) -> Result<ScheduleConfig> {
    let schedule = args.lr_schedule.unwrap_or(base.lr_schedule);
    let step = schedule == LrSchedule::Step;
    let plateau = schedule == LrSchedule::Plateau;
    for (flag, given, read) in [
        ("--lr-step-size", args.lr_step_size.is_some(), step),
        ("--lr-gamma", args.lr_gamma.is_some(), step || plateau),
        ("--lr-patience", args.lr_patience.is_some(), plateau),
    ] {
        if given && !read {
            return Err(Error::usage(
                format!("{flag} is not read by this --lr-schedule"),
                "--lr-schedule step reads --lr-step-size and --lr-gamma, plateau --lr-gamma and \
                 --lr-patience",
            ));
        }
    }
    Ok(base.with(args))
}

/// The path that a config file, which is UTF-8, can be read back with from any folder.
fn absolute(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if absolute.to_str().is_some() {
        return Ok(absolute);
    }
    Err(Error::file(
        &absolute,
        "is no UTF-8 path, and cannot be recorded in config.toml",
        "give the file, or the folder it is in, another name",
    ))
}

fn absolute_source(source: DataSource) -> Result<DataSource> {
    Ok(match source {
        DataSource::Path(path) => DataSource::Path(absolute(&path)?),
        DataSource::Files { train, test } => DataSource::Files {
            train: absolute(&train)?,
            test: absolute(&test)?,
        },
        other => other,
    })
}

fn resolve_data(args: &TrainArgs, base: Option<&RunConfig>) -> Result<Resolved> {
    let named = args.data.is_some() || args.train.is_some() || args.test.is_some();
    match base {
        Some(base) if !named => Ok(Resolved {
            source: base.data.clone(),
            fallback: false,
        }),
        _ => DataSource::resolve(
            args.data.as_deref(),
            args.train.as_deref(),
            args.test.as_deref(),
        ),
    }
}

/// `sizes` with what `args` say; a single kernel size or stride serves every convolution.
pub(super) fn network_configuration(
    args: &NetArgs,
    net: NetworkType,
    mut sizes: NetworkConfiguration,
) -> Result<NetworkConfiguration> {
    let given = [
        ("--channels", args.channels.is_some()),
        ("--kernel-sizes", args.kernel_sizes.is_some()),
        ("--strides", args.strides.is_some()),
        ("--dense-hiddens", args.dense_hiddens.is_some()),
        ("--blocks", args.blocks.is_some()),
    ];
    // What a net of that kind has.
    let (own, hint): (&[&str], _) = match net {
        NetworkType::Mlp => (&["--dense-hiddens"], "an mlp has --dense-hiddens alone"),
        NetworkType::Cnn => (
            &[
                "--channels",
                "--kernel-sizes",
                "--strides",
                "--dense-hiddens",
            ],
            "--blocks is of --net resnet",
        ),
        NetworkType::Resnet => (
            &["--channels", "--blocks"],
            "a resnet has --channels, one per stage, and --blocks",
        ),
    };
    let stray = given
        .iter()
        .find(|(flag, given)| *given && !own.contains(flag));
    if let Some((flag, _)) = stray {
        let what = format!(
            "{flag} is for another kind of net, and this one is --net {}",
            net.name()
        );
        return Err(Error::usage(what, hint));
    }
    if let Some(SizeList(hiddens)) = &args.dense_hiddens {
        sizes.dense_hiddens.clone_from(hiddens);
    }
    sizes.blocks = args.blocks.unwrap_or(sizes.blocks);
    if let Some(SizeList(channels)) = &args.channels {
        sizes.n_channels.clone_from(channels);
    }
    if net != NetworkType::Cnn {
        return Ok(sizes);
    }
    let layers = sizes.n_channels.len();
    sizes.kernel_sizes = spread(args.kernel_sizes.as_ref(), &sizes.kernel_sizes, layers);
    sizes.strides = spread(args.strides.as_ref(), &sizes.strides, layers);
    Ok(sizes)
}

/// One value per layer: of `asked`, where a single one serves all, else of `default`, which serves
/// another number of layers where it says the same of each.
fn spread(asked: Option<&SizeList>, default: &[usize], layers: usize) -> Vec<usize> {
    match (asked, default) {
        (Some(SizeList(list)), _) => match list[..] {
            [one] => vec![one; layers],
            _ => list.clone(),
        },
        (None, [first, rest @ ..])
            if default.len() != layers && rest.iter().all(|it| it == first) =>
        {
            vec![*first; layers]
        }
        (None, _) => default.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_serve_other_numbers_of_layers_only_where_they_hold_one_value() {
        let one = SizeList(vec![5]);
        let uneven = SizeList(vec![5, 3]);
        assert_eq!(spread(Some(&one), &[3, 3, 3], 2), [5, 5]);
        assert_eq!(spread(Some(&uneven), &[3, 3, 3], 2), [5, 3]);
        assert_eq!(spread(None, &[3, 3, 3], 2), [3, 3]);
        assert_eq!(spread(None, &[3, 3, 5], 3), [3, 3, 5]);
        assert_eq!(spread(None, &[3, 3, 5], 2), [3, 3, 5]);
        assert_eq!(spread(None, &[], 0), [0; 0]);
    }

    #[test]
    fn lists_parse() {
        let list = |text: &str| text.parse::<SizeList>().map(|SizeList(list)| list);
        assert_eq!(list("16,32, 45"), Ok(vec![16, 32, 45]));
        assert_eq!(list("none"), Ok(vec![]));
        assert_eq!(list(""), Ok(vec![]));
        let image = |text: &str| text.parse().map(|ImageSize(shape)| shape);
        assert_eq!(image("3x32x48"), Ok(ImageShape::new(3, 32, 48)));
        for wrong in ["3x32", "3x0x32", "3x32x32x1", "3x-1x2", "", "1x99999999x1"] {
            assert!(image(wrong).is_err(), "{wrong}");
        }
        assert!(list("16,,3").is_err() && list("-1").is_err() && list("3.5").is_err());
    }
}
