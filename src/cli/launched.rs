//! What `mpirun` starts: several ranks of one training. The first one speaks.

#[cfg(feature = "mpi")]
use std::{str::FromStr, thread, time::Duration};

use super::args::Cli;
#[cfg(feature = "mpi")]
use super::log;
use super::style;
use crate::error::{Error, Result};
use crate::ranks::Ranks;
#[cfg(feature = "mpi")]
use crate::ranks::mpi::Mpi;

/// Where launchers say how many processes they started: Open MPI, MPICH and its kin, MVAPICH, srun.
const COUNTS: [&str; 4] = [
    "OMPI_COMM_WORLD_SIZE",
    "PMI_SIZE",
    "MV2_COMM_WORLD_SIZE",
    "SLURM_STEP_NUM_TASKS",
];

/// Where they say which of these a process is.
const RANKS: [&str; 4] = [
    "OMPI_COMM_WORLD_RANK",
    "PMI_RANK",
    "MV2_COMM_WORLD_RANK",
    "SLURM_PROCID",
];

/// How long a rank that has nothing to say waits for the one that speaks to end the job.
#[cfg(feature = "mpi")]
const PATIENCE: Duration = Duration::from_secs(5);

/// The ranks of this job, as long as it lasts.
pub(super) struct Launched {
    ranks: Ranks,
    #[cfg(feature = "mpi")]
    #[expect(
        dead_code,
        reason = "held until all is said: its end is that of the connection"
    )]
    mpi: Option<Mpi>,
}

/// A time in seconds, longer than none.
#[cfg(feature = "mpi")]
#[derive(Debug, Clone, Copy)]
pub(super) struct Seconds(Duration);

#[cfg(feature = "mpi")]
impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.parse().ok().filter(|it| (0.01..=1e6).contains(it));
        let seconds = seconds.map(Duration::from_secs_f64).map(Self);
        seconds.ok_or_else(|| format!("'{text}' is not a time from 0.01 to a million seconds"))
    }
}

/// How many processes were started as one job, as far as the environment tells.
fn count() -> usize {
    let counts = COUNTS.iter().filter_map(|name| std::env::var(name).ok());
    counts.filter_map(|it| it.parse().ok()).max().unwrap_or(1)
}

/// Whether a launcher of MPI started this process, be it a single one: what it trains is then computed as by several.
/// A task of srun is not taken for one, since every process of a Slurm job is one.
pub(super) fn by_mpi() -> bool {
    let mut launchers = COUNTS.iter().filter(|it| !it.starts_with("SLURM"));
    cfg!(feature = "mpi") && launchers.any(|it| std::env::var_os(it).is_some())
}

/// Whether this process is the first of its job, as far as the environment tells.
pub(super) fn speaks() -> bool {
    let numbers = RANKS.iter().filter_map(|name| std::env::var(name).ok());
    count() == 1
        || numbers
            .filter_map(|it| it.parse::<usize>().ok())
            .all(|it| it == 0)
}

impl Launched {
    /// Meets the other ranks, where there are any.
    ///
    /// Errors where they cannot share what `cli` asks for.
    pub(super) fn meet(cli: &Cli) -> Result<Self> {
        let count = count();
        if count > 1 && cli.command.is_some() {
            return Err(Error::usage(
                format!("{count} processes were started, which share a training alone"),
                "start other commands as a single process",
            ));
        }
        Self::connect(cli, count)
    }

    #[cfg(not(feature = "mpi"))]
    fn connect(_cli: &Cli, count: usize) -> Result<Self> {
        if count > 1 {
            return Err(Error::usage(
                format!(
                    "{count} processes were started, and this gpu-train is built without MPI: each would train the \
                     same"
                ),
                "build it with MPI, by `make mpi` or `cargo build --release --features mpi`",
            ));
        }
        Ok(Self {
            ranks: Ranks::default(),
        })
    }

    #[cfg(feature = "mpi")]
    fn connect(cli: &Cli, count: usize) -> Result<Self> {
        if count == 1 {
            return Ok(Self {
                ranks: Ranks::default(),
                mpi: None,
            });
        }
        let mpi = Mpi::start()?;
        abort_on_panic();
        if mpi.count() != count {
            let met = mpi.count();
            return Err(Error::ranks(
                format!("{count} processes were started, and MPI connects {met}"),
                "start them with the mpirun of the MPI that gpu-train was built with",
            ));
        }
        let Seconds(timeout) = cli.train.mpi_timeout;
        let link = mpi.link(timeout, style::error);
        let host = mpi.host();
        let launched = Ranks::new(link, &host).map(|ranks| Self {
            ranks,
            mpi: Some(mpi),
        });
        launched.inspect_err(|error| {
            // All ranks come here.
            if speaks() {
                style::error(error);
            } else {
                thread::sleep(PATIENCE);
            }
            Mpi::abort(i32::from(error.exit_code()))
        })
    }

    /// The ranks.
    pub(super) fn ranks(&self) -> &Ranks {
        &self.ranks
    }

    /// Says what went wrong, if something did; gives the status with which the process is to end. Ends it with others, if
    /// they do not know of it.
    pub(super) fn end(self, result: Result<()>) -> u8 {
        let Err(error) = result else {
            return 0;
        };
        // The end of a training that all ranks saw in the same step.
        let is_shared = matches!(error, Error::Diverged { .. } | Error::Interrupted { .. });
        if self.ranks.is_alone() || (is_shared && self.ranks.is_first()) {
            style::error(&error);
        }
        #[cfg(feature = "mpi")]
        if !self.ranks.is_alone() && !is_shared {
            abort(&self.ranks, &error);
        }
        error.exit_code()
    }
}

/// Says what went wrong on this rank, and ends all of them.
#[cfg(feature = "mpi")]
fn abort(ranks: &Ranks, error: &Error) -> ! {
    if ranks.is_silent() {
        thread::sleep(PATIENCE);
    } else {
        style::tell(format_args!("{}:", ranks.name_of(ranks.rank())));
        style::error(error);
    }
    log::close(error.exit_code());
    Mpi::abort(i32::from(error.exit_code()))
}

/// A panic of one rank ends all of them.
#[cfg(feature = "mpi")]
fn abort_on_panic() {
    let say = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        say(panic);
        Mpi::abort(1)
    }));
}

/// Errors where `what`, which one process does, is asked for in a job of several.
pub(super) fn refuse_in_job(ranks: &Ranks, asked: bool, what: &str) -> Result<()> {
    if ranks.is_alone() || !asked {
        return Ok(());
    }
    ranks.leave_words_to(0);
    Err(Error::usage(
        format!(
            "{what} is done by a single process, and {} were started",
            ranks.count()
        ),
        "start it without mpirun",
    ))
}
