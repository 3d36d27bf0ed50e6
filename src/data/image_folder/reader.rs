//! Reads the pictures of all sets, on all processors, straight to what a net reads. Never more of the
//! files is in memory than what the processors are at.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use rayon::prelude::*;

use super::cache::{Cache, Decoded, Digest, digest, digest_of};
use super::layout::Sets;
use super::listing::Sample;
use super::picture::{self, Header, Limit, OF_ANY_SIZE, OF_OWN_SIZE, Picture};
use crate::data::limits::{Budget, LIMIT_HINT};
use crate::data::stream::zeroed;
use crate::data::{Fit, ImageMode, ImageSize, Loading, Preprocessing};
use crate::error::{Error, Result};
use crate::shape::ImageShape;

/// Bytes of pictures that are decoded at once, where more than one is: beside the sets themselves, this
/// bounds what reading takes.
const BYTES_AT_ONCE: u64 = 384 << 20;
/// Pictures whose sizes are looked at to name a good one.
const MOST_MEASURED: usize = 1000;
/// The longest side of the sizes that hints name: nets here are small.
const MOST_NAMED: usize = 256;
/// Hints name multiples of it.
const MULTIPLE: usize = 8;

/// What was read.
pub(super) struct Read {
    pub(super) shape: ImageShape,
    /// The pictures of every set.
    pub(super) images: Vec<Vec<u8>>,
    pub(super) notes: Vec<String>,
}

/// Reads the pictures of `sets`, or takes them from the cache.
///
/// Fails with the first picture that is damaged or, without a size, of another one than the first of all.
pub(super) fn read(sets: &Sets, loading: &Loading<'_>) -> Result<Read> {
    let samples = &sets.listed.samples;
    let paths: Vec<&Path> = samples.iter().flatten().map(|it| &*it.path).collect();
    let cache = loading.cache.as_deref();
    let cache = cache.map(|folder| Cache::new(folder, &loading.preprocessing, &paths));
    let counts: Vec<usize> = samples.iter().map(Vec::len).collect();
    // Contents are read for nothing where nothing can be found by them.
    if let Some(cache) = cache.as_ref().filter(|it| it.has_candidates())
        && let Some(digests) = paths
            .par_iter()
            .map(|it| digest_of(it))
            .collect::<Option<Vec<_>>>()
        && let Some(decoded) = cache.load(&digests, &counts)
    {
        return Ok(finished(decoded, loading, Vec::new()));
    }
    let job = Job::new(&paths, loading)?;
    let mut decoded = Decoded {
        shape: job.shape,
        images: Vec::new(),
        resized: 0,
    };
    let mut digests = Vec::new();
    for samples in samples {
        let (images, of_set) = job.set(&sets.folder, samples)?;
        decoded.images.push(images);
        digests.extend(of_set);
    }
    decoded.resized = job.resized.into_inner();
    if loading.preprocessing.mode.is_none() && job.coloured.into_inner() == 0 {
        decoded.drop_colours();
    }
    let kept = cache.map(|cache| cache.store(&digests, &decoded));
    let lost = kept.and_then(Result::err);
    let lost = lost.map(|error| {
        let hint = error.hint();
        format!("decoded pictures are not kept for the next time: {error}; {hint}")
    });
    Ok(finished(decoded, loading, lost.into_iter().collect()))
}

fn finished(decoded: Decoded, loading: &Loading<'_>, mut notes: Vec<String>) -> Read {
    let Decoded {
        shape,
        images,
        resized,
    } = decoded;
    if resized > 0 {
        let all: usize = images.iter().map(|it| it.len() / shape.elements()).sum();
        let how = match loading.preprocessing.fit {
            Fit::Stretch => "stretched",
            Fit::Crop => "resized and cropped",
            Fit::Pad => "resized and padded",
        };
        let size = ImageSize::of(shape);
        notes.push(format!(
            "{resized} of {all} pictures are {how} to {size}: they were of another size"
        ));
    }
    Read {
        shape,
        images,
        notes,
    }
}

/// What is decoded, and how far it is.
struct Job<'a> {
    paths: &'a [&'a Path],
    loading: &'a Loading<'a>,
    /// Its first picture, where all have to be of that size.
    first: Option<Header>,
    limit: Limit,
    mode: ImageMode,
    shape: ImageShape,
    gate: Gate,
    done: AtomicUsize,
    coloured: AtomicUsize,
    resized: AtomicUsize,
}

