//! What the user said about the data, resolved to a [`DataSource`] that loads it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[cfg(feature = "formats")]
use super::image_folder;
use super::{Dataset, Loading, Set, Split, house_digits};
use crate::error::{Error, Result};

mod format;

pub use format::{Format, LoadPair, LoadSet, LoadSplit, Reader, usual_folders};
use format::{default_format, incomplete, known, named, reader};
#[cfg(feature = "formats")]
pub(super) use format::{has_extension, plain};

const HOUSE_DIGITS: &str = "house-digits";

/// Where training and test images come from.
///
/// Its text form (`Display`, `FromStr`) is that of `--data`. Serialised, it is that text, or a
/// table of `train` and `test` for two files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Recorded", into = "Recorded")]
pub enum DataSource {
    /// A known data set, in `data/NAME` or the user's cache folder.
    Known(&'static Format),
    /// The set that the program draws itself.
    HouseDigits {
        /// Number of training images.
        train: usize,
        /// Number of test images.
        test: usize,
    },
    /// A folder or a file in one of the known formats.
    Path(PathBuf),
    /// One file of training images and one of test images.
    Files {
        /// Training images.
        train: PathBuf,
        /// Test images.
        test: PathBuf,
    },
}

/// What [`DataSource::resolve`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// Where the data comes from.
    pub source: DataSource,
    /// Whether nothing was named, no known data set was found, and house-digits stands in: worth
    /// telling the user, who may not expect drawn pictures.
    pub fallback: bool,
}

impl DataSource {
    /// The drawn set in its default size.
    pub const DRAWN: Self = Self::HouseDigits {
        train: house_digits::TRAIN_IMAGES,
        test: house_digits::TEST_IMAGES,
    };

    /// Resolves `--data`, or `--train` with `--test`, or none of them: then SVHN where its files are
    /// in the usual folders, else house-digits.
    ///
    /// Fails where both ways are mixed, one of the two files is missing, or the name is unknown.
    pub fn resolve(
        data: Option<&str>,
        train: Option<&Path>,
        test: Option<&Path>,
    ) -> Result<Resolved> {
        let source = match (data, train, test) {
            (Some(data), None, None) => data.parse()?,
            (None, Some(train), Some(test)) => Self::Files {
                train: train.to_path_buf(),
                test: test.to_path_buf(),
            },
            (None, None, None) => {
                let found = default_format().filter(|it| it.find().is_some());
                return Ok(Resolved {
                    source: found.map_or(Self::DRAWN, Self::Known),
                    fallback: found.is_none(),
                });
            }
            (Some(_), _, _) => {
                return Err(Error::usage(
                    "`data` cannot be combined with `train` and `test`",
                    "give either `data`, or `train` FILE with `test` FILE",
                ));
            }
            (None, _, _) => {
                return Err(Error::usage(
                    "`train` and `test` belong together",
                    "give both `train` FILE and `test` FILE, or `data` instead",
                ));
            }
        };
        Ok(Resolved {
            source,
            fallback: false,
        })
    }

    /// The source of the same test set, for who needs no other: of drawn images those alone are drawn, beside one.
    #[must_use]
    pub fn of_test_set(&self) -> Self {
        match self {
            Self::HouseDigits { test, .. } => Self::HouseDigits {
                train: 1,
                test: *test,
            },
            other => other.clone(),
        }
    }

    /// Whether it is a folder of pictures, each a file.
    pub fn has_pictures(&self) -> bool {
        #[cfg(feature = "formats")]
        if let Self::Path(path) = self {
            return reader(path, |format| format.folder).is_none() && image_folder::accepts(path);
        }
        false
    }

    /// Whether the images are drawn, by a seed.
    pub const fn is_drawn(&self) -> bool {
        matches!(self, Self::HouseDigits { .. })
    }

    /// Loads both sets as they are; `seed` matters only to images that are drawn.
    ///
    /// Fails as [`DataSource::load_with`] does.
    pub fn load(&self, seed: u64) -> Result<Split> {
        self.load_with(&Loading {
            seed,
            ..Loading::default()
        })
    }

    /// Loads both sets as `loading` says.
    ///
    /// Fails where files are missing or wrong, the shapes of training and test images differ, or a test set
    /// is to be drawn from data that have one.
    pub fn load_with(&self, loading: &Loading<'_>) -> Result<Split> {
        #[cfg(feature = "formats")]
        if let Self::Path(path) = self
            && self.has_pictures()
        {
            return image_folder::load(path, loading);
        }
        let split = match self {
            Self::Known(format) => format.load()?,
            Self::HouseDigits { train, test } => {
                house_digits::generate_with(*train, *test, loading.seed, loading.progress)?
            }
            Self::Path(path) => load_path(path)?,
            Self::Files { train, test } => load_pair(train, test)?,
        };
        if loading.test_fraction > 0.0 {
            return Err(Error::usage(
                format!("{self} has a test set, and `test_fraction` would draw another"),
                "omit `test_fraction`: it is for folders of pictures without a test set",
            ));
        }
        let split = loading.preprocessing.apply_to_all(split)?;
        let (train, test) = (split.train.shape(), split.test.shape());
        if train != test {
            return Err(Error::usage(
                format!("the training images are {train}, but the test images are {test}"),
                "training and test images need one shape, channels x height x width: `image_size` and \
                 `image_mode` give them one",
            ));
        }
        Ok(split)
    }
}

