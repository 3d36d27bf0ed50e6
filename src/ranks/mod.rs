//! Floor 2: processes that share every batch, and how they exchange what each computed. Knows no net.
//!
//! A batch is eight shards ([`crate::kernel::shards`]), and each of 1, 2, 4 or 8 ranks computes as many of
//! them as the others, one behind the other. What is a sum over the shards, ranks swap with rank ^ 1,
//! rank ^ 2, rank ^ 4, adding what the other one has: the tree in which one process adds eight shards, so
//! that the bits are the same. (`MPI_Allreduce` promises no order, and its results change with the number of
//! ranks.)

mod forecast;
#[cfg(feature = "mpi")]
pub mod mpi;
#[cfg(test)]
mod tests;
mod threads;

use std::fmt::{self, Debug};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::kernel::shards::SHARDS;

pub use forecast::{Counted, Forecast, Traffic, Wire, echo, longest};
pub use threads::of_threads;

/// What helps where a rank is gone.
const GONE: &str = "see why on that machine, and resume the run from its last checkpoint; where a rank is \
                    slow rather than gone, raise `mpi_timeout`";

/// How a rank reaches the others.
pub trait Link: Debug + Send + Sync {
    /// Its number.
    fn rank(&self) -> usize;

    /// How many there are.
    fn count(&self) -> usize;

    /// Sends `out` to the rank `partner`, which sends as many bytes into `into`.
    ///
    /// Errors where that one does not answer, saying how long it was waited for.
    fn swap(&self, partner: &Name, out: &[u8], into: &mut [u8]) -> Result<(), String>;
}

/// The ranks of a job, as one of them sees them; by default there is but one. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Ranks(Option<Arc<Group>>);

#[derive(Debug)]
struct Group {
    link: Box<dyn Link>,
    /// All ranks, in order.
    names: Vec<Name>,
    failure: Mutex<Option<String>>,
    /// Whether another rank says what went wrong.
    silent: AtomicBool,
    /// What [`Ranks::sum`] receives into.
    received: Mutex<Vec<f32>>,
}

/// A rank and its machine, for sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    rank: usize,
    host: String,
}

/// Ranks in order, by their machines.
fn named(hosts: Vec<String>) -> Vec<Name> {
    let hosts = hosts.into_iter().enumerate();
    hosts.map(|(rank, host)| Name { rank, host }).collect()
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rank {} on {}", self.rank, self.host)
    }
}

impl Ranks {
    /// The ranks that `link` reaches, this one on the machine `host`. All of them are to call this.
    ///
    /// Errors where eight shards are not shared evenly by so many, or one does not answer.
    pub fn new(link: impl Link + 'static, host: &str) -> Result<Self> {
        let count = link.count();
        if !count.is_power_of_two() || count > SHARDS {
            return Err(Error::usage(
                format!("{count} ranks do not share the {SHARDS} shards of a batch evenly"),
                "start 1, 2, 4 or 8 of them, such as mpirun -n 4",
            ));
        }
        if count == 1 {
            return Ok(Self::default());
        }
        let unnamed = |link| Group {
            link,
            names: named(vec!["an unknown host".to_owned(); count]),
            failure: Mutex::default(),
            silent: AtomicBool::default(),
            received: Mutex::default(),
        };
        let ranks = Self(Some(Arc::new(unnamed(Box::new(link)))));
        let hosts = ranks.gather_text(host)?;
        let group = ranks.0.and_then(Arc::into_inner);
        Ok(Self(group.map(|group| {
            Arc::new(Group {
                names: named(hosts),
                ..group
            })
        })))
    }

    /// The number of this one.
    pub fn rank(&self) -> usize {
        self.0.as_ref().map_or(0, |it| it.link.rank())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.as_ref().map_or(1, |it| it.link.count())
    }

