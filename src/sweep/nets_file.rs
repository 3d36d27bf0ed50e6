//! `--nets FILE`: whole nets as named configurations.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::axes::{Axis, Choice};
use crate::error::{Error, Result};
use crate::files::read_regular;
use crate::nn::{Activation, NetworkType};

/// Far more than a thousand nets need.
const MAX_BYTES: u64 = 1 << 20;
/// A name becomes a part of a folder's.
const MAX_NAME: usize = 64;
const HINT: &str = "a net is a table such as [deep] with net = \"cnn\", channels = [8, 16], \
                    kernel-sizes = [1], strides = [1], dense-hiddens = [256], activation = \"relu\"; a resnet has channels \
                    and blocks = 1";

/// A net by the names of the options; what is left away is the options' default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Net {
    net: NetworkType,
    channels: Option<Vec<usize>>,
    kernel_sizes: Option<Vec<usize>>,
    strides: Option<Vec<usize>>,
    dense_hiddens: Option<Vec<usize>>,
    blocks: Option<usize>,
    activation: Option<Activation>,
}

/// The nets of the TOML file `path`, in its order, as the axis `net`.
///
/// Errors where it cannot be read, holds no net, an unknown key, a name twice, or a name that is no
/// name of a folder.
pub fn read_nets(path: &Path) -> Result<Axis> {
    let bytes = read_regular(path, MAX_BYTES, HINT, HINT)?;
    let nets: BTreeMap<String, Spanned<Net>> = toml::from_slice(&bytes)
        .map_err(|error| Error::file(path, format!("holds no nets: {error}"), HINT))?;
    if nets.is_empty() {
        return Err(Error::file(path, "holds no net", HINT));
    }
    if let Some(name) = nets.keys().find(|name| !is_name(name)) {
        let what = format!("'{name}' is no name for a net");
        let hint = format!("use up to {MAX_NAME} letters, digits, - and _");
        return Err(Error::file(path, what, hint));
    }
    let mut nets: Vec<_> = nets.into_iter().collect();
    nets.sort_by_key(|(_, net)| net.span().start);
    let choice = |(label, net): (String, Spanned<Net>)| Choice {
        label,
        arguments: net.get_ref().arguments(),
    };
    Ok(Axis {
        key: "net".to_owned(),
        choices: nets.into_iter().map(choice).collect(),
    })
}

fn is_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(word)
}

impl Net {
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![format!("--net={}", self.net.name())];
        let lists = [
            ("channels", &self.channels),
            ("kernel-sizes", &self.kernel_sizes),
            ("strides", &self.strides),
            ("dense-hiddens", &self.dense_hiddens),
        ];
        for (option, list) in lists {
            if let Some(list) = list {
                arguments.push(list_argument(option, list));
            }
        }
        if let Some(blocks) = self.blocks {
            arguments.push(format!("--blocks={blocks}"));
        }
        if let Some(activation) = self.activation {
            arguments.push(format!("--activation={}", activation.name()));
        }
        arguments
    }
}

/// `--option=1,2,3`, or `none` for an empty list.
pub(super) fn list_argument(option: &str, list: &[usize]) -> String {
    let sizes: Vec<String> = list.iter().map(ToString::to_string).collect();
    match sizes.as_slice() {
        [] => format!("--{option}=none"),
        sizes => format!("--{option}={}", sizes.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Axis> {
        let place = tempfile::tempdir().expect("a temporary folder");
        let path = place.path().join("nets.toml");
        std::fs::write(&path, text).expect("writes");
        read_nets(&path)
    }

    #[test]
    fn nets_keep_their_order_and_become_options() {
        let text = "[wide]\nnet = 'mlp'\ndense-hiddens = []\n\
                    [deep]\nnet = 'cnn'\nchannels = [8, 16]\nkernel-sizes = [1]\nactivation = 'tanh'";
        let axis = read(text).expect("two nets");
        let labels: Vec<&str> = axis.choices.iter().map(|it| it.label.as_str()).collect();
        assert_eq!((axis.key.as_str(), labels), ("net", vec!["wide", "deep"]));
        assert_eq!(
            axis.choices[0].arguments,
            ["--net=mlp", "--dense-hiddens=none"]
        );
        let deep = [
            "--net=cnn",
            "--channels=8,16",
            "--kernel-sizes=1",
            "--activation=tanh",
        ];
        assert_eq!(axis.choices[1].arguments, deep);
    }

    #[test]
    fn wrong_files_are_refused_with_the_place() {
        for (text, says) in [
            ("", "holds no net"),
            ("[a]\nnet = 'cnn'\nchanels = [1]", "chanels"),
            ("[a]\nnet = 'cnn'\n[a]\nnet = 'mlp'", "duplicate key"),
            ("[a]\nchannels = [1]", "missing field `net`"),
            ("[a]\nnet = 'rnn'", "rnn"),
            ("['a/b']\nnet = 'mlp'", "'a/b' is no name"),
            ("[a]\nnet = 'cnn'\nchannels = [-1]", "-1"),
            ("a = 3", "holds no nets"),
            ("[a", "holds no nets"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.to_string().contains(says), "{text}: {error}");
            assert!(!error.hint().is_empty());
        }
    }
}