/// Loads both sets from a folder, or from a file that holds them.
fn load_path(path: &Path) -> Result<Split> {
    let found = if path.is_dir() {
        reader(path, |format| format.folder)
    } else {
        reader(path, |format| format.file)
    };
    if let Some(found) = found {
        return (found.read)(path);
    }
    if let Some((what, hint)) = incomplete(path) {
        return Err(Error::file(path, what, hint));
    }
    let what = if path.is_dir() {
        "holds no known data set"
    } else if path.exists() {
        "is not a file that holds a training and a test set"
    } else {
        "no such file or folder"
    };
    let hint = format!(
        "a folder for `data` holds {}; a file for `data` is one of these: {}; files of one set go \
         to `train` and `test`",
        known_folders(),
        known(|format| format.file)
    );
    Err(Error::file(path, what, hint))
}

/// What folders hold that are read.
fn known_folders() -> String {
    let known = known(|format| format.folder);
    #[cfg(feature = "formats")]
    let known = format!("{known}; {}", image_folder::WHAT);
    known
}

/// Loads both sets from a file each.
fn load_pair(train: &Path, test: &Path) -> Result<Split> {
    let pair = reader(train, |format| format.pair).filter(|pair| (pair.accepts)(test));
    if let Some(pair) = pair {
        return (pair.read)(train, test);
    }
    let (train, test) = (read_file(train, Set::Train)?, read_file(test, Set::Test)?);
    Ok(Split::new(train, test))
}

/// Reads the file of one set; its name tells the format. Of a file that holds both, `set` is read.
///
/// Fails where the file is missing or wrong, or of no known format.
pub fn read_file(path: &Path, set: Set) -> Result<Dataset> {
    if let Some(found) = reader(path, |format| format.single) {
        return (found.read)(path, set);
    }
    let (what, folders) = if path.is_dir() {
        ("is a folder", "; folders go to `data`")
    } else {
        ("is of no known format", "")
    };
    let hint = format!("known are {}{folders}", known(|format| format.single));
    Err(Error::file(path, what, hint))
}

impl fmt::Display for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(format) => f.write_str(format.name),
            source if *source == Self::DRAWN => f.write_str(HOUSE_DIGITS),
            Self::HouseDigits { train, test } => write!(f, "{HOUSE_DIGITS}:{train},{test}"),
            Self::Path(path) => path.display().fmt(f),
            Self::Files { train, test } => {
                write!(f, "{} and {}", train.display(), test.display())
            }
        }
    }
}

impl FromStr for DataSource {
    type Err = Error;

    /// A known name, `house-digits`, `house-digits:TRAIN,TEST`, or a path. A folder that bears one of
    /// these names is written `./NAME`.
    fn from_str(text: &str) -> Result<Self> {
        if let Some(format) = named().find(|format| format.name == text) {
            return Ok(Self::Known(format));
        }
        if text == HOUSE_DIGITS {
            return Ok(Self::DRAWN);
        }
        if let Some(counts) = text
            .strip_prefix(HOUSE_DIGITS)
            .and_then(|t| t.strip_prefix(':'))
        {
            return parse_counts(counts);
        }
        let path = Path::new(text);
        let is_path = path.components().count() > 1
            || text.contains(['/', '\\'])
            || reader(path, |format| format.file).is_some();
        if is_path || path.exists() {
            return Ok(Self::Path(path.to_path_buf()));
        }
        let names: Vec<_> = named().map(|format| format.name).collect();
        Err(Error::usage(
            format!("unknown data set `{text}`, and no folder or file of that name"),
            format!(
                "known are {}, {HOUSE_DIGITS} and {HOUSE_DIGITS}:TRAIN,TEST; or name a folder or \
                 file",
                names.join(", ")
            ),
        ))
    }
}

fn parse_counts(text: &str) -> Result<DataSource> {
    let mut counts = text.split(',').map(|count| count.trim().parse().ok());
    if let (Some(Some(train)), Some(Some(test)), None) =
        (counts.next(), counts.next(), counts.next())
    {
        house_digits::check_counts(train, test)?;
        return Ok(DataSource::HouseDigits { train, test });
    }
    Err(Error::usage(
        format!("`{text}` is not the two numbers of images to draw"),
        format!("for example `data` {HOUSE_DIGITS}:20000,5000 for training and test images"),
    ))
}

/// The serialised form of a [`DataSource`].
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Recorded {
    Data(String),
    Files { train: PathBuf, test: PathBuf },
}

impl From<DataSource> for Recorded {
    fn from(source: DataSource) -> Self {
        match source {
            DataSource::Files { train, test } => Self::Files { train, test },
            other => Self::Data(other.to_string()),
        }
    }
}

impl TryFrom<Recorded> for DataSource {
    type Error = Error;

    fn try_from(recorded: Recorded) -> Result<Self> {
        match recorded {
            Recorded::Data(text) => text.parse(),
            Recorded::Files { train, test } => Ok(Self::Files { train, test }),
        }
    }
}

#[cfg(test)]
mod tests;
