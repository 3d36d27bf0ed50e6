//! How ONNX can say `AdaptiveMaxPool2d`, for which it has no operator. A maximum over a window is one
//! over its rows and then over its columns, so that each axis is a matter of its own.

use crate::shape::adaptive_window;

/// How to pool along one axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pooling {
    /// Every window is the element itself.
    Nothing,
    /// Windows of one size at equal steps: a max-pooling.
    Uniform {
        /// Elements of a window.
        window: usize,
        /// From the start of one to that of the next.
        stride: usize,
    },
    /// Any windows, each `start..end`: a slice and a maximum of each, joined.
    Slices(Vec<(usize, usize)>),
}

impl Pooling {
    /// The pooling of `input` elements to `cells`.
    pub(super) fn of(input: usize, cells: usize) -> Self {
        let window = |cell| adaptive_window(cell, cells, input);
        let windows: Vec<(usize, usize)> = (0..cells).map(window).collect();
        if input == cells {
            return Self::Nothing;
        }
        let size = windows[0].1 - windows[0].0;
        let stride = windows.get(1).map_or(1, |second| second.0);
        let same = |(cell, &(start, end)): (usize, &(usize, usize))| {
            start == cell * stride && end == start + size
        };
        // A max-pooling's output is as long as its windows fit; none may fit beyond the last.
        let as_many = stride > 0 && input >= size && (input - size) / stride + 1 == cells;
        if as_many && windows.iter().enumerate().all(same) {
            Self::Uniform {
                window: size,
                stride,
            }
        } else {
            Self::Slices(windows)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_windows_are_found_and_no_others() {
        assert_eq!(Pooling::of(4, 4), Pooling::Nothing);
        let uniform = |window, stride| Pooling::Uniform { window, stride };
        assert_eq!(Pooling::of(8, 4), uniform(2, 2));
        assert_eq!(Pooling::of(5, 4), uniform(2, 1));
        assert_eq!(Pooling::of(12, 4), uniform(3, 3));
        let slices = |input, windows: [(usize, usize); 4]| {
            assert_eq!(Pooling::of(input, 4), Pooling::Slices(windows.to_vec()));
        };
        slices(7, [(0, 2), (1, 4), (3, 6), (5, 7)]);
        slices(6, [(0, 2), (1, 3), (3, 5), (4, 6)]);
        slices(3, [(0, 1), (0, 2), (1, 3), (2, 3)]);
        slices(1, [(0, 1); 4]);
    }

    /// Whatever the size, the cells are those of the adaptive pooling.
    #[test]
    fn every_pooling_covers_the_windows() {
        for input in 1..60 {
            let windows: Vec<_> = (0..4).map(|it| adaptive_window(it, 4, input)).collect();
            let got: Vec<_> = match Pooling::of(input, 4) {
                Pooling::Nothing => (0..4).map(|it| (it, it + 1)).collect(),
                Pooling::Uniform { window, stride } => {
                    assert_eq!((input - window) / stride + 1, 4, "{input}");
                    let start = |cell| cell * stride;
                    (0..4).map(|it| (start(it), start(it) + window)).collect()
                }
                Pooling::Slices(windows) => windows,
            };
            assert_eq!(got, windows, "{input}");
        }
    }
}
