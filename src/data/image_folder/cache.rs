//! Decoded pictures, kept in the cache folder: a file for all sets of a folder together.
//!
//! Which pictures a file holds, the SHA-256 of their files says, in their order, with all that they went
//! through: names, sizes and dates may stay the same where a picture changed. Reading and hashing a
//! picture takes a fraction of decoding it, and is only done where a file is there whose number of pictures
//! and bytes fit, which its name says. A checksum tells damaged files, which are written anew. A file is
//! written under another name and then renamed, so that several processes do no harm to each other.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crc32fast::Hasher;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::data::Preprocessing;
use crate::data::limits::Budget;
use crate::data::stream::open_regular;
use crate::error::{Error, Result};
use crate::files::{partial_beside, remove_partial_files, rename};
use crate::shape::ImageShape;

/// What a file holds.
pub(super) type Digest = [u8; 32];

/// Another number is another meaning.
const MAGIC: &[u8; 22] = b"gpu-train pictures v1\n";
const EXTENSION: &str = "pictures";
/// Files that nobody used for so long are removed, whichever folder they are of.
const UNUSED: Duration = Duration::from_hours(24 * 30);
/// After this time nobody is writing a file any more.
const FORGOTTEN: Duration = Duration::from_hours(1);
const CHUNK: usize = 1 << 20;

