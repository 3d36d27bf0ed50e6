//! Where values lie on an axis, and which of them are written beside it.

use super::draw::text_width;

/// Values that span more than this factor are drawn on a logarithmic axis.
const LOG_FROM: f64 = 10.0;
/// Numbers beside an axis, at most about.
const TICKS: f64 = 6.0;

/// Whole numbers beside an axis, at most about: they are short.
const WHOLE_TICKS: f64 = 12.0;

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    log: bool,
    ticks: Vec<f64>,
}

impl Axis {
    /// An axis for all of `values`: logarithmic where they are positive and span a wide range.
    pub(super) fn for_measures(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = range(values);
        if low > 0.0 && high / low > LOG_FROM {
            Self::log(low, high)
        } else {
            Self::linear(low, high)
        }
    }

    /// An axis for shares: linear, with room for their spread.
    pub(super) fn for_shares(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = range(values);
        Self::linear(low, if high > low { high } else { high.max(0.5) })
    }

    /// How wide the numbers beside it are.
    pub(super) fn tick_width(&self) -> f64 {
        self.ticks()
            .map(|(_, label)| text_width(&label))
            .fold(0.0, f64::max)
    }

    /// A linear axis from the round number below `low` to the one above `high`.
    pub(super) fn linear(low: f64, high: f64) -> Self {
        // A single value lies in the middle.
        let spare = if high > low {
            0.0
        } else {
            low.abs().max(1.0) * 0.5
        };
        let (low, high) = (low - spare, high + spare);
        let step = round_step((high - low) / (TICKS - 1.0));
        // Quotients of round numbers need not be round.
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let count = (last - first) as usize;
        // Multiples, not sums of steps, which would not stay round.
        let ticks: Vec<f64> = (0..=count).map(|it| (first + it as f64) * step).collect();
        Self {
            low: first * step,
            high: last * step,
            log: false,
            ticks,
        }
    }

    /// An axis for whole numbers from `low` to `high`, that ends at both.
    pub(super) fn whole(low: f64, high: f64) -> Self {
        if low == high {
            return Self {
                low: low - 0.5,
                high: high + 0.5,
                log: false,
                ticks: vec![low],
            };
        }
        let step = round_step((high - low) / WHOLE_TICKS).max(1.0).round();
        let mut ticks = vec![low];
        let mut tick = (low / step).floor() * step + step;
        while tick <= high {
            ticks.push(tick);
            tick += step;
        }
        // Two numbers in one place cannot be read.
        if ticks.len() > 2 && ticks[1] - ticks[0] < 0.6 * step {
            ticks.remove(1);
        }
        Self {
            low,
            high,
            log: false,
            ticks,
        }
    }

    /// [`Self::whole`], with a `margin` beyond both ends.
    pub(super) fn whole_with_margin(low: f64, high: f64, margin: f64) -> Self {
        let whole = Self::whole(low, high);
        Self {
            low: low - margin,
            high: high + margin,
            ..whole
        }
    }

    fn log(low: f64, high: f64) -> Self {
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let decades = last - first;
        let mantissas: &[f64] = if decades <= 3 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let every = decades.unsigned_abs().div_ceil(8).max(1) as usize;
        let tick = |decade: i32| {
            let power = 10f64.powi(decade);
            mantissas.iter().map(move |mantissa| mantissa * power)
        };
        let all: Vec<f64> = (first..=last).step_by(every).flat_map(tick).collect();
        // From the tick below the values to the one above.
        let start = all.iter().rposition(|&it| it <= low).unwrap_or(0);
        let end = all.iter().position(|&it| it >= high);
        let ticks = all[start..=end.unwrap_or(all.len() - 1)].to_vec();
        Self {
            low: ticks[0],
            high: high.max(ticks[ticks.len() - 1]),
            log: true,
            ticks,
        }
    }

    /// Whether the axis is logarithmic.
    pub(super) fn is_log(&self) -> bool {
        self.log
    }

    /// The value at the axis's start.
    pub(super) fn low(&self) -> f64 {
        self.low
    }

    /// The value at the axis's end.
    pub(super) fn high(&self) -> f64 {
        self.high
    }

    /// Where `value` lies: 0 at the axis's start, 1 at its end.
    pub(super) fn place(&self, value: f64) -> f64 {
        if self.log {
            // Differences of logarithms: quotients may be too large for a number.
            (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln())
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// The values beside the axis, and how they are written.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        let step = match self.ticks[..] {
            [first, second, ..] if !self.log => second - first,
            _ => 0.0,
        };
        self.ticks.iter().map(move |&it| (it, written(it, step)))
    }
}

