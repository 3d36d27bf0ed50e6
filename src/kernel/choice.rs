//! The one place where a kernel's tile is chosen: a measured one where there is one, else the
//! default of `tile.rs` or of the operation.

use crate::kernel::target::Target;
use crate::kernel::tile::Tile;
use crate::kernel::tuning::{Problem, TileValues, Tuning};
use crate::kernel::{Call, Variant};

/// What a call's tile was chosen from.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// What the tile serves.
    pub problem: Problem,
    /// The tiles that could serve it, without the same one twice; the default comes first.
    pub candidates: Vec<Variant>,
}

/// The tile of `kernel` for the problem of sizes `shape` on `target`, and what else could have been
/// chosen: the first of `tiles`, unless the target's tuning names another of them.
pub(crate) fn choose(
    kernel: &str,
    shape: &[usize],
    target: &Target,
    tiles: &[Tile],
) -> (Tile, Option<Choice>) {
    let variants = tiles.iter().map(|tile| tile.variant).collect();
    let (at, choice) = choose_variant(kernel, shape, target, variants);
    (tiles[at], choice)
}

/// The same of calls that do the same work, by `kernel`'s tiles and by `others`, whose variants tell them
/// apart: the first of either, as `others_first` says, unless the target's tuning names another.
pub(crate) fn choose_call(
    kernel: &str,
    shape: &[usize],
    target: &Target,
    tiles: impl Iterator<Item = Call>,
    (others, others_first): (impl Iterator<Item = Call>, bool),
) -> Call {
    let mut calls: Vec<Call> = if others_first {
        others.chain(tiles).collect()
    } else {
        tiles.chain(others).collect()
    };
    let variants = calls.iter().map(|call| call.variant).collect();
    let (at, choice) = choose_variant(kernel, shape, target, variants);
    calls.swap_remove(at).with_choice(choice)
}

/// The position of the variant that serves.
///
/// Where the tuning names none of them (a tile of another version), the default serves. Targets without a
/// tuning get no [`Choice`]: nobody asked.
fn choose_variant(
    kernel: &str,
    shape: &[usize],
    target: &Target,
    variants: Vec<Variant>,
) -> (usize, Option<Choice>) {
    assert!(!variants.is_empty(), "there is a tile for every problem");
    let Some(tuned) = &target.tuned else {
        return (0, None);
    };
    let problem = Problem {
        kernel: kernel.to_owned(),
        batch: tuned.batch,
        shape: shape.to_vec(),
    };
    let measured = tuned.tuning.get(&problem);
    let measured = measured.and_then(|it| variants.iter().position(|variant| it.is(variant)));
    let mut candidates: Vec<Variant> = Vec::new();
    for variant in variants {
        if !candidates.contains(&variant) {
            candidates.push(variant);
        }
    }
    let choice = Choice {
        problem,
        candidates,
    };
    (measured.unwrap_or(0), Some(choice))
}

impl Call {
    /// The problem and tile of this call, if its tile is a measured one and not the default.
    pub fn measured(&self) -> Option<(Problem, TileValues)> {
        let choice = self.choice.as_ref()?;
        let is_default = choice.candidates.first() == Some(&self.variant);
        (!is_default).then(|| (choice.problem.clone(), TileValues::new(self.variant)))
    }

