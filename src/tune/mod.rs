//! Floor 6: `gpu-train tune`. Which tiles are the fastest for a net on this adapter, by measuring them.
//!
//! A training step is walked through dispatch by dispatch. Where a kernel has several tiles for its
//! problem, each of them runs on the data that it meets there, is compared with the default tile's
//! result, and timed in turns with the others.

mod agreement;
mod entrant;
mod tuning_file;

use std::sync::Arc;

use rand_chacha::rand_core::Rng as _;

use crate::error::{Error, Result};
use crate::exec::{Contest, GpuBuffers, GpuProgram};
use crate::gpu::Gpu;
use crate::graph::{Dispatch, Program, Role};
use crate::kernel::tuning::{Problem, TileValues, Tuning};
use crate::kernel::{Choice, Step, Variant};
use crate::nn::{
    Adam, Network, Optimizer as _, ProgramOptions, Regression, Update, initial_parameters,
    training_program,
};
use crate::ops::batch::gather::ResidentLayout;
use crate::random::{self, Purpose};
use crate::train::lay_out;
use agreement::Oracle;
use entrant::Entrant;

pub use tuning_file::TuningFile;

/// A tile replaces the default where it takes at most this part of its time: less is noise, or not
/// worth other rounding.
const THRESHOLD: f64 = 0.97;

/// What [`tune`] does and finds.
#[derive(Debug)]
pub enum TuneEvent<'a> {
    /// The next problem is looked at.
    Measuring {
        /// Its number, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// The problem.
        problem: &'a Problem,
        /// The layer in which it was met.
        layer: &'a str,
        /// Tiles that could serve it.
        candidates: usize,
    },
    /// A tile is left out: it exceeds what the adapter allows, it cannot be compiled, or its results
    /// differ from the default's.
    Refused {
        /// The problem.
        problem: &'a Problem,
        /// The tile.
        tile: &'a TileValues,
        /// Why.
        why: &'a str,
    },
    /// A problem is done.
    Found(&'a Finding),
}

/// What was found for a problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The problem.
    pub problem: Problem,
    /// The layer in which it was met first.
    pub layer: String,
    /// The tile that serves without a tuning.
    pub default: TileValues,
    /// The fastest tile, if it is enough faster than the default to replace it.
    pub better: Option<TileValues>,
    /// Median seconds of the default.
    pub default_seconds: f64,
    /// Median seconds of the better tile; the default's where there is none.
    pub seconds: f64,
    /// The better tile's time by the default's, in the same turns.
    pub ratio: f64,
}

/// Measures the tiles of every kernel of `network`'s training step on batches of `batch` samples.
///
/// Tells `each` what it does. Errors where the net does not fit the adapter, where the GPU fails,
/// and what `each` returns.
pub fn tune(
    gpu: &Gpu,
    network: &Network,
    batch: usize,
    mut each: impl FnMut(&TuneEvent<'_>) -> Result<()>,
) -> Result<Vec<Finding>> {
    let tuner = Tuner::new(gpu, network, batch)?;
    let places = tuner.places();
    let mut findings = Vec::new();
    for index in 0..places.last().map_or(0, |last| last + 1) {
        let dispatch = &tuner.program.dispatches[index];
        if let (true, Some(choice)) = (places.contains(&index), &dispatch.call.choice) {
            each(&TuneEvent::Measuring {
                number: findings.len() + 1,
                of: places.len(),
                problem: &choice.problem,
                layer: &dispatch.label,
                candidates: choice.candidates.len(),
            })?;
            let entrants = tuner.entrants(index, choice)?;
            let finding = tuner.measure(index, &choice.problem, entrants, &mut each)?;
            each(&TuneEvent::Found(&finding))?;
            findings.push(finding);
        }
        // What the next dispatches read.
        let alone = alone(gpu, &tuner.program, dispatch, &tuner.shared)?;
        tuner.contest.run(&alone, 1)?;
    }
    Ok(findings)
}

/// A training step whose dispatches can be run one by one.
struct Tuner<'a> {
    gpu: &'a Gpu,
    network: &'a Network,
    layout: ResidentLayout,
    batch: usize,
    /// The step with every kernel's default tile.
    program: Program,
    /// All of its buffers.
    shared: GpuBuffers,
    contest: Contest<'a>,
}

impl<'a> Tuner<'a> {
    fn new(gpu: &'a Gpu, network: &'a Network, batch: usize) -> Result<Self> {
        let limit = gpu.target().limits.binding_bytes;
        let layout = lay_out(batch, network.input, limit)?;
        let program = lower(gpu, network, &layout, batch, Tuning::default())?;
        program.check(&gpu.target().limits)?;
        let step = Step::of(0, batch);
        // A rate at which nothing is learned: only the time counts.
        let step = Adam::default().step(step, 0.0, 1);
        Ok(Self {
            shared: fill(gpu, network, &program)?,
            contest: Contest::new(gpu, step)?,
            gpu,
            network,
            layout,
            batch,
            program,
        })
    }

