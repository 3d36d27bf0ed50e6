//! Ranks that MPI started and connects.

use std::thread;
use std::time::{Duration, Instant};

use mpi::Threading;
use mpi::environment::{Universe, processor_name};
use mpi::request::{Request, Scope};
use mpi::topology::{Communicator as _, SimpleCommunicator};
use mpi::traits::{Destination as _, Source as _};

use super::{Link, Name};
use crate::error::{Error, Result};

/// Questions for an answer after which a thread lets others run: there may be more ranks than processors.
const EAGER: u32 = 200;
/// Bytes of one message: MPI counts them in 31 bits.
const MOST_BYTES: usize = 1 << 30;

/// MPI, as long as it lives. Its end waits for all ranks: where there is an error, it is [`Mpi::abort`] that
/// ends the job.
pub struct Mpi(#[expect(dead_code, reason = "held")] Universe);

/// The connection to the other ranks.
#[derive(Debug)]
struct World {
    timeout: Duration,
    on_silence: fn(&Error),
}

fn world() -> SimpleCommunicator {
    SimpleCommunicator::world()
}

impl Mpi {
    /// Starts MPI: at most once in a process.
    ///
    /// Errors where it does not start, or serves only the first thread of a process.
    pub fn start() -> Result<Self> {
        let started = mpi::initialize_with_threading(Threading::Serialized);
        match started {
            Some((universe, Threading::Serialized | Threading::Multiple)) => Ok(Self(universe)),
            _ => Err(Error::ranks(
                "MPI did not start, or serves only one thread of a process",
                "start it with the mpirun of the MPI that gpu-train was built with",
            )),
        }
    }

    /// How many ranks there are.
    pub fn count(&self) -> usize {
        world().size() as usize
    }

    /// The machine of this one.
    pub fn host(&self) -> String {
        processor_name().unwrap_or_else(|_| "an unknown host".to_owned())
    }

    /// The connection to the others. Where one is silent for `timeout`, `on_silence` is told, and the job is
    /// over: what is on its way cannot be taken back.
    pub fn link(&self, timeout: Duration, on_silence: fn(&Error)) -> impl Link + use<> {
        World {
            timeout,
            on_silence,
        }
    }

    /// Ends all ranks at once.
    pub fn abort(status: i32) -> ! {
        world().abort(status)
    }
}

impl Link for World {
    fn rank(&self) -> usize {
        world().rank() as usize
    }

    fn count(&self) -> usize {
        world().size() as usize
    }

    fn swap(&self, partner: &Name, out: &[u8], into: &mut [u8]) -> Result<(), String> {
        let world = world();
        let process = world.process_at_rank(partner.rank.try_into().unwrap_or_default());
        for (out, into) in out.chunks(MOST_BYTES).zip(into.chunks_mut(MOST_BYTES)) {
            mpi::request::scope(|scope| {
                let receive = process.immediate_receive_into(scope, into);
                let send = process.immediate_send(scope, out);
                self.wait(receive, partner);
                self.wait(send, partner);
            });
        }
        Ok(())
    }
}

impl World {
    fn wait<'a, B: ?Sized, S: Scope<'a>>(&self, mut request: Request<'a, B, S>, partner: &Name) {
        let start = Instant::now();
        let mut questions = 0_u32;
        while let Err(pending) = request.test() {
            request = pending;
            questions = questions.saturating_add(1);
            if questions > EAGER {
                thread::yield_now();
                if start.elapsed() > self.timeout {
                    self.give_up(partner);
                }
            }
        }
    }

    fn give_up(&self, partner: &Name) -> ! {
        let seconds = self.timeout.as_secs_f64();
        (self.on_silence)(&Error::ranks(
            format!("{partner} did not answer for {seconds} s"),
            "see what it does on its machine; where it is slow rather than gone, raise `mpi_timeout`",
        ));
        Mpi::abort(1)
    }
}