    /// The measured tiles of all of `calls`.
    pub fn all_measured<'a>(calls: impl IntoIterator<Item = &'a Self>) -> Tuning {
        calls.into_iter().filter_map(Self::measured).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::activation::Activation;
    use crate::kernel::target::AdapterKind;
    use crate::ops::conv2d::{conv2d_backward_weight, conv2d_forward};
    use crate::ops::linear::linear_forward;
    use crate::shape::{ConvShape, ImageShape};

    const PLAIN: Target = Target::portable(AdapterKind::Gpu);

    fn with(tuning: Tuning) -> Target {
        PLAIN.with_tuning(&Arc::new(tuning), 128)
    }

    fn call(target: &Target) -> Call {
        linear_forward::call(1, 300, 64, Activation::Relu, target)
    }

    fn choice() -> Choice {
        call(&with(Tuning::default()))
            .choice
            .expect("was asked for")
    }

    #[test]
    fn without_a_tuning_the_default_serves() {
        let plain = call(&PLAIN);
        let empty = call(&with(Tuning::default()));
        assert_eq!(plain.choice, None);
        assert_eq!((plain.variant, plain.grid), (empty.variant, empty.grid));
        assert_eq!(choice().candidates[0], plain.variant);
        assert_eq!(empty.measured(), None);
    }

    #[test]
    fn every_candidate_can_be_chosen_and_is_reported() {
        let Choice {
            problem,
            candidates,
        } = choice();
        assert!(candidates.len() > 3, "{candidates:?}");
        for variant in &candidates[1..] {
            let entry = (problem.clone(), TileValues::new(variant));
            let tuning: Tuning = [entry.clone()].into_iter().collect();
            let chosen = call(&with(tuning));
            assert_eq!(chosen.variant, *variant);
            assert_eq!(chosen.measured(), Some(entry));
            assert_ne!(chosen.grid, call(&PLAIN).grid, "threads follow the tile");
        }
    }

    #[test]
    fn what_no_kernel_has_is_ignored() {
        const SIXTY_FOUR_SQUARE: [(&str, u32); 6] = [
            ("ROWS", 8),
            ("COLUMNS", 2),
            ("THREAD_ROWS", 8),
            ("THREAD_COLUMNS", 8),
            ("SLICES", 1),
            ("CHUNK", 4),
        ];
        let Problem { shape, .. } = choice().problem;
        let fits = |it: &Variant| **it == SIXTY_FOUR_SQUARE;
        assert!(
            choice().candidates.iter().any(fits),
            "a tile of this problem"
        );
        for (kernel, batch, tile) in [
            ("linear_forward", 128, &[("ROWS", 99)][..]),
            ("linear_forward", 128, &[]),
            // A tile of an older version.
            (
                "linear_forward",
                128,
                &[("ROWS", 16), ("COLUMNS", 4), ("LANES", 1)],
            ),
            ("linear_forward", 64, &SIXTY_FOUR_SQUARE),
            ("conv2d_forward", 128, &SIXTY_FOUR_SQUARE),
        ] {
            let problem = Problem {
                kernel: kernel.to_owned(),
                batch,
                shape: shape.clone(),
            };
            let tuning = [(problem, TileValues::new(tile))].into_iter().collect();
            let ignored = call(&with(tuning));
            assert_eq!(ignored.variant, call(&PLAIN).variant, "{kernel} {tile:?}");
        }
    }

    /// A software adapter runs what a GPU runs, so that tests on one are of the other's kernels.
    #[test]
    fn the_kind_of_the_adapter_is_not_asked() {
        let software = Target::portable(AdapterKind::Software).with_tuning(&Arc::default(), 128);
        let of_software = call(&software);
        assert_eq!(of_software, call(&with(Tuning::default())));
    }

    #[test]
    fn problems_differ_by_every_size() {
        let shape = ConvShape {
            input: ImageShape::new(16, 15, 14),
            out_channels: 32,
            kernel_height: 3,
            kernel_width: 2,
            stride: 1,
            padding: 0,
        };
        let mut others = [shape; 8];
        others[0].input.channels = 17;
        others[1].input.height = 16;
        others[2].input.width = 15;
        others[3].out_channels = 33;
        others[4].kernel_height = 2;
        others[5].kernel_width = 3;
        others[6].stride = 2;
        others[7].padding = 1;
        let target = with(Tuning::default());
        let problem = |call: Call| call.choice.expect("was asked for").problem;
        for other in others {
            let forward = |it| problem(conv2d_forward::call(it, Activation::Relu, &target));
            assert_ne!(forward(&shape), forward(&other));
            let weight = |it| problem(conv2d_backward_weight::call(128, it, &target));
            assert_ne!(weight(&shape), weight(&other));
        }
    }
}
