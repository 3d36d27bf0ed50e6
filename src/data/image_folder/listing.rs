//! Which images a folder holds, and their targets.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::labels_csv::{self, LABELS_FILE};
use crate::data::Classes;
use crate::data::source::has_extension;
use crate::data::stream::unreadable;
use crate::error::{Error, Result};

/// What the names of images end in.
const EXTENSIONS: [&str; 14] = [
    "png", "jpg", "jpeg", "jfif", "tif", "tiff", "bmp", "gif", "webp", "pnm", "pbm", "pgm", "ppm",
    "pam",
];
const FOLDER_HINT: &str = "a folder per class with its images, or all images in a labels.csv with the \
                           columns file and target";

/// Folders that Macintosh leaves in zip archives, of files that are no images whatever their names say.
const FOREIGN_FOLDER: &str = "__MACOSX";
/// Folders within folders: more is a loop of mounts or a mistake.
const MAX_DEPTH: usize = 32;
/// Files passed over that a note names; the others are counted.
const MOST_NAMED: usize = 4;

/// An image and its target.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) path: PathBuf,
    pub(super) target: f32,
}

/// What one of the two folders holds.
#[derive(Debug)]
pub(super) enum Listing {
    /// The folders of the classes, sorted by name, each with its images, sorted as well.
    Classes {
        folder: PathBuf,
        classes: Vec<Class>,
        /// What lies among them and is not an image, going by its name.
        passed_over: Vec<OsString>,
    },
    /// The rows of `labels.csv`.
    Labelled(Vec<Sample>),
}

/// A class: its name, and its images.
#[derive(Debug)]
pub(super) struct Class {
    name: OsString,
    images: Vec<PathBuf>,
}

impl Listing {
    /// Looks through `folder`, at names alone.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let labels = folder.join(LABELS_FILE);
        let listing = if labels.exists() {
            Self::Labelled(labels_csv::read(folder, &labels)?)
        } else {
            classes(folder)?
        };
        if listing.is_empty() {
            return Err(Error::file(folder, "holds no image", FOLDER_HINT));
        }
        Ok(listing)
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Classes { classes, .. } => classes.iter().all(|class| class.images.is_empty()),
            Self::Labelled(samples) => samples.is_empty(),
        }
    }

    /// What was passed over in it.
    fn passed_over(&self) -> &[OsString] {
        match self {
            Self::Classes { passed_over, .. } => passed_over,
            // What it does not list may be anything.
            Self::Labelled(_) => &[],
        }
    }

    /// Whether its targets are numbers that mean the same in every folder.
    fn is_numbered(&self) -> bool {
        match self {
            Self::Classes { classes, .. } => classes.iter().all(|it| it.number().is_some()),
            Self::Labelled(_) => true,
        }
    }

    /// The samples; classes are numbered in their order where names are not `numbers`.
    fn into_samples(self, numbers: bool) -> Vec<Sample> {
        let classes = match self {
            Self::Classes { classes, .. } => classes,
            Self::Labelled(samples) => return samples,
        };
        let mut samples = Vec::new();
        for (index, class) in classes.into_iter().enumerate() {
            let number = class.number().filter(|_| numbers);
            let target = number.unwrap_or(index as f32);
            let images = class.images.into_iter();
            samples.extend(images.map(|path| Sample { path, target }));
        }
        samples
    }
}

impl Class {
    /// The finite number that is its name, if it is one.
    fn number(&self) -> Option<f32> {
        let number: f32 = self.name.to_str()?.parse().ok()?;
        number.is_finite().then_some(number)
    }
}

/// The samples of all folders, with targets that mean the same in all.
pub(super) struct Listed {
    /// Those of each folder.
    pub(super) samples: Vec<Vec<Sample>>,
    /// What the targets stand for, where they are no numbers that were written somewhere.
    pub(super) classes: Option<Classes>,
    /// What the user should know: that names which are numbers are only names, and what was passed over.
    pub(super) notes: Vec<String>,
}

/// The folder to train on, and `others`, together. Fails where they do not have the same classes and these
/// are names.
pub(super) fn listed(train: Listing, others: Vec<Listing>) -> Result<Listed> {
    let numbers = train.is_numbered() && others.iter().all(Listing::is_numbered);
    if !numbers {
        let mut others = others.iter();
        others.try_for_each(|other| check_same_classes(&train, other))?;
    }
    let named = match &train {
        Listing::Classes { classes, .. } if !numbers => Some(classes),
        _ => None,
    };
    let lost = named.and_then(|it| lost_numbers(it));
    let name = |class: &Class| class.name.to_string_lossy().into_owned();
    let classes = named.map(|it| Classes::new(it.iter().map(name).collect()));
    let all: Vec<Listing> = std::iter::once(train).chain(others).collect();
    let other_files: Vec<OsString> = (all.iter().flat_map(Listing::passed_over))
        .cloned()
        .collect();
    let samples = all.into_iter().map(|it| it.into_samples(numbers));
    Ok(Listed {
        classes,
        notes: lost.into_iter().chain(passed_over(&other_files)).collect(),
        samples: samples.collect(),
    })
}

