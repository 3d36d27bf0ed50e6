//! A buffer of the CPU executor, as a kernel binds it.

/// Floats or words, read or written.
#[derive(Debug)]
pub enum Slice<'a, T> {
    /// Floats that are read.
    Real(&'a [T]),
    /// Floats that are written.
    RealMut(&'a mut [T]),
    /// Words that are read.
    Word(&'a [u32]),
    /// Words that are written.
    WordMut(&'a mut [u32]),
}

/// The accessors panic where a twin and its kernel disagree on a binding: a bug that every test of
/// that kernel meets.
impl<T> Slice<'_, T> {
    /// Zeroes what is written.
    pub fn clear(&mut self)
    where
        T: Default + Clone,
    {
        match self {
            Self::RealMut(slice) => slice.fill(T::default()),
            Self::WordMut(slice) => slice.fill(0),
            Self::Real(_) | Self::Word(_) => {}
        }
    }

    /// Floats that are read.
    pub fn real(&self) -> &[T] {
        match self {
            Self::Real(slice) => slice,
            _ => panic!("the twin reads floats where the kernel does not"),
        }
    }

    /// Floats that are written.
    pub fn real_mut(&mut self) -> &mut [T] {
        match self {
            Self::RealMut(slice) => slice,
            _ => panic!("the twin writes floats where the kernel does not"),
        }
    }

    /// Words that are read.
    pub fn word(&self) -> &[u32] {
        match self {
            Self::Word(slice) => slice,
            _ => panic!("the twin reads words where the kernel does not"),
        }
    }

    /// Words that are written.
    pub fn word_mut(&mut self) -> &mut [u32] {
        match self {
            Self::WordMut(slice) => slice,
            _ => panic!("the twin writes words where the kernel does not"),
        }
    }
}
