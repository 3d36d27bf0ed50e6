//! Whether a tile computes what the default tile computes, within what rounding may differ.

use super::entrant::Entrant;
use crate::activation::Activation;
use crate::error::Result;
use crate::exec::{Contest, GpuBuffers, GpuProgram};
use crate::gpu::Gpu;
use crate::kernel::Scalar;

/// Bits of a NaN: what a kernel leaves unwritten never agrees with anything.
const POISON: u32 = 0x7FC0_BAD0;
/// One in so many words, such as positions of maxima, may differ: rounding decides near-ties.
const WORDS_PER_TIE: usize = 10_000;

/// What the default tile computed, and how far from it another may be.
#[derive(Debug)]
pub(super) struct Oracle<'g> {
    gpu: &'g Gpu,
    /// Per result, its words.
    expected: Vec<Vec<u32>>,
    /// Per result that holds floats, the sums of their terms' magnitudes.
    magnitudes: Vec<Vec<u32>>,
    /// Terms of a sum.
    terms: f64,
    activated: bool,
}

impl<'g> Oracle<'g> {
    /// Runs `default` on the buffers `shared`, and once more on their magnitudes.
    pub fn new(
        gpu: &'g Gpu,
        contest: &Contest<'_>,
        default: &Entrant,
        shared: &GpuBuffers,
        batch: usize,
    ) -> Result<Self> {
        let expected = run(gpu, contest, default, shared)?.1;
        let mut absolute = shared.clone();
        for (role, scalar) in default.inputs() {
            if scalar == Scalar::F32 {
                let bytes = gpu.read(&shared[&role], 0, shared[&role].size())?;
                let mut words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
                for word in &mut words {
                    *word &= 0x7FFF_FFFF;
                }
                let buffer = gpu.storage("magnitudes", shared[&role].size())?;
                gpu.write(&buffer, 0, bytemuck::cast_slice(&words))?;
                absolute.insert(role, buffer);
            }
        }
        let mut linear = default.clone();
        let call = &mut linear.program.dispatches[0].call;
        let activation = call
            .kernel
            .params
            .iter()
            .position(|it| it.0 == "activation");
        if let Some(at) = activation {
            call.params[at] = Activation::Linear as u32;
        }
        let products = call.flops * batch as u64 / 2;
        let floats = default.results().filter(|it| it.scalar == Scalar::F32);
        let sums: usize = floats.map(|it| it.len).sum();
        Ok(Self {
            gpu,
            expected,
            magnitudes: run(gpu, contest, &linear, &absolute)?.1,
            terms: (products as f64 / sums as f64).max(1.0),
            activated: activation.is_some(),
        })
    }

    /// The program of `entrant`, which has run, or why it cannot serve: it does not compile, or its
    /// results are not the default's.
    pub fn check(
        &self,
        contest: &Contest<'_>,
        entrant: &Entrant,
        shared: &GpuBuffers,
    ) -> Result<Result<GpuProgram, String>> {
        let (program, results) = match run(self.gpu, contest, entrant, shared) {
            Ok(done) => done,
            Err(error) => {
                // A device that is lost serves no other tile either.
                self.gpu.check()?;
                return Ok(Err(error.to_string()));
            }
        };
        let specs = entrant.results().enumerate();
        let mut wrong = specs.filter_map(|(at, spec)| match spec.scalar {
            Scalar::F32 => self.differing_float(at, &results[at]),
            Scalar::U32 => self.differing_words(at, &results[at]),
        });
        let wrong = wrong.next();
        Ok(wrong.map_or(Ok(program), Err))
    }

    /// The kernel tests' tolerance: `4 sqrt(terms) epsilon` times the sum of the terms' magnitudes,
    /// and `1e-6 + 1e-5 |expected|` on top where an activation follows.
    fn differing_float(&self, at: usize, got: &[u32]) -> Option<String> {
        if got.len() != self.expected[at].len() {
            return Some(format!("it computes {} sums", got.len()));
        }
        let value = |word: u32| f64::from(f32::from_bits(word));
        let rounding = 4.0 * self.terms.sqrt() * f64::from(f32::EPSILON);
        let pairs = got.iter().zip(&self.expected[at]);
        for (index, ((&got, &want), &magnitude)) in pairs.zip(&self.magnitudes[at]).enumerate() {
            if got == want {
                continue;
            }
            let (got, want) = (value(got), value(want));
            let elementwise = if self.activated {
                1e-6 + 1e-5 * want.abs()
            } else {
                0.0
            };
            let allowed = rounding * value(magnitude).abs() + elementwise;
            // NaN is neither less nor equal.
            let agrees = (got - want).abs() <= allowed;
            if !agrees {
                return Some(format!(
                    "element {index} is {got} instead of {want} (allowed {allowed:e})"
                ));
            }
        }
        None
    }

