//! What begins training, a sweep and an experiment alike: the device, notices, the folder's name.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::latest::RUNS;
use super::progress::ReadingBar;
use super::style;
use crate::data::{DataSource, Dataset, Loading, Split};
use crate::error::{Error, Result};
use crate::exec::Device;
use crate::files::{cache_folder, utc_stamp};
use crate::gpu::GpuOptions;
use crate::ranks::Ranks;
use crate::run::{Job, RunConfig, RunFolder, ScaleRule, Task};
use crate::sweep::SweepFolder;
use crate::train::Session;

/// Runs that may begin in one folder in the same second.
const MOST_AT_ONCE: usize = 1000;

/// The device that `config` names, announced.
pub(super) fn open(config: &RunConfig, binding_bytes: Option<u64>, quiet: bool) -> Result<Session> {
    open_shared(config, binding_bytes, quiet, &Ranks::default())
}

/// The device that `config` names for a rank, which shares every batch with the other `ranks`; announced.
pub(super) fn open_shared(
    config: &RunConfig,
    binding_bytes: Option<u64>,
    quiet: bool,
    ranks: &Ranks,
) -> Result<Session> {
    let options = GpuOptions {
        threads: threads(ranks)?,
        turn: ranks.turn(),
        ..gpu_options(config, binding_bytes)
    };
    let begun = Instant::now();
    let session = Session::open_shared(&options, ranks.clone())?;
    if !quiet {
        announce(session.device(), config.device.is_some());
        detail_device(session.device(), begun.elapsed());
    }
    Ok(session)
}

/// What `config` says of the device.
pub(super) fn gpu_options(config: &RunConfig, binding_bytes: Option<u64>) -> GpuOptions {
    GpuOptions {
        device: config.device.clone(),
        checked: config.checked,
        binding_bytes,
        cache: cache_folder().map(|folder| folder.join("gpu-train")),
        ..GpuOptions::default()
    }
}

/// Threads of a rank: ranks that run on the same processors of a machine share them. `None` for all there are, and
/// where the user gave a number.
///
/// Errors where a rank does not answer.
fn threads(ranks: &Ranks) -> Result<Option<NonZero<usize>>> {
    if ranks.is_alone() || std::env::var_os("RAYON_NUM_THREADS").is_some() {
        return Ok(None);
    }
    // Launchers bind ranks to processors of their own, or do not.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bound = status
        .lines()
        .find(|it| it.starts_with("Cpus_allowed_list:"));
    let all = ranks.gather_text(bound.unwrap_or_default())?;
    let own = &all[ranks.rank()];
    let neighbours = ranks.neighbours();
    let sharing = neighbours.iter().filter(|rank| all[**rank] == *own).count();
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    Ok(NonZero::new((processors / sharing).max(1)))
}

/// Says in one line what is computed with; whether it was `named` by the user.
fn announce(device: &Device, named: bool) {
    match device {
        Device::Cpu(cpu) => {
            let threads = match cpu.threads() {
                1 => "1 thread".to_owned(),
                threads => format!("{threads} threads"),
            };
            let why = if named { "" } else { ": no GPU found" };
            style::tell(format_args!("on the processor ({threads}){why}"));
        }
        Device::Gpu(gpu, _) => {
            let adapter = gpu.description();
            style::tell(format_args!(
                "on {} ({}, {})",
                adapter.name, adapter.kind, adapter.backend
            ));
            if adapter.is_software() {
                style::notice(
                    "this adapter is software, made for tests: --device cpu is many times faster",
                );
            }
        }
    }
}

/// Tells more of what is computed with, which took a time to open.
pub(super) fn detail_device(device: &Device, opening: Duration) {
    let it = device.description();
    let limits = &it.target.limits;
    let memory = if it.target.is_cpu() {
        String::new()
    } else {
        let [binding, buffer] = [limits.binding_bytes, limits.buffer_bytes].map(style::bytes);
        format!("; binding up to {binding}, buffer up to {buffer}")
    };
    style::detail(format_args!(
        "device: {}, driver {} {}{memory}; opened in {:.2} s",
        it.name,
        it.driver,
        it.driver_version,
        opening.as_secs_f64()
    ));
}

/// The data of `source`, with a bar where pictures take a while and one is wanted.
///
/// Errors where they cannot be loaded.
pub(super) fn read(source: &DataSource, loading: Loading<'_>, bar: bool) -> Result<Split> {
    let what = if source.is_drawn() {
        "drawing"
    } else {
        "reading"
    };
    let bar = ReadingBar::new(bar, what);
    let (begun, decoded) = (Instant::now(), AtomicBool::new(false));
    let show = |done, all| {
        decoded.store(true, Ordering::Relaxed);
        bar.show(done, all);
    };
    let split = source.load_with(&Loading {
        progress: Some(&show),
        ..loading
    });
    bar.finish();
    if split.is_ok() {
        let how = match (source.is_drawn(), source.has_pictures()) {
            (true, _) => "drawn",
            (_, true) if decoded.into_inner() => "decoded",
            (_, true) => "taken from the cache of decoded pictures",
            _ => "read",
        };
        let seconds = begun.elapsed().as_secs_f64();
        style::detail(format_args!("data: {source}, {how} in {seconds:.2} s"));
    }
    split
}