    /// Whether there is but this one.
    pub fn is_alone(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this is the one that writes and speaks.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// Number and machine of rank `rank`.
    pub fn name_of(&self, rank: usize) -> Name {
        let name = self.0.as_ref().and_then(|it| it.names.get(rank));
        let here = || Name {
            rank,
            host: "this machine".to_owned(),
        };
        name.cloned().unwrap_or_else(here)
    }

    /// Ranks on this one's machine, by their numbers.
    pub fn neighbours(&self) -> Vec<usize> {
        let Some(group) = &self.0 else {
            return vec![0];
        };
        let own = &group.names[self.rank()].host;
        let near = group.names.iter().filter(|it| it.host == *own);
        near.map(|it| it.rank).collect()
    }

    /// How many of the ranks on the same machine come before this one.
    pub fn turn(&self) -> usize {
        let before = |rank: &usize| *rank < self.rank();
        self.neighbours().into_iter().filter(before).count()
    }

    /// The shards of a batch that are this rank's.
    pub fn shards(&self) -> Range<usize> {
        let each = SHARDS / self.count();
        self.rank() * each..(self.rank() + 1) * each
    }

    /// The first rank that did not answer, if one did not: since then, nothing was exchanged.
    pub fn check(&self) -> Result<()> {
        let failure = self.0.as_ref().and_then(|it| it.failure().clone());
        failure.map_or(Ok(()), |what| Err(Error::ranks(what, GONE)))
    }

    /// `floats` = their sum over all ranks, neighbours first. `wish` goes with them: whether any rank
    /// wishes it is what all of them return.
    ///
    /// Where a rank does not answer, nothing is exchanged from then on; [`Ranks::check`] tells.
    pub fn sum(&self, floats: &mut Vec<f32>, wish: bool) -> bool {
        self.sum_by(|sum, other| sum + other, floats, wish)
    }

    /// The same, where `add` is how two are added.
    pub fn sum_by(&self, add: impl Fn(f32, f32) -> f32, floats: &mut Vec<f32>, wish: bool) -> bool {
        let Some(group) = &self.0 else {
            return wish;
        };
        // A sum of ones and zeros: exact.
        floats.push(if wish { 1.0 } else { 0.0 });
        let mut received = group
            .received
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        received.resize(floats.len(), 0.0);
        for level in 0..self.levels() {
            group.swap(
                self.rank() ^ (1 << level),
                bytemuck::cast_slice(floats),
                bytemuck::cast_slice_mut(&mut received),
            );
            for (sum, other) in floats.iter_mut().zip(&*received) {
                *sum = add(*sum, *other);
            }
        }
        floats.pop().is_some_and(|wishes| wishes > 0.0)
    }

    /// `words` holds a part per rank, as long as each other, of which this rank knows its own; afterwards all of
    /// them.
    ///
    /// # Panics
    /// If the parts are not as long as each other: a bug of the caller.
    pub fn gather(&self, words: &mut [u8]) {
        let Some(group) = &self.0 else {
            return;
        };
        assert!(words.len().is_multiple_of(self.count()), "equal parts");
        let part = words.len() / self.count();
        for level in 0..self.levels() {
            // What a rank knows by now: its own block of 2^level parts.
            let block = part << level;
            let own = self.rank() >> level;
            let (low, high) = words.split_at_mut((own | 1) * block);
            let (even, odd) = (&mut low[(own & !1) * block..], &mut high[..block]);
            let (out, into) = if own & 1 == 0 {
                (even, odd)
            } else {
                (odd, even)
            };
            group.swap(self.rank() ^ (1 << level), out, into);
        }
    }

    /// The `text` of every rank, in order.
    ///
    /// Errors where one does not answer.
    pub fn gather_text(&self, text: &str) -> Result<Vec<String>> {
        let place = |length: usize| self.rank() * length..(self.rank() + 1) * length;
        let mut lengths = vec![0; 8 * self.count()];
        lengths[place(8)].copy_from_slice(&(text.len() as u64).to_le_bytes());
        self.gather(&mut lengths);
        self.check()?;
        let (lengths, _) = lengths.as_chunks::<8>();
        let lengths: Vec<usize> = lengths
            .iter()
            .map(|it| u64::from_le_bytes(*it) as usize)
            .collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let mut texts = vec![0; longest * self.count()];
        texts[place(longest)][..text.len()].copy_from_slice(text.as_bytes());
        self.gather(&mut texts);
        self.check()?;
        let texts = lengths.iter().enumerate().map(|(rank, length)| {
            String::from_utf8_lossy(&texts[rank * longest..][..*length]).into_owned()
        });
        Ok(texts.collect())
    }

    /// Which of `wishes` any rank has.
    ///
    /// Errors where one does not answer.
    pub fn any<const N: usize>(&self, wishes: [bool; N]) -> Result<[bool; N]> {
        let mut floats = wishes.map(|wish| if wish { 1.0 } else { 0.0 }).to_vec();
        self.sum(&mut floats, false);
        self.check()?;
        Ok(std::array::from_fn(|at| floats[at] > 0.0))
    }

    /// `bytes` = those of rank 0.
    ///
    /// Errors where a rank does not answer.
    ///
    /// # Panics
    /// If ranks give different numbers of bytes: a bug of the caller.
    pub fn take_from_first(&self, bytes: &mut [u8]) -> Result<()> {
        let Some(group) = &self.0 else {
            return Ok(());
        };
        let mut received = vec![0; bytes.len()];
        for level in 0..self.levels() {
            // Ranks below 2^level have them by now, and give them on.
            if self.rank() < 2 << level {
                group.swap(self.rank() ^ (1 << level), bytes, &mut received);
                if self.rank() >= 1 << level {
                    bytes.copy_from_slice(&received);
                }
            }
        }
        self.check()
    }

    /// Swaps with rank 0 the texts that tell whether ranks do the same thing, each with its name; all of them are
    /// to call this.
    ///
    /// Errors where the text of one is not that of rank 0, naming the first difference.
    pub fn agree(&self, texts: &[(&str, String)]) -> Result<()> {
        for (name, text) in texts {
            let all = self.gather_text(text)?;
            if let Some(rank) = all.iter().position(|it| *it != all[0]) {
                let (first, other) = (self.name_of(0), self.name_of(rank));
                let difference = differing(&all[0], &all[rank]);
                self.leave_words_to(0);
                return Err(Error::ranks(
                    format!("{name} of {other} is not that of {first}: {difference}"),
                    "start all ranks with the same program, options and data",
                ));
            }
        }
        Ok(())
    }

    /// Whether `result` is an error of this or of another rank: all of them learn of it, and one says it
    /// ([`Ranks::is_silent`]). The others' is that of the first rank that has one.
    ///
    /// Errors where one does not answer.
    pub fn all_ok<T>(&self, result: Result<T>) -> Result<T> {
        if self.is_alone() {
            return result;
        }
        let words = result.as_ref().err();
        let words = words.map_or(String::new(), ToString::to_string);
        let all = self.gather_text(&words)?;
        let Some(rank) = all.iter().position(|it| !it.is_empty()) else {
            return result;
        };
        self.leave_words_to(rank);
        result.and_then(|_| {
            Err(Error::ranks(
                format!("{}: {}", self.name_of(rank), all[rank]),
                "see what that rank says",
            ))
        })
    }

    /// Whether another rank says what went wrong with all of them.
    pub fn is_silent(&self) -> bool {
        let silent = self.0.as_ref().map(|it| &it.silent);
        silent.is_some_and(|it| it.load(Ordering::Relaxed))
    }

    /// All ranks know the same error, of which rank `rank` speaks.
    pub fn leave_words_to(&self, rank: usize) {
        if let Some(group) = &self.0
            && rank != self.rank()
        {
            group.silent.store(true, Ordering::Relaxed);
        }
    }

    /// Swaps in which a rank has met all others.
    fn levels(&self) -> u32 {
        self.count().ilog2()
    }
}

impl Group {
    fn failure(&self) -> MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn swap(&self, partner: usize, out: &[u8], into: &mut [u8]) {
        if self.failure().is_some() {
            return;
        }
        let partner = &self.names[partner];
        if let Err(what) = self.link.swap(partner, out, into) {
            *self.failure() = Some(format!("{partner} {what}"));
        }
    }
}

/// The first line in which `theirs` is not as `ours`, and both.
fn differing(ours: &str, theirs: &str) -> String {
    let mut lines = (ours.lines().map(Some).chain(std::iter::repeat(None)))
        .zip(theirs.lines().map(Some).chain(std::iter::repeat(None)));
    let differs = lines.find(|(ours, theirs)| ours != theirs || ours.is_none());
    let (ours, theirs) = differs.unwrap_or_default();
    let shown = |line: Option<&str>| line.unwrap_or("nothing").trim().to_owned();
    format!("{}, and rank 0 has {}", shown(theirs), shown(ours))
}
