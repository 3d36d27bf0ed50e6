//! Whole training steps: against the CPU executor, and twice for the same bits.

use super::twins::distance_from_twins;
use crate::data::house_digits;
use crate::error::{Error, Result};
use crate::nn::{NetworkConfiguration, NetworkType};
use crate::train::{EpochMetrics, Session, TrainState, Trainer, TrainerOptions};

/// How far three steps may be from the twins', by [`distance`](super::distance).
const ALLOWED: f64 = 1e-5;

/// A training that is checked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Training {
    /// Three steps on the GPU and on the CPU twins.
    Twins(NetworkType),
    /// A hundred steps, twice.
    SameBits(NetworkType),
}

/// What was found about a training.
#[derive(Debug)]
pub struct TrainingReport {
    /// What was run.
    pub name: String,
    /// What was found to be right, or wrong, in words.
    pub outcome: Result<String, String>,
}

impl Training {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Twins(NetworkType::Mlp),
        Self::Twins(NetworkType::Cnn),
        Self::SameBits(NetworkType::Mlp),
        Self::SameBits(NetworkType::Cnn),
    ];

    /// What a report calls it.
    pub fn name(self) -> String {
        match self {
            Self::Twins(net) => format!("3 steps of the {} on CPU and GPU", net.name()),
            Self::SameBits(net) => format!("100 steps of the {}, twice", net.name()),
        }
    }

    /// Runs it on `session`, or reports why there is none.
    pub fn check(self, session: Result<&Session>) -> TrainingReport {
        let outcome = session.and_then(|session| match self {
            Self::Twins(net) => twins(session, net),
            Self::SameBits(net) => same_bits(session, net),
        });
        TrainingReport {
            name: self.name(),
            outcome: outcome.map_err(|error| error.to_string()),
        }
    }
}

/// Three steps, the last of a ragged batch.
fn twins(session: &Session, net: NetworkType) -> Result<String> {
    let options = TrainerOptions {
        batch_size: 8,
        shuffle: false,
        ..TrainerOptions::default()
    };
    let configuration = NetworkConfiguration::default_for(net);
    let data = house_digits::generate(21, 8, 0)?;
    let apart = distance_from_twins::<f32>(session, data, net, &configuration, &options, 3)?;
    // A NaN compares as neither.
    if apart <= ALLOWED {
        Ok(format!("{apart:.1e} apart, of {ALLOWED:.0e} allowed"))
    } else {
        Err(wrong(format!(
            "{apart:.1e} apart, of {ALLOWED:.0e} allowed"
        )))
    }
}

/// Ten epochs of ten steps, shuffled, the last of a ragged batch.
fn same_bits(session: &Session, net: NetworkType) -> Result<String> {
    let run = || -> Result<Trained> {
        let options = TrainerOptions {
            batch_size: 32,
            ..TrainerOptions::default()
        };
        let data = session.upload_split(house_digits::generate(301, 77, 0)?)?;
        let configuration = NetworkConfiguration::default_for(net);
        let mut trainer = Trainer::new(session, data, net, &configuration, options)?;
        trainer.train_loop(10, |_| Ok(()))?;
        let mut logs = trainer.logs().to_vec();
        for epoch in &mut logs {
            (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0);
        }
        Ok((trainer.state()?, logs))
    };
    compare(&run()?, &run()?)
}

/// Where a training ended, and what it measured, times aside.
type Trained = (TrainState, Vec<EpochMetrics>);

/// Errors where two trainings are not the same to the bit, saying how much differs.
fn compare(first: &Trained, second: &Trained) -> Result<String> {
    if first == second {
        return Ok("the same bits: parameters, moments and metrics".to_owned());
    }
    let differ = |a: &[Vec<f32>], b: &[Vec<f32>]| {
        let pairs = a.iter().flatten().zip(b.iter().flatten());
        pairs.filter(|(a, b)| a.to_bits() != b.to_bits()).count()
    };
    let epochs = first.1.iter().zip(&second.1);
    let tensors = first.0.tensors().zip(second.0.tensors());
    let tensors = tensors.map(|((name, a), (_, b))| {
        let count = differ(a, b);
        format!("{count} {}", name.replace('_', " "))
    });
    Err(wrong(format!(
        "other bits in {}, the metrics of {} epochs",
        tensors.collect::<Vec<_>>().join(", "),
        epochs.filter(|(a, b)| a != b).count(),
    )))
}

fn wrong(what: String) -> Error {
    Error::gpu(what, "report it; another `device` may serve")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::GpuOptions;
    use crate::train::Sums;

    #[test]
    fn other_bits_are_counted() {
        let state = |bits: u32| TrainState {
            parameters: vec![vec![1.0, f32::from_bits(bits)]],
            slots: vec![("first_moments".into(), vec![vec![2.0, 3.0]])],
            step: 100,
            epoch: 10,
            position: 0,
            sums: Sums::default(),
            selection: crate::train::Selection::default(),
            seed: 0,
            pending_evaluation: false,
        };
        let first = (state(1.5_f32.to_bits()), Vec::<EpochMetrics>::new());
        assert!(compare(&first, &first.clone()).is_ok());
        let second = (state(1.5_f32.to_bits() + 1), Vec::new());
        let error = compare(&first, &second).expect_err("a bit differs");
        let wanted = "other bits in 1 parameters, 0 first moments, the metrics of 0";
        assert!(error.to_string().starts_with(wanted), "{error}");
    }

    #[test]
    fn a_broken_kernel_keeps_trainings_from_the_twins() {
        for device in ["0", "cpu"] {
            let session = Session::open(&GpuOptions {
                device: Some(device.to_owned()),
                break_kernel: Some("adam_step".to_owned()),
                ..GpuOptions::default()
            });
            let session = session.expect("this test needs a GPU adapter; `make test` sees to one");
            let found = Training::Twins(NetworkType::Mlp).check(Ok(&session));
            let what = found.outcome.expect_err("it learns nothing");
            assert!(what.contains("apart, of 1e-5 allowed"), "{what}");
        }
    }
}