    fn differing_words(&self, at: usize, got: &[u32]) -> Option<String> {
        let pairs = got.iter().zip(&self.expected[at]);
        let differing = pairs.filter(|(got, want)| got != want).count();
        let same_len = got.len() == self.expected[at].len();
        let agrees = same_len && differing <= got.len() / WORDS_PER_TIE;
        (!agrees).then(|| format!("{differing} of {} words differ", got.len()))
    }
}

/// Compiles `entrant`, poisons what it writes and runs it once; its program and results.
fn run(
    gpu: &Gpu,
    contest: &Contest<'_>,
    entrant: &Entrant,
    shared: &GpuBuffers,
) -> Result<(GpuProgram, Vec<Vec<u32>>)> {
    let program = GpuProgram::new(gpu, &entrant.program, shared)?;
    for spec in entrant.results() {
        let poison = vec![POISON; spec.len];
        gpu.write(&shared[&spec.role], 0, bytemuck::cast_slice(&poison))?;
    }
    contest.run(&program, 1)?;
    let read = entrant.results().map(|spec| {
        let bytes = gpu.read(&shared[&spec.role], 0, spec.len as u64 * 4)?;
        Ok(bytemuck::pod_collect_to_vec(&bytes))
    });
    let results = read.collect::<Result<Vec<Vec<u32>>>>()?;
    Ok((program, results))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::gpu::GpuOptions;
    use crate::graph::Dispatch;
    use crate::kernel::Step;
    use crate::nn::{
        Activation, Adam, Network, NetworkConfiguration, NetworkType, ProgramOptions, Update,
        training_program,
    };
    use crate::shape::ImageShape;
    use crate::train::lay_out;

    const BATCH: usize = 8;

    /// What a tile computes that leaves out a part of a sum, that leaves something unwritten, or
    /// that does not compile, is never taken for what the default computes.
    #[test]
    fn only_the_same_results_agree() {
        let gpu = Gpu::open(&GpuOptions::default());
        let gpu = gpu.expect("this test needs a GPU adapter; `make test` sees to one");
        let image = ImageShape::new(3, 5, 5);
        let sizes = NetworkConfiguration::mlp(&[33]);
        let network = Network::new(NetworkType::Mlp, &sizes, Activation::Relu, image);
        let network = network.expect("fits");
        let layout = lay_out(BATCH, network.input, 1 << 27).expect("fits");
        let target = gpu.target().clone().with_tuning(&Arc::default(), BATCH);
        let options = ProgramOptions {
            objective: Arc::new(crate::nn::Regression::default()),
            capacity: BATCH,
            rows: 1,
            target,
            fuse: true,
        };
        let adam = Adam::default();
        let update = Update {
            in_halves: true,
            ..Update::of(&adam)
        };
        let step = training_program(&network, &layout, &options, update).expect("fits");
        let shared = super::super::fill(&gpu, &network, &step).expect("fits");
        let now = Step::of(0, BATCH);
        let contest = Contest::new(&gpu, now).expect("opens");
        let is_linear = |it: &Dispatch| it.call.kernel.name == "linear_forward";
        let index = step.dispatches.iter().position(is_linear);
        let index = index.expect("the net has hidden layers");
        for dispatch in &step.dispatches[..index] {
            let alone = super::super::alone(&gpu, &step, dispatch, &shared).expect("fits");
            contest.run(&alone, 1).expect("runs");
        }
        let choice = step.dispatches[index].call.choice.as_ref();
        let problem = &choice.expect("was asked for").problem;
        assert_eq!(problem.shape[2], 33, "a hidden layer, with its activation");
        let entrant = Entrant::new(&step, index, &step, problem);
        let mut all = shared;
        all.extend(Entrant::outputs(&gpu, [&entrant]).expect("fits"));
        let oracle = Oracle::new(&gpu, &contest, &entrant, &all, BATCH).expect("runs");
        let check = |entrant: &Entrant| {
            let checked = oracle.check(&contest, entrant, &all).expect("runs");
            checked.map(|_| ())
        };
        assert_eq!(check(&entrant), Ok(()));

        let mut shortened = entrant.clone();
        let params = &mut shortened.program.dispatches[0].call.params;
        params[1] -= 1; // in_quads
        assert!(
            check(&shortened)
                .expect_err("is wrong")
                .contains("instead of")
        );
        let mut lazy = entrant.clone();
        lazy.program.dispatches.clear();
        lazy.program.launches.clear();
        assert!(check(&lazy).expect_err("is wrong").contains("NaN"));
        let mut unknown = entrant.clone();
        unknown.program.dispatches[0].call.variant = &[("ROWS", 1)];
        assert!(check(&unknown).is_err());
        assert_eq!(check(&entrant), Ok(()), "failures leave nothing behind");
    }
}