/// The least and the greatest of `values` that are finite, and not so large that their difference is
/// not; 0 and 1 where there are none.
fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let finite = values.into_iter().filter(|it| it.abs() < 1e305);
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| {
        (low.min(it), high.max(it))
    });
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// The next of 1, 2, 5, 10, 20, … times a power of ten.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factor = step / power;
    let round = [1.0, 2.0, 5.0].into_iter().find(|it| factor <= it * 1.001);
    round.unwrap_or(10.0) * power
}

/// `value` with as many decimals as a `step` between ticks needs; 0 for all that it has.
fn written(value: f64, step: f64) -> String {
    let size = value.abs();
    if value != 0.0 && !(1e-4..1e7).contains(&size) {
        // As many digits as tell neighbours apart: 1.700e9 and 1.705e9.
        let digits = match step {
            0.0 => 0,
            step => (size.log10().floor() - step.log10().floor()).clamp(0.0, 15.0) as usize,
        };
        format!("{value:.digits$e}")
    } else if step > 0.0 {
        let decimals = (-step.log10().floor()).clamp(0.0, 8.0) as usize;
        format!("{value:.decimals$}")
    } else {
        // Ticks of a logarithmic axis are 1, 2 or 5 times a power of ten, up to rounding.
        let text = format!("{value:.6}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_the_values() {
        let axis = Axis::for_measures([1.13, 2.4, 1.9]);
        assert_eq!(labels(&axis), ["1.0", "1.5", "2.0", "2.5"]);
        assert_eq!((axis.place(1.0), axis.place(2.5)), (0.0, 1.0));
        let axis = Axis::for_measures([0.1, 0.14]);
        assert_eq!(labels(&axis), ["0.10", "0.11", "0.12", "0.13", "0.14"]);
    }

    #[test]
    fn neighbouring_ticks_differ_at_any_scale() {
        for values in [
            [1.700e9, 1.712e9],
            [100_000.0, 475_000.0],
            [1.0e12, 1.000_000_1e12],
            [0.0, 0.01],
            [1950.0, 2020.0],
            [0.0, 3e-7],
            [-2.5e9, 4e9],
            [1e-6, 1e-2],
        ] {
            let labels = labels(&Axis::for_measures(values));
            let different: std::collections::BTreeSet<&String> = labels.iter().collect();
            assert_eq!(different.len(), labels.len(), "{labels:?}");
        }
        let axis = Axis::for_measures([1.700e9, 1.712e9]);
        assert_eq!(labels(&axis)[..2], ["1.700e9", "1.705e9"]);
    }

    #[test]
    fn wide_ranges_are_logarithmic() {
        let axis = Axis::for_measures([3.0, 40.0]);
        assert_eq!(labels(&axis), ["2", "5", "10", "20", "50"]);
        assert!(axis.place(10.0) > 0.4 && axis.place(10.0) < 0.6);
        let axis = Axis::for_measures([1e-8, 1.0]);
        assert_eq!(labels(&axis)[..2], ["1e-8", "1e-7"]);
        assert!(!Axis::for_measures([-1.0, 1000.0]).is_log());
        assert!(!Axis::for_measures([0.0, 1000.0]).is_log());
    }

    #[test]
    fn odd_values_still_give_an_axis() {
        for values in [&[][..], &[2.0], &[0.0, 0.0], &[f64::NAN], &[1e30, 1e30]] {
            let axis = Axis::for_measures(values.iter().copied());
            let places = values.iter().filter(|it| it.is_finite());
            assert!(!axis.ticks.is_empty());
            assert!(
                places
                    .map(|&it| axis.place(it))
                    .all(|it| (0.0..=1.0).contains(&it)),
                "{values:?}"
            );
        }
        for values in [[1e-300, 1e300], [-1e300, 1e300], [9.99, 99.901], [1.0, 1e7]] {
            let axis = Axis::for_measures(values);
            let within = |it: &f64| (-1e-9..=1.0 + 1e-9).contains(&axis.place(*it));
            assert!(values.iter().all(within), "{values:?} {axis:?}");
            assert!(axis.ticks.len() < 20, "{values:?} {axis:?}");
        }
    }

    #[test]
    fn epochs_are_whole() {
        assert_eq!(labels(&Axis::whole(1.0, 1.0)), ["1"]);
        assert_eq!(labels(&Axis::whole(0.0, 3.0)), ["0", "1", "2", "3"]);
        let labels = labels(&Axis::whole(1.0, 40.0));
        assert_eq!(labels, ["1", "5", "10", "15", "20", "25", "30", "35", "40"]);
    }
}