/// That a name which is a number is not the target, since another name is none; of the first such
/// class.
fn lost_numbers(classes: &[Class]) -> Option<String> {
    let is_lost = |(place, class): &(usize, &Class)| {
        let number = class.number();
        number.is_some_and(|number| number != *place as f32)
    };
    let (target, number) = classes.iter().enumerate().find(is_lost)?;
    let text = classes.iter().find(|class| class.number().is_none())?;
    Some(format!(
        "the folder {} is not a number, so the classes are numbered in the order of their names, and the \
         folder {} has the target {target}; to train on the numbers themselves, let every folder's name be one",
        text.name.display(),
        number.name.display(),
    ))
}

/// Classes that are numbered in their order must be the same in all folders.
fn check_same_classes(train: &Listing, test: &Listing) -> Result<()> {
    let names = |classes: &[Class]| classes.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    let (folder, what) = match (train, test) {
        (
            Listing::Classes {
                classes: train,
                folder,
                ..
            },
            Listing::Classes {
                classes: test,
                folder: other,
                ..
            },
        ) => {
            let (train, test) = (names(train), names(test));
            let lacking = |from: &[OsString], all: &[OsString]| {
                let mut lacking = all.iter().filter(|name| !from.contains(name));
                lacking
                    .next()
                    .map(|name| name.to_string_lossy().into_owned())
            };
            if let Some(name) = lacking(&test, &train) {
                (
                    other,
                    format!("lacks the class {name} of {}", folder.display()),
                )
            } else if let Some(name) = lacking(&train, &test) {
                (
                    folder,
                    format!("lacks the class {name} of {}", other.display()),
                )
            } else {
                return Ok(());
            }
        }
        (Listing::Classes { folder, .. }, _) | (_, Listing::Classes { folder, .. }) => {
            let what = format!(
                "has classes with names, where {LABELS_FILE} in the other folder has numbers"
            );
            (folder, what)
        }
        (Listing::Labelled(_), Listing::Labelled(_)) => return Ok(()),
    };
    let hint =
        "all sets need folders of the same names (an empty one will do), or names that are numbers";
    Err(Error::file(folder, what, hint))
}

/// That files were passed over, if any were.
fn passed_over(names: &[OsString]) -> Option<String> {
    let named = names.iter().take(MOST_NAMED);
    let named: Vec<String> = named.map(|it| it.display().to_string()).collect();
    let more = match names.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let what = format!(
        "passed over what is not an image, going by its name: {}{more}",
        named.join(", ")
    );
    (!names.is_empty()).then_some(what)
}

/// The folders within `folder`, and the images in each.
fn classes(folder: &Path) -> Result<Listing> {
    let mut classes = Vec::new();
    let mut passed_over = Vec::new();
    for (name, path) in entries(folder)? {
        if name == FOREIGN_FOLDER {
            passed_over.push(name);
        } else if path.is_dir() {
            let (images, others) = images(&path)?;
            passed_over.extend(others);
            classes.push(Class { name, images });
        } else if is_image_name(&path) {
            let what = format!("lies beside the classes, and there is no {LABELS_FILE}");
            return Err(Error::file(&path, what, FOLDER_HINT));
        } else {
            passed_over.push(name);
        }
    }
    Ok(Listing::Classes {
        folder: folder.to_path_buf(),
        classes,
        passed_over,
    })
}

/// The images in the folder of a class and in the folders below, and the names of what else lies there.
fn images(folder: &Path) -> Result<(Vec<PathBuf>, Vec<OsString>)> {
    let mut found = Found::default();
    found.walk(folder, 0)?;
    found.images.iter().try_for_each(|it| check_image(it))?;
    Ok((found.images, found.others))
}

/// What lies in a folder and in those below it.
#[derive(Default)]
pub(super) struct Found {
    /// Files that are named as images are, in the order of their paths.
    pub(super) images: Vec<PathBuf>,
    /// The names of all others.
    others: Vec<OsString>,
}

impl Found {
    /// Looks through `folder`, which lies `depth` folders below the first. Hidden files and links to
    /// folders, which may lead back, are passed over.
    pub(super) fn walk(&mut self, folder: &Path, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            let what = format!("lies more than {MAX_DEPTH} folders deep");
            return Err(Error::file(folder, what, "name this folder itself"));
        }
        for (name, path) in entries(folder)? {
            if name == FOREIGN_FOLDER || (path.is_symlink() && path.is_dir()) {
                self.others.push(name);
            } else if path.is_dir() {
                self.walk(&path, depth + 1)?;
            } else if is_image_name(&path) {
                self.images.push(path);
            } else {
                self.others.push(name);
            }
        }
        Ok(())
    }
}

/// Everything in `folder` but hidden files, sorted by name.
pub(super) fn entries(folder: &Path) -> Result<Vec<(OsString, PathBuf)>> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            found.push((entry.file_name(), entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Whether `path` ends as the names of images do.
pub(super) fn is_image_name(path: &Path) -> bool {
    let mut extensions = EXTENSIONS.iter();
    extensions.any(|extension| has_extension(path, extension))
}

/// Checks that `path` is a file with the name of an image.
pub(super) fn check_image(path: &Path) -> Result<()> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.is_file() && is_image_name(path) {
        return Ok(());
    }
    let what = if metadata.is_dir() {
        "is a folder, where images are expected"
    } else if metadata.is_file() {
        "is not an image, going by its name"
    } else {
        "is not a regular file"
    };
    let hint = format!(
        "images end in .{}; move anything else away",
        EXTENSIONS.join(", .")
    );
    Err(Error::file(path, what, hint))
}
