//! How far a GPU's results are from the twin's, and how far they may be.

use std::fmt;
use std::hint::black_box;

use crate::kernel::case::{Launch, Output, POISON, Tolerance, run_twin};

/// What the twin computes, and how far from it a GPU may be.
#[derive(Debug)]
pub struct Expected {
    outputs: Vec<Output>,
    magnitudes: Option<Vec<Output>>,
    tolerance: Tolerance,
    activated: bool,
    names: Vec<&'static str>,
}

/// What [`Expected::compare`] found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Comparison {
    /// The largest deviation as a share of what is allowed: up to 1 where nothing is wrong.
    pub share: f64,
    /// Elements compared.
    pub elements: usize,
    /// How many of them are off by more than is allowed.
    pub wrong: usize,
    /// The first of those.
    pub first: Option<Mismatch>,
}

/// An element that is off by more than is allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// The binding that holds it.
    pub output: &'static str,
    /// Its position.
    pub element: usize,
    /// What the GPU computed.
    pub got: f64,
    /// Whether that is what the output held before.
    pub unwritten: bool,
    /// What the twin computed.
    pub wanted: f64,
    /// How far apart they may be.
    pub allowed: f64,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] is ", self.output, self.element)?;
        if self.unwritten {
            write!(f, "unwritten")?;
        } else {
            write!(f, "{}", self.got)?;
        }
        write!(f, " instead of {}", self.wanted)?;
        if self.allowed > 0.0 {
            write!(f, ", {:e} apart at most", self.allowed)?;
        }
        Ok(())
    }
}

impl Expected {
    /// Runs the twin of `launch`.
    pub fn of(launch: &Launch, tolerance: Tolerance) -> Self {
        let is_sum = matches!(tolerance, Tolerance::Sum { .. });
        let bindings = launch.call.kernel.bindings;
        Self {
            outputs: run_twin::<f32>(launch),
            magnitudes: is_sum.then(|| run_twin::<f32>(&launch.magnitudes())),
            tolerance,
            activated: launch
                .activation()
                .is_some_and(|index| launch.call.params[index] != 0),
            names: launch.written().map(|it| bindings[it.0].name).collect(),
        }
    }

    /// Compares what the GPU computed with it.
    ///
    /// # Panics
    /// If `got` are not the outputs of the same launch: a bug of the caller.
    pub fn compare(&self, got: &[Output]) -> Comparison {
        assert_eq!(got.len(), self.outputs.len(), "the same launch");
        let mut found = Comparison::default();
        for (index, (got, want)) in got.iter().zip(&self.outputs).enumerate() {
            match (got, want) {
                (Output::Floats(got), Output::Floats(want)) => {
                    assert_eq!(got.len(), want.len(), "the same launch");
                    for (element, (&got, &wanted)) in got.iter().zip(want).enumerate() {
                        let allowed = self.allowed(index, element, wanted);
                        found.float(self.names[index], element, got, wanted, allowed);
                    }
                }
                (Output::Words(got), Output::Words(want)) => {
                    assert_eq!(got.len(), want.len(), "the same launch");
                    for (element, (&got, &wanted)) in got.iter().zip(want).enumerate() {
                        let (got, wanted) = (f64::from(got), f64::from(wanted));
                        let off = (got != wanted).then_some(f64::INFINITY);
                        found.add(self.names[index], element, off, [got, wanted, 0.0]);
                    }
                }
                _ => panic!("the outputs of another launch"),
            }
        }
        found
    }

    /// How far element `element` of output `output` may be off.
    fn allowed(&self, output: usize, element: usize, wanted: f64) -> f64 {
        let elementwise = 1e-6 + 1e-5 * wanted.abs();
        match (self.tolerance, &self.magnitudes) {
            (Tolerance::Elementwise, _) => elementwise,
            (Tolerance::Sum { terms }, Some(magnitudes)) => {
                let Output::Floats(magnitudes) = &magnitudes[output] else {
                    return 0.0;
                };
                let epsilon = f64::from(f32::EPSILON);
                let sum = 4.0 * (terms as f64).sqrt() * epsilon * magnitudes[element].abs();
                if self.activated {
                    sum + elementwise
                } else {
                    sum
                }
            }
            _ => 0.0,
        }
    }
}

/// The bits of [`POISON`] widened. Widening a constant NaN at compile time would lose them, hence the
/// black box.
fn poison() -> u64 {
    f64::from(f32::from_bits(black_box(POISON))).to_bits()
}

