//! Ranks that are threads of one process: for tests, and for whoever has no MPI.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Link, Name};

/// A channel to each of the other ranks, and one from each.
#[derive(Debug)]
struct Threads {
    rank: usize,
    timeout: Duration,
    to: Vec<Sender<Vec<u8>>>,
    from: Vec<Mutex<Receiver<Vec<u8>>>>,
}

/// The links of `count` ranks to each other; each waits no longer than `timeout` for another.
pub fn of_threads(count: usize, timeout: Duration) -> Vec<impl Link + use<>> {
    let mut to: Vec<Vec<_>> = (0..count).map(|_| Vec::new()).collect();
    let mut links = Vec::new();
    for rank in 0..count {
        let mut from = Vec::new();
        for sender in &mut to {
            let (send, receive) = channel();
            sender.push(send);
            from.push(Mutex::new(receive));
        }
        links.push((rank, from));
    }
    let links = links.into_iter().zip(to);
    let links = links.map(|((rank, from), to)| Threads {
        rank,
        timeout,
        to,
        from,
    });
    links.collect()
}

impl Link for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn count(&self) -> usize {
        self.to.len()
    }

    fn swap(&self, partner: &Name, out: &[u8], into: &mut [u8]) -> Result<(), String> {
        let gone = || "is gone".to_owned();
        self.to[partner.rank]
            .send(out.to_vec())
            .map_err(|_| gone())?;
        let from = self.from[partner.rank].lock();
        let received = from.unwrap_or_else(PoisonError::into_inner);
        match received.recv_timeout(self.timeout) {
            Ok(bytes) if bytes.len() == into.len() => {
                into.copy_from_slice(&bytes);
                Ok(())
            }
            Ok(bytes) => Err(format!("sent {} bytes, not {}", bytes.len(), into.len())),
            Err(RecvTimeoutError::Timeout) => Err(format!("did not answer for {:?}", self.timeout)),
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
        }
    }
}