impl<'a> Job<'a> {
    fn new(paths: &'a [&'a Path], loading: &'a Loading<'a>) -> Result<Self> {
        let Preprocessing { size, mode, .. } = loading.preprocessing;
        let limit = size.map_or(OF_OWN_SIZE, |_| OF_ANY_SIZE);
        let first = match (size, paths.first()) {
            (None, Some(path)) => {
                let bytes = picture::bytes(path, limit)?;
                Some(Picture::open(path, &bytes, limit)?.header())
            }
            _ => None,
        };
        let own = first.map(|it| it.size);
        let size = size.or(own);
        let size = size.ok_or_else(|| Error::usage("no picture to read", "add pictures"))?;
        // Grey ones are found out when all are read.
        let mode = mode.unwrap_or(ImageMode::Rgb);
        Ok(Self {
            paths,
            loading,
            first,
            limit,
            mode,
            shape: ImageShape::new(mode.channels(), size.height, size.width),
            gate: Gate::new(BYTES_AT_ONCE),
            done: AtomicUsize::new(0),
            coloured: AtomicUsize::new(0),
            resized: AtomicUsize::new(0),
        })
    }

    /// The pictures of one set, and what their files hold.
    fn set(&self, folder: &Path, samples: &[Sample]) -> Result<(Vec<u8>, Vec<Digest>)> {
        let (shape, count) = (self.shape, samples.len());
        let elements = shape.elements();
        let taken = Budget::of_memory().take(count as u64, elements as u64);
        let bytes = taken.map_err(|what| {
            let what = format!("{count} images of {shape} are {what}");
            Error::file(folder, what, LIMIT_HINT)
        })?;
        let mut images = zeroed(folder, bytes)?;
        let mut digests = vec![Digest::default(); count];
        let all = images.par_chunks_exact_mut(elements);
        let all = all.zip(digests.par_iter_mut()).zip(samples);
        // The first of all, whichever processor was the fastest.
        let failed = all.find_map_first(|((planes, digest), sample)| {
            self.one(&sample.path, planes, digest).err()
        });
        failed.map_or(Ok((images, digests)), Err)
    }

    fn one(&self, path: &Path, planes: &mut [u8], found: &mut Digest) -> Result<()> {
        let bytes = picture::bytes(path, self.limit)?;
        let picture = Picture::open(path, &bytes, self.limit)?;
        let header = picture.header();
        if let Some(first) = self.first
            && first.size != header.size
        {
            return Err(self.other_size(path, header, first));
        }
        // Grey pixels are resized as three channels, which are equal.
        let more = match self.mode {
            ImageMode::Grey => 3 * (header.size.height * header.size.width) as u64,
            ImageMode::Rgb => 0,
        };
        let _pass = self.gate.enter(header.bytes + bytes.len() as u64 + more);
        picture.read(&self.loading.preprocessing, self.mode, planes)?;
        if self.loading.cache.is_some() {
            *found = digest(&bytes);
        }
        self.coloured
            .fetch_add(usize::from(!header.grey), Ordering::Relaxed);
        let is_resized = header.size != ImageSize::of(self.shape);
        self.resized
            .fetch_add(usize::from(is_resized), Ordering::Relaxed);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(progress) = self.loading.progress {
            progress(done, self.paths.len());
        }
        Ok(())
    }

    fn other_size(&self, path: &Path, picture: Header, first: Header) -> Error {
        let (own, all) = (picture.size, first.size);
        let what = format!(
            "has {}x{} pixels, but {} has {}x{}",
            own.width,
            own.height,
            self.paths[0].display(),
            all.width,
            all.height
        );
        let size = good_size(self.paths).unwrap_or(all);
        let hint = format!(
            "`image_size` {size} (rows x columns) resizes all of them, and `fit` says how; or write scaled \
             copies into another folder, for example with ImageMagick: mkdir scaled && mogrify -path scaled -resize \
             '{}x{}!' *.png",
            size.width, size.height
        );
        Error::file(path, what, hint)
    }
}

/// A size for pictures that differ: their median, in proportion small enough for a small net, a square where it
/// is nearly one, in multiples of eight.
fn good_size(paths: &[&Path]) -> Option<ImageSize> {
    let every = paths.len().div_ceil(MOST_MEASURED).max(1);
    let size = |path: &&Path| {
        let bytes = picture::bytes(path, OF_ANY_SIZE).ok()?;
        Some(Picture::open(path, &bytes, OF_ANY_SIZE).ok()?.header().size)
    };
    let sizes: Vec<ImageSize> = paths.par_iter().step_by(every).filter_map(size).collect();
    let median = |side: fn(&ImageSize) -> usize| {
        let mut sides: Vec<usize> = sizes.iter().map(side).collect();
        sides.sort_unstable();
        sides.get(sides.len() / 2).copied()
    };
    let (height, width) = (median(|it| it.height)?, median(|it| it.width)?);
    let longest = height.max(width);
    let rounded = |side: usize| {
        let side = side as f64 * (MOST_NAMED as f64 / longest as f64).min(1.0);
        let multiples = (side / MULTIPLE as f64).round().max(1.0);
        multiples as usize * MULTIPLE
    };
    Some(ImageSize {
        height: rounded(height),
        width: rounded(width),
    })
}

/// Lets so many bytes be decoded at once, and always one picture.
struct Gate {
    most: u64,
    inside: Mutex<u64>,
    left: Condvar,
}

/// Bytes that are being decoded.
struct Pass<'a> {
    gate: &'a Gate,
    bytes: u64,
}

impl Gate {
    fn new(most: u64) -> Self {
        Self {
            most,
            inside: Mutex::new(0),
            left: Condvar::new(),
        }
    }

    fn enter(&self, bytes: u64) -> Pass<'_> {
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |inside: &mut u64| *inside > 0 && *inside + bytes > self.most;
        let inside = self.left.wait_while(inside, is_full);
        *inside.unwrap_or_else(PoisonError::into_inner) += bytes;
        Pass { gate: self, bytes }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let inside = self.gate.inside.lock();
        *inside.unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.gate.left.notify_all();
    }
}