/// The SHA-256 of what the file `path` holds; `None` where it cannot be read.
pub(super) fn digest_of(path: &Path) -> Option<Digest> {
    let (mut file, _) = open_regular(path, "").ok()?;
    let (mut all, mut chunk) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Some(all.finalize().into()),
            Ok(read) => all.update(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

/// The SHA-256 of `bytes`.
pub(super) fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// Decoded pictures of all sets.
#[derive(Debug, PartialEq)]
pub(super) struct Decoded {
    pub(super) shape: ImageShape,
    /// The pictures of every set.
    pub(super) images: Vec<Vec<u8>>,
    /// How many were of another size.
    pub(super) resized: usize,
}

impl Decoded {
    /// Leaves one plane of pictures whose three are the same.
    pub(super) fn drop_colours(&mut self) {
        let pixels = self.shape.pixels();
        for images in &mut self.images {
            let count = images.len() / (3 * pixels);
            for image in 0..count {
                images.copy_within(3 * image * pixels..(3 * image + 1) * pixels, image * pixels);
            }
            images.truncate(count * pixels);
            images.shrink_to_fit();
        }
        self.shape.channels = 1;
    }
}

/// Where the pictures of one folder are kept.
pub(super) struct Cache {
    folder: PathBuf,
    /// What names begin with: it depends on all that is known without reading the files.
    start: String,
    preprocessing: String,
}

impl Cache {
    /// That of the pictures `paths` which go through `preprocessing`, below `folder`.
    pub(super) fn new(folder: &Path, preprocessing: &Preprocessing, paths: &[&Path]) -> Self {
        // Decoders of another version may give other pixels.
        let preprocessing = format!("{preprocessing:?}, {}", env!("CARGO_PKG_VERSION"));
        let size = |path: &&Path| fs::metadata(path).map_or(0, |it| it.len());
        let bytes: u64 = paths.par_iter().map(size).sum();
        let known = format!("{preprocessing}, {} files, {bytes} bytes", paths.len());
        Self {
            folder: folder.to_path_buf(),
            start: hexadecimal(&digest(known.as_bytes())[..8]),
            preprocessing,
        }
    }

    /// Whether a file is there that may hold these pictures.
    pub(super) fn has_candidates(&self) -> bool {
        let mut entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.any(|it| it.file_name().to_string_lossy().starts_with(&self.start))
    }

    /// The pictures whose files hold `digests`, as many in every set as `counts` say; `None` where they are not
    /// there, or damaged.
    pub(super) fn load(&self, digests: &[Digest], counts: &[usize]) -> Option<Decoded> {
        let path = self.path(digests);
        let file = File::options().read(true).write(true).open(&path);
        // It may be another user's, who lets this one read.
        let file = file.or_else(|_| File::open(&path)).ok()?;
        let decoded = read(&file, counts).ok()?;
        let _ = file.set_modified(SystemTime::now());
        Some(decoded)
    }

    /// Keeps `decoded`, whose files hold `digests`; removes what nobody used for long.
    ///
    /// Errors where it cannot be written; nothing is left behind then.
    pub(super) fn store(&self, digests: &[Digest], decoded: &Decoded) -> Result<()> {
        let path = self.path(digests);
        let partial = partial_beside(&path);
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let _ = fs::remove_file(&partial);
            let mut file = File::create_new(&partial)?;
            write(&mut file, decoded)?;
            drop(file);
            rename(&partial, &path)
        };
        let written = write();
        if written.is_err() {
            let _ = fs::remove_file(&partial);
        }
        self.remove_unused();
        written.map_err(|error| {
            let hint = "free some space, or give `no_cache`";
            Error::file(&path, format!("cannot be written: {error}"), hint)
        })
    }

    fn path(&self, digests: &[Digest]) -> PathBuf {
        let mut all = Sha256::new();
        all.update(self.preprocessing.as_bytes());
        all.update(digests.as_flattened());
        let all = hexadecimal(&all.finalize());
        self.folder
            .join(format!("{}-{all}.{EXTENSION}", self.start))
    }

    fn remove_unused(&self) {
        remove_partial_files(&self.folder, FORGOTTEN);
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for path in entries.map(|it| it.path()) {
            let age = || fs::metadata(&path).ok()?.modified().ok()?.elapsed().ok();
            let is_own = path.extension().is_some_and(|it| it == EXTENSION);
            if is_own && age().is_some_and(|age| age > UNUSED) {
                let _ = fs::remove_file(&path);
            }
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A `String` takes all that is written.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The numbers at the start of a file: channels, rows and columns of a picture, how many were resized, and how
/// many pictures each set has.
fn numbers(decoded: &Decoded) -> Vec<u64> {
    let ImageShape {
        channels,
        height,
        width,
    } = decoded.shape;
    let counts = decoded
        .images
        .iter()
        .map(|it| it.len() / decoded.shape.elements());
    let numbers = [
        channels,
        height,
        width,
        decoded.resized,
        decoded.images.len(),
    ];
    numbers
        .into_iter()
        .chain(counts)
        .map(|it| it as u64)
        .collect()
}

fn write(file: &mut File, decoded: &Decoded) -> io::Result<()> {
    let numbers = numbers(decoded).into_iter().flat_map(u64::to_le_bytes);
    let head = [&MAGIC[..], &numbers.collect::<Vec<u8>>()].concat();
    let mut crc = Hasher::new();
    let mut file = BufWriter::with_capacity(CHUNK, file);
    for bytes in std::iter::once(&head).chain(&decoded.images) {
        crc.update(bytes);
        file.write_all(bytes)?;
    }
    file.write_all(&crc.finalize().to_le_bytes())?;
    file.flush()
}

/// Errors where the file is not whole.
fn read(file: &File, counts: &[usize]) -> io::Result<Decoded> {
    let wrong = || io::Error::from(io::ErrorKind::InvalidData);
    let length = file.metadata()?.len();
    let mut file = Checked {
        file: BufReader::with_capacity(CHUNK, file),
        crc: Hasher::new(),
    };
    let mut magic = *MAGIC;
    file.fill(&mut magic)?;
    let [channels, height, width, resized, sets] = [(); 5].map(|()| file.number());
    let side = |side: io::Result<u64>| side.map(|it| it as usize);
    let shape = ImageShape::new(side(channels)?, side(height)?, side(width)?);
    let of_sets = (0..counts.len())
        .map(|_| file.number())
        .collect::<io::Result<Vec<_>>>()?;
    let same = counts.iter().map(|it| *it as u64).eq(of_sets);
    // What it claims to hold, the file has to have: nothing is allocated for more.
    let elements =
        (shape.channels.checked_mul(shape.height)).and_then(|it| it.checked_mul(shape.width));
    let count: usize = counts.iter().sum();
    let pixels = elements.and_then(|it| it.checked_mul(count));
    let head = MAGIC.len() + (5 + counts.len()) * size_of::<u64>();
    let expected = pixels.map(|it| (it + head + size_of::<u32>()) as u64);
    if magic != *MAGIC || sets? != counts.len() as u64 || !same || expected != Some(length) {
        return Err(wrong());
    }
    let mut budget = Budget::of_memory();
    let mut images = Vec::new();
    for count in counts {
        let bytes = budget.take(*count as u64, elements.unwrap_or(0) as u64);
        let mut of_set = vec![0; bytes.map_err(|_| wrong())?];
        file.fill(&mut of_set)?;
        images.push(of_set);
    }
    let sum = file.crc.clone().finalize();
    let mut recorded = [0; 4];
    file.fill(&mut recorded)?;
    if u32::from_le_bytes(recorded) != sum || shape.elements() == 0 {
        return Err(wrong());
    }
    Ok(Decoded {
        shape,
        images,
        resized: resized? as usize,
    })
}

/// A file whose bytes are summed up as they are read.
struct Checked<'a> {
    file: BufReader<&'a File>,
    crc: Hasher,
}

impl Checked<'_> {
    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        for chunk in bytes.chunks_mut(CHUNK) {
            self.file.read_exact(chunk)?;
            self.crc.update(chunk);
        }
        Ok(())
    }

    fn number(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}
