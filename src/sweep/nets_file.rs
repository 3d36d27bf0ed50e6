//! Files of whole nets, as named configurations.

use std::collections::BTreeMap;
use std::path::Path;

use toml::{Spanned, Table};

use super::axes::{Axis, Choice};
use crate::error::{Error, Result};
use crate::files::read_regular;
use crate::run::RunConfig;

/// Far more than a thousand nets need.
const MAX_BYTES: u64 = 1 << 20;
/// A name becomes a part of a folder's.
const MAX_NAME: usize = 64;
const HINT: &str = "a net is a table such as [deep] with net = \"cnn\", channels = [8, 16], \
                    kernel-sizes = [1], strides = [1], dense-hiddens = [256], activation = \"relu\"; a resnet has channels \
                    and blocks = 1";

/// The nets of the TOML file `path`, in its order, as the axis `net`.
///
/// Errors where it cannot be read, holds no net, an unknown key, a name twice, or a name that is no
/// name of a folder.
pub fn read_nets(path: &Path) -> Result<Axis> {
    let bytes = read_regular(path, MAX_BYTES, HINT, HINT)?;
    let nets: BTreeMap<String, Spanned<Table>> = toml::from_slice(&bytes)
        .map_err(|error| Error::file(path, format!("holds no nets: {error}"), HINT))?;
    if nets.is_empty() {
        return Err(Error::file(path, "holds no net", HINT));
    }
    if let Some(name) = nets.keys().find(|name| !is_name(name)) {
        let what = format!("'{name}' is not a name for a net");
        let hint = format!("use up to {MAX_NAME} letters, digits, - and _");
        return Err(Error::file(path, what, hint));
    }
    let mut nets: Vec<_> = nets.into_iter().collect();
    nets.sort_by_key(|(_, net)| net.span().start);
    let choice = |(label, values): (String, Spanned<Table>)| {
        let values = values.into_inner();
        check(&values)
            .map_err(|what| Error::file(path, format!("holds no net [{label}]: {what}"), HINT))?;
        Ok(Choice { label, values })
    };
    Ok(Axis {
        key: "net".to_owned(),
        choices: nets.into_iter().map(choice).collect::<Result<_>>()?,
        range: None,
    })
}

/// Errors where `values` are not those of a net; what is left out is the default of its kind.
fn check(values: &Table) -> Result<(), String> {
    if !values.contains_key("net") {
        return Err("it has no key net".to_owned());
    }
    if let Some(key) = values.keys().find(|key| !RunConfig::is_of_net(key)) {
        return Err(format!("{key} is not a key of a net"));
    }
    let checked = RunConfig::default().asked(values);
    checked
        .and_then(|config| config.validate())
        .map_err(|error| error.to_string())
}

fn is_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Activation;

    fn read(text: &str) -> Result<Axis> {
        let place = tempfile::tempdir().expect("a temporary folder");
        let path = place.path().join("nets.toml");
        std::fs::write(&path, text).expect("writes");
        read_nets(&path)
    }

    #[test]
    fn nets_keep_their_order() {
        let text = "[wide]\nnet = 'mlp'\ndense-hiddens = []\n\
                    [deep]\nnet = 'cnn'\nchannels = [8, 16]\nkernel-sizes = [1]\nactivation = 'tanh'";
        let axis = read(text).expect("two nets");
        let labels: Vec<&str> = axis.choices.iter().map(|it| it.label.as_str()).collect();
        assert_eq!((axis.key.as_str(), labels), ("net", vec!["wide", "deep"]));
        let of = |net: usize| RunConfig::default().asked(&axis.choices[net].values);
        assert_eq!(of(0).expect("an mlp").dense_hiddens, [0; 0]);
        let deep = of(1).expect("a cnn");
        let sizes = (
            &deep.channels[..],
            &deep.kernel_sizes[..],
            &deep.dense_hiddens[..],
        );
        assert_eq!(sizes, (&[8, 16][..], &[1, 1][..], &[128][..]));
        assert_eq!(deep.activation, Activation::Tanh);
    }

    #[test]
    fn wrong_files_are_refused_with_the_place() {
        for (text, says) in [
            ("", "holds no net"),
            ("[a]\nnet = 'cnn'\nchanels = [1]", "chanels"),
            ("[a]\nnet = 'cnn'\n[a]\nnet = 'mlp'", "duplicate key"),
            ("[a]\nchannels = [1]", "no key net"),
            ("[a]\nnet = 'rnn'", "rnn"),
            ("['a/b']\nnet = 'mlp'", "'a/b' is not a name"),
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
