//! Runs the binary in a folder of its own.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A working folder without any data set, a cache folder of its own, and the binary.
pub struct Workplace {
    folder: TempDir,
    cache: TempDir,
}

/// What the binary said and how it ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub const BINARY: &str = env!("CARGO_BIN_EXE_gpu-train");

/// A small training on drawn data: a moment on the processor, about a second of software Vulkan.
pub const SMALL: &[&str] = &[
    "--data",
    "house-digits:160,40",
    "--channels",
    "4,4",
    "--dense-hiddens",
    "8",
    "--batch-size",
    "64",
    "--epochs",
    "2",
    "--lr",
    "1e-3",
];

/// For what is about GPUs: adapter 0, whatever it is. Without a device tests run on whatever a user
/// without one gets: a GPU, else the processor. Software Vulkan is never taken unnamed.
pub const ADAPTER: &[&str] = &["--device", "0"];
/// The processor, whatever else there is.
pub const CPU: &[&str] = &["--device", "cpu"];

impl Workplace {
    pub fn new() -> Self {
        let folder = || TempDir::new().expect("a temporary folder");
        Self {
            folder: folder(),
            cache: folder(),
        }
    }

    /// What the binary takes for gpu-train's part of the user's cache folder.
    pub fn cache(&self) -> PathBuf {
        let below = if cfg!(target_os = "macos") {
            "Library/Caches/gpu-train"
        } else {
            "gpu-train"
        };
        self.cache.path().join(below)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("writes");
        path
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).expect("text")
    }

    /// Names of everything in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }

    /// Names of everything in the folder `runs` but the link to the last of them, sorted.
    pub fn runs(&self) -> Vec<String> {
        let mut runs = names(&self.path("runs"));
        runs.retain(|name| name != "latest");
        runs
    }

    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Ended {
        ended(
            self.command(BINARY)
                .args(arguments)
                .output()
                .expect("starts"),
        )
    }

    /// `program`, to be started in this folder with this cache.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", self.cache.path())
            .env("LOCALAPPDATA", self.cache.path())
            .env("MESA_SHADER_CACHE_DIR", shader_cache());
        if cfg!(target_os = "macos") {
            command.env("HOME", self.cache.path());
        }
        command
    }

    /// Runs `SMALL` with `more`, into `out`; expects success.
    pub fn train(&self, out: &str, more: &[&str]) -> Ended {
        let arguments = [SMALL, &["--out", out], more].concat();
        let ended = self.run(&arguments);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended
    }
}

/// Opens the folder of a sweep. A process that another test of this binary is just starting has all of our
/// open files for a moment, and so the lock that was given back.
pub fn open_sweep(folder: &Path) -> gpu_train::Result<gpu_train::sweep::SweepFolder> {
    loop {
        match gpu_train::sweep::SweepFolder::open(folder) {
            Err(error) if error.to_string().contains("another gpu-train") => {}
            other => return other,
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// What a process said and how it ended.
pub fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code().expect("not killed"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// The driver's compiled shaders of earlier tests.
fn shader_cache() -> PathBuf {
    std::env::temp_dir().join("gpu-train-tests-cache")
}

pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("readable");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("readable").file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
