//! What the user said about the data, resolved to a [`DataSource`] that loads it.
//!
//! A new format is one file beside this one and one line in `FORMATS`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Dataset, Split, house_digits, svhn};
use crate::error::{Error, Result};
use crate::files::cache_folder;

/// A data set made of files, and how to find and read them.
pub struct Format {
    /// Its name: on the command line, and of its folder below `data/` and the cache folder.
    pub name: &'static str,
    /// The files that a folder of this format holds.
    pub files: &'static [&'static str],
    /// Where these files come from.
    pub origin: &'static str,
    /// Loads them from a folder.
    pub load: fn(&Path) -> Result<Split>,
    /// How a single file that is a data set by itself is known and read, where there are such.
    pub single: Option<SingleFile>,
}

/// A file that holds images and their targets.
#[derive(Clone, Copy)]
pub struct SingleFile {
    /// What its name ends in, without the dot, lower case.
    pub extension: &'static str,
    /// Reads it.
    pub read: fn(&Path) -> Result<Dataset>,
}

/// Every format, in the order in which a folder is tried.
const FORMATS: &[&Format] = &[&svhn::FORMAT];

const HOUSE_DIGITS: &str = "house-digits";

impl Format {
    fn is_in(&self, folder: &Path) -> bool {
        self.files.iter().all(|file| folder.join(file).is_file())
    }

    /// The first of the usual folders that holds this format's files.
    fn find(&self) -> Option<PathBuf> {
        let mut folders = usual_folders(self.name).into_iter();
        folders.find(|folder| self.is_in(folder))
    }

    fn found(&self) -> Result<PathBuf> {
        self.find().ok_or_else(|| {
            let folders: Vec<_> = usual_folders(self.name)
                .iter()
                .map(|folder| folder.display().to_string())
                .collect();
            Error::file(
                Path::new(&folders[0]),
                format!("the data set {} is not there", self.name),
                format!(
                    "`gpu-train fetch {}` downloads it; or put {} from {} into {}; \
                     `--data {HOUSE_DIGITS}` needs no files",
                    self.name,
                    self.files.join(" and "),
                    self.origin,
                    folders.join(" or ")
                ),
            )
        })
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

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
    /// A folder of files in one of the known formats.
    Folder(PathBuf),
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

    /// Resolves `--data`, or `--train` with `--test`, or none of them: then the first known data
    /// set whose files are in the usual folders, else house-digits.
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
                let found = FORMATS.iter().find(|format| format.find().is_some());
                return Ok(Resolved {
                    source: found.map_or(Self::DRAWN, |format| Self::Known(format)),
                    fallback: found.is_none(),
                });
            }
            (Some(_), _, _) => {
                return Err(Error::usage(
                    "--data cannot be combined with --train and --test",
                    "give either --data, or --train FILE with --test FILE",
                ));
            }
            (None, _, _) => {
                return Err(Error::usage(
                    "--train and --test belong together",
                    "give both --train FILE and --test FILE, or --data instead",
                ));
            }
        };
        Ok(Resolved {
            source,
            fallback: false,
        })
    }

    /// Loads both sets; `seed` matters only to images that are drawn.
    ///
    /// Fails where files are missing or wrong, or the shapes of training and test images differ.
    pub fn load(&self, seed: u64) -> Result<Split> {
        let split = match self {
            Self::Known(format) => (format.load)(&format.found()?)?,
            Self::HouseDigits { train, test } => house_digits::generate(*train, *test, seed)?,
            Self::Folder(folder) => load_folder(folder)?,
            Self::Files { train, test } => Split {
                train: read_file(train)?,
                test: read_file(test)?,
            },
        };
        let (train, test) = (split.train.shape(), split.test.shape());
        if train != test {
            return Err(Error::usage(
                format!("the training images are {train}, but the test images are {test}"),
                "training and test images need one shape: channels x height x width",
            ));
        }
        Ok(split)
    }
}

fn load_folder(folder: &Path) -> Result<Split> {
    if let Some(format) = FORMATS.iter().find(|format| format.is_in(folder)) {
        return (format.load)(folder);
    }
    let what = if folder.is_dir() {
        "holds no known data set"
    } else if folder.exists() {
        "is a file, not a folder"
    } else {
        "no such folder"
    };
    let known: Vec<_> = FORMATS
        .iter()
        .map(|format| format!("{} ({})", format.files.join(" and "), format.name))
        .collect();
    let hint = format!(
        "a folder for --data holds {}; single files go to --train and --test",
        known.join(", or ")
    );
    Err(Error::file(folder, what, hint))
}

/// Reads one file; its extension tells the format.
fn read_file(path: &Path) -> Result<Dataset> {
    let extension = path.extension().unwrap_or_default();
    let singles = || FORMATS.iter().filter_map(|format| format.single);
    if let Some(single) = singles().find(|known| extension.eq_ignore_ascii_case(known.extension)) {
        return (single.read)(path);
    }
    let known: Vec<_> = singles()
        .map(|known| format!(".{}", known.extension))
        .collect();
    let hint = format!("known are files that end in {}", known.join(", "));
    Err(Error::file(path, "is of no known format", hint))
}

/// The folders in which a known data set is looked for, best first: `data/NAME` in the current
/// folder, and `gpu-train/NAME` in the user's cache folder.
pub fn usual_folders(name: &str) -> Vec<PathBuf> {
    let mut folders = vec![Path::new("data").join(name)];
    folders.extend(cache_folder().map(|cache| cache.join("gpu-train").join(name)));
    folders
}

impl fmt::Display for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(format) => f.write_str(format.name),
            source if *source == Self::DRAWN => f.write_str(HOUSE_DIGITS),
            Self::HouseDigits { train, test } => write!(f, "{HOUSE_DIGITS}:{train},{test}"),
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Files { train, test } => {
                write!(f, "{} and {}", train.display(), test.display())
            }
        }
    }
}

impl FromStr for DataSource {
    type Err = Error;

    /// A known name, `house-digits`, `house-digits:TRAIN,TEST`, or a folder. A folder that bears
    /// one of these names is written `./NAME`.
    fn from_str(text: &str) -> Result<Self> {
        if let Some(format) = FORMATS.iter().find(|format| format.name == text) {
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
        let folder = Path::new(text);
        if folder.components().count() > 1 || text.contains(['/', '\\']) || folder.exists() {
            return Ok(Self::Folder(folder.to_path_buf()));
        }
        let names: Vec<_> = FORMATS.iter().map(|format| format.name).collect();
        Err(Error::usage(
            format!("unknown data set `{text}`, and no folder of that name"),
            format!(
                "known are {}, {HOUSE_DIGITS} and {HOUSE_DIGITS}:TRAIN,TEST; or name a folder",
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
        format!("for example --data {HOUSE_DIGITS}:20000,5000 for training and test images"),
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
