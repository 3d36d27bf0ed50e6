//! Which tile serves which problem best on an adapter, as plain data: what `gpu-train tune`
//! measures, a file keeps and a run records. Knows neither kernels nor their tables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A problem that a kernel has several tiles for: what a tile is remembered by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// Name of the kernel.
    pub kernel: String,
    /// Samples of the largest batch.
    pub batch: usize,
    /// The sizes that tell the kernel's problems apart, in an order that is the kernel's own.
    pub shape: Vec<usize>,
}

/// A tile by the names and values of its shader's constants, such as `ROWS = 4`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TileValues(BTreeMap<String, u32>);

impl TileValues {
    /// The tile of these names and values.
    pub fn new(values: &[(&str, u32)]) -> Self {
        let owned = values.iter().map(|&(name, value)| (name.to_owned(), value));
        Self(owned.collect())
    }

    /// Whether it is the tile of these names and values, in any order.
    pub fn is(&self, values: &[(&str, u32)]) -> bool {
        let same = |&(name, value): &(&str, u32)| self.0.get(name) == Some(&value);
        self.0.len() == values.len() && values.iter().all(same)
    }
}

impl std::fmt::Display for TileValues {
    /// `CHUNK 4, COLUMNS 1, ROWS 8`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let values = self.0.iter().map(|(name, value)| format!("{name} {value}"));
        f.write_str(&values.collect::<Vec<_>>().join(", "))
    }
}

/// Tiles by the problems that they serve best.
///
/// A tile that no kernel has (any more) is not an error: the kernel's default serves instead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Entry>", into = "Vec<Entry>")]
pub struct Tuning(BTreeMap<Problem, TileValues>);

impl Tuning {
    /// The tile of `problem`, if there is one.
    pub fn get(&self, problem: &Problem) -> Option<&TileValues> {
        self.0.get(problem)
    }

    /// Remembers `tile` for `problem`; forgets what there was where `tile` is `None`.
    pub fn set(&mut self, problem: Problem, tile: Option<TileValues>) {
        match tile {
            Some(tile) => self.0.insert(problem, tile),
            None => self.0.remove(&problem),
        };
    }

    /// How many problems have a tile.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no tile at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All problems with their tiles, ordered by kernel, batch and shape.
    pub fn iter(&self) -> impl Iterator<Item = (&Problem, &TileValues)> {
        self.0.iter()
    }
}

impl FromIterator<(Problem, TileValues)> for Tuning {
    fn from_iter<I: IntoIterator<Item = (Problem, TileValues)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

/// The written form: TOML has no maps with such keys.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kernel: String,
    batch: usize,
    shape: Vec<usize>,
    tile: TileValues,
}

impl From<Vec<Entry>> for Tuning {
    fn from(entries: Vec<Entry>) -> Self {
        let pair = |it: Entry| {
            let problem = Problem {
                kernel: it.kernel,
                batch: it.batch,
                shape: it.shape,
            };
            (problem, it.tile)
        };
        entries.into_iter().map(pair).collect()
    }
}

impl From<Tuning> for Vec<Entry> {
    fn from(tuning: Tuning) -> Self {
        let entry = |(problem, tile): (Problem, TileValues)| Entry {
            kernel: problem.kernel,
            batch: problem.batch,
            shape: problem.shape,
            tile,
        };
        tuning.0.into_iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct File {
        choices: Tuning,
    }

    #[test]
    fn what_is_written_is_read_back() {
        let problem = |batch| Problem {
            kernel: "conv2d_forward".to_owned(),
            batch,
            shape: vec![16, 15, 15],
        };
        let mut choices = Tuning::default();
        choices.set(problem(128), Some(TileValues::new(&[("ROWS", 4)])));
        choices.set(problem(64), Some(TileValues::new(&[("ROWS", 8)])));
        let file = File { choices };
        let text = toml::to_string(&file).expect("writes");
        assert!(text.contains("[[choices]]") && text.contains("ROWS = 4"));
        assert_eq!(toml::from_str::<File>(&text).expect("reads"), file);
        let File { mut choices } = file;
        choices.set(problem(64), None);
        assert_eq!((choices.len(), choices.get(&problem(64))), (1, None));
    }

    #[test]
    fn a_tile_is_known_by_all_of_its_values() {
        let tile = TileValues::new(&[("ROWS", 4), ("COLUMNS", 8)]);
        assert!(tile.is(&[("COLUMNS", 8), ("ROWS", 4)]));
        assert!(!tile.is(&[("ROWS", 4)]));
        assert!(!tile.is(&[("ROWS", 4), ("COLUMNS", 4)]));
        assert!(!tile.is(&[("ROWS", 4), ("COLUMNS", 8), ("SLICES", 1)]));
        assert_eq!(tile.to_string(), "COLUMNS 8, ROWS 4");
    }
}