impl Comparison {
    /// Takes in one float.
    fn float(&mut self, name: &'static str, element: usize, got: f64, wanted: f64, allowed: f64) {
        // Poison left in place in both the GPU's and the twin's output is no difference: the kernel
        // leaves that element alone.
        let untouched = got.to_bits() == poison() && wanted.to_bits() == poison();
        let difference = (got - wanted).abs();
        let off = if untouched || difference == 0.0 {
            None
        } else if difference <= allowed {
            Some(difference / allowed)
        } else {
            // NaN comes here as well: it compares as neither less nor equal.
            Some(f64::INFINITY)
        };
        self.add(name, element, off, [got, wanted, allowed]);
    }

    /// Takes in one element that is `off` by that share, infinite where it is wrong.
    fn add(&mut self, output: &'static str, element: usize, off: Option<f64>, values: [f64; 3]) {
        self.elements += 1;
        let Some(share) = off else { return };
        self.share = self.share.max(share);
        if share.is_infinite() {
            self.wrong += 1;
            let [got, wanted, allowed] = values;
            let is_poison = got.to_bits() == poison() || got == f64::from(POISON);
            self.first.get_or_insert(Mismatch {
                output,
                element,
                unwritten: is_poison,
                got,
                wanted,
                allowed,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::case::{Argument, batch};
    use crate::ops::reduce::sum_partials;

    /// Two partial sums of four floats, compared with what a GPU may have got.
    fn compared(tolerance: Tolerance, got: [f64; 4]) -> Comparison {
        let partials = vec![1.0, 2.0, -3.0, 4.0, -1.0, 0.5, 3.0, 4.0];
        let launch = Launch {
            call: sum_partials::call(2, 4),
            step: batch(1),
            arguments: vec![Argument::Floats(partials), Argument::Poisoned(4)],
        };
        Expected::of(&launch, tolerance).compare(&[Output::Floats(got.to_vec())])
    }

    #[test]
    fn what_is_off_by_more_than_allowed_is_wrong() {
        let exact = compared(Tolerance::Exact, [0.0, 2.5, 0.0, 8.0]);
        assert_eq!((exact.elements, exact.wrong, exact.share), (4, 0, 0.0));
        let close = [0.0, 2.5, 0.0, 8.0 + 4e-5];
        assert_eq!(compared(Tolerance::Exact, close).wrong, 1);
        let half = compared(Tolerance::Elementwise, close);
        assert!(
            half.wrong == 0 && (half.share - 4e-5 / 8.1e-5).abs() < 0.01,
            "{half:?}"
        );
        let off = compared(Tolerance::Elementwise, [0.0, 2.6, 0.0, 9.0]);
        assert_eq!((off.wrong, off.share), (2, f64::INFINITY));
        let first = off.first.expect("there is one").to_string();
        assert!(
            first.starts_with("output[1] is 2.6 instead of 2.5, 2.6"),
            "{first}"
        );
    }

    /// Where terms cancel, what they were decides.
    #[test]
    fn sums_are_measured_by_their_terms() {
        let tolerance = Tolerance::Sum { terms: 2 };
        assert_eq!(compared(tolerance, [1e-6, 2.5, 3e-6, 8.0]).wrong, 0);
        assert_eq!(compared(tolerance, [2e-6, 2.5, 3e-6, 8.0]).wrong, 1);
    }

    #[test]
    fn nan_is_wrong_and_poison_only_where_the_twin_wrote() {
        for got in [f64::NAN, f64::INFINITY] {
            let found = compared(Tolerance::Elementwise, [0.0, 2.5, got, 8.0]);
            assert_eq!(found.wrong, 1, "{got}");
        }
        let unwritten = compared(Tolerance::Exact, [0.0, 2.5, f64::from_bits(poison()), 8.0]);
        assert_eq!(unwritten.wrong, 1);
        let first = unwritten.first.expect("there is one").to_string();
        assert_eq!(first, "output[2] is unwritten instead of 0");
        // Of three rows of metrics the loss writes one.
        let launch = crate::ops::loss::regression_loss::random(7);
        let same = Expected::of(&launch, Tolerance::Exact).compare(&run_twin::<f32>(&launch));
        assert_eq!((same.wrong, same.share), (0, 0.0));
    }

    #[test]
    fn words_are_the_same_or_wrong() {
        let launch = crate::ops::loss::regression_loss::random(7);
        let mut outputs = run_twin::<f32>(&launch);
        let Some(Output::Words(faults)) = outputs.last_mut() else {
            panic!("faults are words");
        };
        faults[1] += 1;
        let found = Expected::of(&launch, Tolerance::Elementwise).compare(&outputs);
        assert_eq!(found.wrong, 1);
        let place = found.first.map(|it| (it.output, it.element));
        assert_eq!(place, Some(("faults", 1)));
    }
}
