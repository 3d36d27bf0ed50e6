//! Memory of a thread that kernels use while they run: allocated once, aligned.

/// Floats of a cache line, so that vectors never straddle two.
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([u32; LINE]);

const LINE: usize = 16;

/// Zeroed words that begin at a cache line.
#[derive(Debug, Default)]
pub struct Aligned(Vec<Line>);

impl Aligned {
    /// `words` words, all zero.
    pub fn new(words: usize) -> Self {
        Self(vec![Line([0; LINE]); words.div_ceil(LINE)])
    }

    /// The same; `None` where the system would not give so much.
    pub fn try_new(words: usize) -> Option<Self> {
        // `vec!` takes zeroed pages, which cost nothing before they are used, but aborts without them.
        let mut probe: Vec<Line> = Vec::new();
        probe.try_reserve_exact(words.div_ceil(LINE)).ok()?;
        drop(probe);
        Some(Self::new(words))
    }

    /// The words, and what fills the last line.
    pub fn words(&self) -> &[u32] {
        bytemuck::cast_slice(&self.0)
    }

    /// The words, to be written.
    pub fn words_mut(&mut self) -> &mut [u32] {
        bytemuck::cast_slice_mut(&mut self.0)
    }

    fn floats_mut(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}

/// What a kernel may write and nobody reads after it. Grows to what the largest kernel takes.
#[derive(Debug, Default)]
pub struct Workspace(Aligned);

impl Workspace {
    /// One that holds NaN, for tests: what kernels find is left from others.
    pub fn poisoned(words: usize) -> Self {
        let mut memory = Aligned::new(words);
        memory.floats_mut().fill(f32::NAN);
        Self(memory)
    }

    /// Slices of these lengths, each from a cache line on; what they hold is left from before.
    pub(crate) fn take<const N: usize>(&mut self, lens: [usize; N]) -> [&mut [f32]; N] {
        let padded = lens.map(|len| len.next_multiple_of(LINE));
        let needed = padded.iter().sum::<usize>();
        if self.0.words().len() < needed {
            self.0 = Aligned::new(needed);
        }
        let mut rest = self.0.floats_mut();
        let mut at = 0;
        lens.map(|len| {
            let (slice, after) = std::mem::take(&mut rest).split_at_mut(padded[at]);
            rest = after;
            at += 1;
            &mut slice[..len]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_apart_and_aligned() {
        let mut workspace = Workspace::default();
        let [a, b] = workspace.take([3, 17]);
        assert_eq!([a.len(), b.len()], [3, 17]);
        assert!(b.as_ptr().addr() - a.as_ptr().addr() == 64);
        assert!(a.as_ptr().addr().is_multiple_of(64));
        a.fill(1.0);
        b.fill(2.0);
        let [again] = workspace.take([33]);
        assert_eq!([again[0], again[16], again[32]], [1.0, 2.0, 2.0]);
        let [larger] = workspace.take([1000]);
        assert_eq!(larger.len(), 1000);
    }
}