/// The data of `config`; says what there is to know of them, and shows a `bar` while pictures are decoded or drawn.
///
/// Errors where they cannot be loaded.
pub(super) fn load(config: &RunConfig, quiet: bool, bar: bool) -> Result<Split> {
    let split = read(&config.data, config.loading(), bar && !quiet)?;
    let [train, test] = [&split.train, &split.test].map(Dataset::len);
    let valid = split.valid.as_ref().map_or(0, Dataset::len);
    style::detail(format_args!(
        "data: {train} images to train on, {valid} to validate, {test} to test, of {}",
        split.train.shape()
    ));
    if !quiet {
        for note in split.notes() {
            style::notice(note);
        }
    }
    Ok(split)
}

/// Which class has which target, and what is made of that.
pub(super) fn tell_task(config: &RunConfig) {
    tell_targets(config);
    let Some(classes) = &config.classes else {
        return;
    };
    let count = classes.names().len();
    match config.task {
        Some(Task::Classify) if classes.are_numbers() => {
            style::tell(format_args!(
                "classifying {count} classes, 0 to {}",
                count - 1
            ));
        }
        Some(Task::Classify) => {
            style::tell(format_args!("classifying {count} classes: {classes}"));
        }
        _ => {
            style::tell(format_args!("classes: {classes}"));
            style::notice(
                "these classes have no order, and the net is trained to give their numbers as measured values \
                 (a regression); --task classify tells them apart instead",
            );
        }
    }
}

/// What of the weights that `job` begins with is not random, where that is in part.
pub(super) fn tell_weights(job: &Job) {
    if let Some(taken) = job.taken() {
        style::tell(format_args!("{taken}"));
    }
    let config = job.config();
    if config.freeze > 0 && config.init.is_none() {
        style::notice(
            "the frozen layers keep the random weights that they begin with; --init takes those of a trained net",
        );
    }
}

/// Says how targets are learned that are not learned as they are.
fn tell_targets(config: &RunConfig) {
    let scaled = config.target_scale == Some(ScaleRule::Standard);
    if let Some(targets) = config.targets.filter(|_| scaled) {
        let [least, greatest, mean, deviation] = [
            targets.least,
            targets.greatest,
            targets.mean,
            targets.deviation,
        ]
        .map(style::measured);
        style::tell(format_args!(
            "targets from {least} to {greatest} are learned minus their mean {mean} and divided by their standard \
             deviation {deviation}; everything is reported in their own units (--target-scale)"
        ));
    }
}

/// Pictures that nobody asked for are worth a loud word.
pub(super) fn announce_fallback() {
    style::notice(
        "no SVHN files found: training on house-digits, pictures that gpu-train draws itself; \
         for the real house numbers: gpu-train fetch svhn",
    );
}

/// A cache that cannot be written is worth a word, and no more.
pub(super) fn keep_pipelines(session: &Session, quiet: bool) {
    if let Ok(gpu) = session.device().gpu("") {
        let before = if gpu.knew_pipelines() {
            ", with what the cache keeps of earlier runs"
        } else {
            ""
        };
        let count = gpu.pipeline_count();
        style::detail(format_args!("kernels: {count} compiled{before}"));
    }
    if let Err(error) = session.device().keep_pipelines()
        && !quiet
    {
        style::notice(&format!(
            "compiled pipelines are not kept for the next run: {error}; {}",
            error.hint()
        ));
    }
}

/// The runs in the folder of a sweep or an experiment, by name; `None` where `path` is none.
pub(super) fn runs_of_sweep(path: &Path) -> Option<Vec<PathBuf>> {
    if !SweepFolder::sweep_of(path).is_file() {
        return None;
    }
    let entries = std::fs::read_dir(path).ok()?;
    let runs = entries.filter_map(|it| Some(it.ok()?.path()));
    let mut runs: Vec<PathBuf> = runs
        .filter(|it| RunFolder::config_of(it).is_file())
        .collect();
    runs.sort();
    Some(runs)
}

/// Errors where `path` is the folder of a sweep, and a run is wanted, naming one of its own.
pub(super) fn refuse_sweep(path: &Path) -> Result<()> {
    let Some(runs) = runs_of_sweep(path) else {
        return Ok(());
    };
    let sweep = path.display();
    let run = runs
        .first()
        .map_or(format!("{sweep}/RUN"), |it| it.display().to_string());
    Err(Error::file(
        path,
        "is the folder of a sweep, which holds the folders of its runs",
        format!(
            "name one of its runs, such as {run}; `gpu-train sweep --resume {sweep}` goes on with all of them, \
             and `gpu-train compare {sweep}` draws them"
        ),
    ))
}

/// `--out`, or folders below `runs` named by the time and `what`, numbered where that is taken.
pub(super) fn folder_names(out: Option<&Path>, what: &str) -> Vec<PathBuf> {
    if let Some(out) = out {
        return vec![out.to_path_buf()];
    }
    let name = format!("{}-{what}", utc_stamp());
    let numbered = (2..=MOST_AT_ONCE).map(|number| format!("{name}-{number}"));
    let names = std::iter::once(name.clone()).chain(numbered);
    names.map(|name| Path::new(RUNS).join(name)).collect()
}

/// The same error, which also says `how` to go on.
pub(super) fn resumable(error: Error, how: &str) -> Error {
    match error {
        Error::Diverged { .. } => error,
        Error::Interrupted { what, .. } => Error::Interrupted {
            what,
            hint: how.to_owned(),
        },
        other => other.and_hint(how),
    }
}