    /// Positions of the dispatches to measure: the first of each problem that has a choice.
    fn places(&self) -> Vec<usize> {
        let problem = |dispatch: &'_ Dispatch| {
            let choice = dispatch.call.choice.as_ref()?;
            (choice.candidates.len() > 1).then(|| choice.problem.clone())
        };
        let mut seen: Vec<Problem> = Vec::new();
        let mut places = Vec::new();
        for (index, dispatch) in self.program.dispatches.iter().enumerate() {
            if let Some(problem) = problem(dispatch).filter(|it| !seen.contains(it)) {
                seen.push(problem);
                places.push(index);
            }
        }
        places
    }

    /// The candidates of `choice`, the default first, at dispatch `index`.
    fn entrants(&self, index: usize, choice: &Choice) -> Result<Vec<(TileValues, Entrant)>> {
        let problem = &choice.problem;
        let entrant = |variant: &Variant| {
            let tile = TileValues::new(variant);
            let tuning = [(problem.clone(), tile.clone())];
            let program = self.lower(tuning.into_iter().collect())?;
            let entrant = Entrant::new(&self.program, index, &program, problem);
            Ok((tile, entrant))
        };
        choice.candidates.iter().map(entrant).collect()
    }

    /// Compares and times `entrants`, the default first, at dispatch `index`.
    fn measure(
        &self,
        index: usize,
        problem: &Problem,
        mut entrants: Vec<(TileValues, Entrant)>,
        each: &mut impl FnMut(&TuneEvent<'_>) -> Result<()>,
    ) -> Result<Finding> {
        let default = entrants[0].0.clone();
        self.refuse_too_large(problem, &mut entrants, each)?;
        let outputs = Entrant::outputs(self.gpu, entrants.iter().map(|it| &it.1))?;
        let mut shared = self.shared.clone();
        shared.extend(outputs);
        let oracle = Oracle::new(self.gpu, &self.contest, &entrants[0].1, &shared, self.batch)?;
        let mut programs: Vec<GpuProgram> = Vec::new();
        let mut tiles: Vec<TileValues> = Vec::new();
        for (tile, entrant) in &entrants {
            match oracle.check(&self.contest, entrant, &shared)? {
                Ok(program) => {
                    programs.push(program);
                    tiles.push(tile.clone());
                }
                Err(why) if programs.is_empty() => {
                    return Err(Error::gpu(
                        format!("{} does not repeat its own results: {why}", problem.kernel),
                        "this is a bug in gpu-train or in the driver; try another `device`",
                    ));
                }
                Err(why) => each(&TuneEvent::Refused {
                    problem,
                    tile,
                    why: &why,
                })?,
            }
        }
        let winner = self.contest.fastest(&programs, THRESHOLD)?;
        let better = (winner.position > 0).then(|| tiles[winner.position].clone());
        Ok(Finding {
            problem: problem.clone(),
            layer: self.program.dispatches[index].label.clone(),
            default,
            better,
            default_seconds: winner.first_seconds,
            seconds: winner.seconds,
            ratio: winner.ratio,
        })
    }

    /// Takes from `entrants` all but the default that exceed what the adapter allows, before
    /// anything is allocated for them. The default serves, or the step would have been refused.
    fn refuse_too_large(
        &self,
        problem: &Problem,
        entrants: &mut Vec<(TileValues, Entrant)>,
        each: &mut impl FnMut(&TuneEvent<'_>) -> Result<()>,
    ) -> Result<()> {
        let limits = &self.gpu.target().limits;
        let mut at = 1;
        while at < entrants.len() {
            let Err(error) = entrants[at].1.program.check(limits) else {
                at += 1;
                continue;
            };
            let (tile, _) = entrants.remove(at);
            each(&TuneEvent::Refused {
                problem,
                tile: &tile,
                why: &error.to_string(),
            })?;
        }
        Ok(())
    }

    fn lower(&self, tuning: Tuning) -> Result<Program> {
        lower(self.gpu, self.network, &self.layout, self.batch, tuning)
    }
}

/// `dispatch` of `program`, on its own.
fn alone(
    gpu: &Gpu,
    program: &Program,
    dispatch: &Dispatch,
    shared: &GpuBuffers,
) -> Result<GpuProgram> {
    let program = Program {
        dispatches: vec![dispatch.clone()],
        ..program.clone()
    };
    let program = program.apart();
    GpuProgram::new(gpu, &program, shared)
}

/// The training step under `tuning`.
fn lower(
    gpu: &Gpu,
    network: &Network,
    layout: &ResidentLayout,
    batch: usize,
    tuning: Tuning,
) -> Result<Program> {
    let options = ProgramOptions {
        objective: Arc::new(Regression::default()),
        capacity: batch,
        rows: 1,
        target: gpu.target().clone().with_tuning(&Arc::new(tuning), batch),
        fuse: true,
    };
    let adam = Adam::default();
    // Tiles are compared with the sums that they leave to others.
    let update = Update {
        in_halves: true,
        ..Update::of(&adam)
    };
    training_program(network, layout, &options, update)
}

/// The buffers of `program`: random images, digits as targets, file order, initial weights; zeros
/// in all others.
fn fill(gpu: &Gpu, network: &Network, program: &Program) -> Result<GpuBuffers> {
    let mut random = random::stream(0, Purpose::Tune);
    let table = &network.parameters;
    let mut shared = GpuBuffers::new();
    for spec in &program.buffers {
        let bytes: Vec<u8> = match spec.role {
            Role::Images(_) => {
                let mut pixels = vec![0; spec.len * 4];
                random.fill_bytes(&mut pixels);
                pixels
            }
            Role::Targets => {
                let digits: Vec<f32> = (0..spec.len).map(|it| (it % 10) as f32).collect();
                bytemuck::pod_collect_to_vec(&digits)
            }
            Role::Order => {
                let order: Vec<u32> = (0..spec.len as u32).collect();
                bytemuck::pod_collect_to_vec(&order)
            }
            Role::Parameters | Role::Statistics => {
                let [weights, statistics] = table.pack(&initial_parameters(table, 0));
                let is_weights = spec.role == Role::Parameters;
                let all = if is_weights { weights } else { statistics };
                // What aligns the last segment, no kernel binds.
                bytemuck::pod_collect_to_vec(&all[..spec.len])
            }
            _ => Vec::new(),
        };
        let buffer = gpu.storage(&spec.role.to_string(), spec.len as u64 * 4)?;
        gpu.write(&buffer, 0, &bytes)?;
        shared.insert(spec.role, buffer);
    }
    Ok(shared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::GpuOptions;
    use crate::nn::{Activation, Net, NetworkConfiguration, NetworkType};
    use crate::shape::ImageShape;

    /// Running statistics are among the buffers that a step has to be given.
    #[test]
    fn the_step_of_a_resnet_is_given_its_buffers() {
        let gpu = Gpu::open(&GpuOptions::default());
        let gpu = gpu.expect("this test needs a GPU adapter; `make test` sees to one");
        let network = Net::resnet([3, 5]).build(ImageShape::new(3, 6, 5));
        let network = network.expect("fits");
        let tuner = Tuner::new(&gpu, &network, 8).expect("fits");
        assert!(tuner.shared.contains_key(&Role::Statistics));
        assert!(!tuner.places().is_empty());
    }

    /// A tile whose results are larger than a buffer may be is left out, and the others are
    /// measured.
    #[test]
    fn tiles_that_exceed_the_adapter_are_refused_one_by_one() {
        let gpu = Gpu::open(&GpuOptions::default());
        let gpu = gpu.expect("this test needs a GPU adapter; `make test` sees to one");
        let sizes = NetworkConfiguration::mlp(&[33]);
        let image = ImageShape::new(3, 5, 5);
        let network = Network::new(NetworkType::Mlp, &sizes, Activation::Relu, image);
        let network = network.expect("fits");
        let tuner = Tuner::new(&gpu, &network, 8).expect("fits");
        let choice = |index: usize| tuner.program.dispatches[index].call.choice.as_ref();
        let many = |&index: &usize| choice(index).is_some_and(|it| it.candidates.len() > 2);
        let index = tuner.places().into_iter().find(many);
        let index = index.expect("a kernel has three tiles");
        let choice = choice(index).expect("found above");

        let mut entrants = tuner.entrants(index, choice).expect("fits");
        let large = &mut entrants[1].1;
        let result = large.results[0];
        large.program.buffers[result].len = (gpu.target().limits.buffer_bytes / 4 + 1) as usize;
        let mut refused = Vec::new();
        let finding = tuner.measure(index, &choice.problem, entrants, &mut |event| {
            if let TuneEvent::Refused { tile, why, .. } = event {
                refused.push(((*tile).clone(), (*why).to_owned()));
            }
            Ok(())
        });
        let finding = finding.expect("measures the others");
        assert_eq!(finding.default, TileValues::new(choice.candidates[0]));
        let [(tile, why)] = &refused[..] else {
            panic!("{refused:?}");
        };
        assert!(tile.is(choice.candidates[1]), "{tile}");
        assert!(why.contains("this adapter allows"), "{why}");
        assert_ne!(finding.better.as_ref(), Some(tile));
    }
}
