//! Runs that ranks share, here as threads of this process: one of them writes, and all go on from the same bits.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gpu_train::ranks::{Link, Name, Ranks, of_threads};
use gpu_train::run::{Checkpoint, DataRecord, Run, RunConfig, RunFolder};
use gpu_train::shape::ImageShape;
use gpu_train::train::{EpochMetrics, Session, TrainEvent, TrainState};

use crate::ranks::{TIMEOUT, one_thread, timeless};
use crate::runs::{config, environment, trainer};
use crate::support::split;

const IMAGE: ImageShape = ImageShape::new(3, 12, 13);

/// What a rank's run comes to: its state, and which ranks it was told to differ.
type Ended = (TrainState, Vec<Vec<Name>>);

/// Trains `config` on the ranks that `links` connect, in the folder `path`.
fn train<L: Link + 'static>(links: Vec<L>, path: &Path, config: &RunConfig) -> Vec<Ended> {
    let one = |link: L| {
        let ranks = Ranks::new(link, "here").expect("is allowed");
        let is_first = ranks.is_first();
        let session = Session::open_shared(&one_thread(), ranks).expect("the processor is there");
        let data = split(101, 37, IMAGE);
        let record = DataRecord::of(&data);
        let trainer = trainer(&session, config, data, None);
        let mut run = if is_first {
            let paths = [path.to_path_buf()];
            Run::create(trainer, paths, config, &record, &environment(&session))
        } else {
            Run::follow(trainer, None, config, &record)
        }
        .expect("begins");
        let mut told = Vec::new();
        let listen = |event: &TrainEvent| {
            if let TrainEvent::RanksDiffer(names) = event {
                told.push(names.clone());
            }
            Ok(())
        };
        run.train(|| false, listen).expect("trains");
        (run.trainer().state().expect("reads"), told)
    };
    thread::scope(|scope| {
        let threads = links.into_iter().map(|link| scope.spawn(|| one(link)));
        let threads: Vec<_> = threads.collect();
        let ended = threads.into_iter().map(|it| it.join().expect("ends"));
        ended.collect()
    })
}

/// The checkpoint in the folder `run`, all of it but times.
fn checkpoint(run: &Path) -> (TrainState, Vec<EpochMetrics>, RunConfig, DataRecord) {
    let read = Checkpoint::read(&RunFolder::checkpoint_of(run)).expect("is one");
    (read.state, timeless(&read.logs), read.config, read.data)
}

#[test]
fn any_number_of_ranks_writes_the_same_run() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let config = config(3);
    let folder = |count: usize| {
        let path = place.path().join(count.to_string());
        let ended = train(of_threads(count, TIMEOUT), &path, &config);
        assert!(
            ended.iter().all(|it| it.1.is_empty()),
            "{count} ranks differ"
        );
        path
    };
    let alone = folder(1);
    for count in [2, 4, 8] {
        let shared = folder(count);
        // No value of it is a NaN, which would differ from itself.
        assert!(checkpoint(&shared) == checkpoint(&alone), "{count} ranks");
        for file in ["model.safetensors", "predictions.csv", "config.toml"] {
            let read = |run: &Path| std::fs::read(run.join(file)).expect("is there");
            assert!(read(&shared) == read(&alone), "{file} of {count} ranks");
        }
    }
}

/// Messages of gradients and of weights have more bytes than this, all others fewer.
const LARGE: usize = 300;

/// A rank whose processor rounds another way: of some large messages it makes a little more of the first number.
#[derive(Debug)]
struct Unlike<L> {
    link: L,
    large: Arc<AtomicUsize>,
    changed: &'static [usize],
}

impl<L: Link> Link for Unlike<L> {
    fn rank(&self) -> usize {
        self.link.rank()
    }

    fn count(&self) -> usize {
        self.link.count()
    }

    fn swap(&self, partner: &Name, out: &[u8], into: &mut [u8]) -> Result<(), String> {
        self.link.swap(partner, out, into)?;
        if self.rank() == 1 && into.len() > LARGE {
            let number = self.large.fetch_add(1, Ordering::Relaxed);
            if self.changed.contains(&number) {
                into[2] ^= 1;
            }
        }
        Ok(())
    }
}

/// Seven steps an epoch swap gradients; parameters and two moments are sent to a rank that differs.
#[test]
fn ranks_that_come_to_other_weights_go_on_with_those_of_rank_0() {
    const STEPS: usize = 7;
    const SENT: usize = 3;
    let place = tempfile::tempdir().expect("a temporary folder");
    let large = Arc::new(AtomicUsize::new(0));
    let unlike = |link| Unlike {
        link,
        large: Arc::clone(&large),
        // In the first epoch, and in the second one.
        changed: &[1, STEPS + SENT + 1],
    };
    let links = of_threads(2, TIMEOUT).into_iter().map(unlike).collect();
    let ended = train(links, &place.path().join("run"), &config(3));
    // It was not alike twice, and is told once, by name.
    assert_eq!(large.load(Ordering::Relaxed), 3 * STEPS + 2 * SENT);
    for (state, told) in &ended {
        let told: Vec<String> = told.iter().flatten().map(ToString::to_string).collect();
        assert_eq!(told, ["rank 1 on here"]);
        assert!(*state == ended[0].0, "all have the same bits in the end");
    }
    let saved = checkpoint(&place.path().join("run"));
    assert!(saved.0 == ended[0].0);
}
