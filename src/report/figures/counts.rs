//! How often which target was predicted as which: a confusion matrix of rounded predictions.

use maud::html;

use super::Figure;
use super::draw::{
    Anchor, INK, TEXT, Title, WIDTH, at, cell, figure, heading, in_cell, scale_of_cells, text,
};

/// More different targets than this make no matrix that could be read.
const MOST: usize = 20;

/// Samples by target and rounded prediction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// The least target; rows and columns count on from it.
    first: i64,
    /// A row per target. Its first column counts predictions below the least target, its last those
    /// above the greatest.
    rows: Vec<Vec<usize>>,
}

impl Counts {
    /// Counts pairs of target and prediction; predictions are rounded half to even. `None` where a
    /// target is not whole, or targets span more than twenty values.
    pub fn of(pairs: &[(f32, f32)]) -> Option<Self> {
        let whole = |target: f32| target.fract() == 0.0 && target.abs() < 1e6;
        if pairs.is_empty() || !pairs.iter().all(|it| whole(it.0)) {
            return None;
        }
        let targets = || pairs.iter().map(|it| it.0 as i64);
        let (first, last) = (targets().min()?, targets().max()?);
        let span = (last - first + 1) as usize;
        if span > MOST {
            return None;
        }
        let mut rows = vec![vec![0; span + 2]; span];
        for &(target, prediction) in pairs.iter().filter(|it| !it.1.is_nan()) {
            let rounded = f64::from(prediction).round_ties_even();
            let column = (rounded - first as f64 + 1.0).clamp(0.0, span as f64 + 1.0);
            rows[(target as i64 - first) as usize][column as usize] += 1;
        }
        Some(Self { first, rows })
    }

    /// How often `target` was predicted as `prediction`, both whole; what lies beyond the targets is
    /// counted with the next number beyond.
    pub fn count(&self, target: i64, prediction: i64) -> usize {
        let row = usize::try_from(target - self.first).ok();
        let row = row.and_then(|it| self.rows.get(it));
        let column = usize::try_from(prediction - self.first + 1).unwrap_or(0);
        row.map_or(0, |it| it[column.min(it.len() - 1)])
    }

    fn row_names(&self) -> Vec<String> {
        let names = (self.first..).take(self.rows.len());
        names.map(|it| it.to_string()).collect()
    }

    fn column_names(&self) -> Vec<String> {
        let names = self.row_names();
        let (first, last) = (&names[0], &names[names.len() - 1]);
        let below = format!("<{first}");
        let above = format!(">{last}");
        std::iter::once(below)
            .chain(names.iter().cloned())
            .chain([above])
            .collect()
    }
}

/// Draws `counts`, the darker the greater a prediction's share of its target.
pub fn counts(title: &Title, counts: &Counts) -> Figure {
    let (head, top) = heading(title, &[]);
    let (left, top) = (64.0, top + 50.0);
    let columns = counts.column_names();
    let (wide, high) = ((WIDTH - left - 12.0) / columns.len() as f64, 30.0);
    let size = if columns.len() > 14 { 10.0 } else { TEXT - 1.0 };
    let height = high * counts.rows.len() as f64;
    let middle = |index: usize| left + (index as f64 + 0.5) * wide;
    let (scale, scale_height) = scale_of_cells(left, top + height + 14.0, "samples of the target");
    let parts = html! {
        (head)
        (text(left + (WIDTH - left) / 2.0, top - 30.0, Anchor::Middle, TEXT, "rounded prediction"))
        g transform=(format!("translate(20 {}) rotate(-90)", at(top + height / 2.0))) {
            (text(0.0, 0.0, Anchor::Middle, TEXT, "target"))
        }
        @for (index, name) in columns.iter().enumerate() {
            (text(middle(index), top - 8.0, Anchor::Middle, size, name))
        }
        @for (index, (row, name)) in counts.rows.iter().zip(counts.row_names()).enumerate() {
            @let y = top + index as f64 * high;
            @let total: usize = row.iter().sum();
            (text(left - 10.0, y + 20.0, Anchor::End, TEXT, &name))
            @for (column, &count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
                @let share = count as f64 / total as f64;
                (cell((left + column as f64 * wide + 1.0, y + 1.0), (wide - 2.0, high - 2.0), share))
                (in_cell((middle(column), y + high / 2.0), share, size, &count.to_string()))
            }
            // A target's own cell has a frame, whatever is in it.
            rect.axis x=(at(left + (index + 1) as f64 * wide + 0.5)) y=(at(y + 0.5))
                width=(at(wide - 1.0)) height=(at(high - 1.0)) fill="none" stroke=(INK)
                stroke-width="1" stroke-opacity="0.55" {}
        }
        (scale)
    };
    figure(
        WIDTH,
        top + height + 14.0 + scale_height + 8.0,
        title,
        &parts,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_counted_by_target_and_rounded_prediction() {
        let pairs = [
            (0.0, 0.4),
            (0.0, 0.5),
            (0.0, -7.0),
            (2.0, 1.5),
            (2.0, 99.0),
            (1.0, 2.5),
        ];
        let counts = Counts::of(&pairs).expect("whole targets");
        // Halves go to the even number.
        assert_eq!(counts.count(0, 0), 2);
        assert_eq!(counts.count(0, -1), 1);
        assert_eq!(counts.count(2, 2), 1);
        assert_eq!(counts.count(2, 3), 1);
        assert_eq!(counts.count(1, 2), 1);
        let all: usize = counts.rows.iter().flatten().sum();
        assert_eq!(all, pairs.len());
        assert_eq!(counts.column_names(), ["<0", "0", "1", "2", ">2"]);
    }

    #[test]
    fn other_targets_make_no_matrix() {
        assert_eq!(Counts::of(&[]), None);
        assert_eq!(Counts::of(&[(0.5, 1.0)]), None);
        assert_eq!(Counts::of(&[(0.0, 1.0), (20.0, 1.0)]), None);
        assert_eq!(Counts::of(&[(f32::INFINITY, 1.0)]), None);
        let extreme = [(0.0, f32::INFINITY), (1.0, f32::NAN), (1.0, f32::MIN)];
        let counts = Counts::of(&extreme).expect("whole targets");
        assert_eq!((counts.count(0, 9), counts.count(1, -9)), (1, 1));
    }
}
