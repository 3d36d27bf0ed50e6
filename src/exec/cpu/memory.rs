//! Buffers in the host's memory, and how several threads use disjoint parts of one at the same time.

use std::marker::PhantomData;
use std::ops::Range;
use std::slice::{from_raw_parts, from_raw_parts_mut};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::error::{Error, Result};
use crate::kernel::Scalar;
use crate::kernel::Slice;
use crate::kernel::native::Aligned;

/// A buffer of words. Clones are the same buffer.
#[derive(Debug, Clone)]
pub struct HostBuffer(Arc<RwLock<Aligned>>);

impl HostBuffer {
    /// `words` words for `label`, all zero.
    ///
    /// Errors where the system has no room for them.
    pub fn new(label: &str, words: usize) -> Result<Self> {
        let memory = Aligned::try_new(words).ok_or_else(|| {
            let bytes = words as u64 * 4;
            Error::gpu(
                format!("no memory for '{label}' of {bytes} bytes"),
                "use a smaller net, a smaller `batch_size`, or fewer images",
            )
        })?;
        Ok(Self(Arc::new(RwLock::new(memory))))
    }

    /// Writes `bytes` at byte `offset`.
    ///
    /// # Panics
    /// If they do not fit: a bug of the caller.
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        let mut memory = self.lock_mut();
        let all: &mut [u8] = bytemuck::cast_slice_mut(memory.words_mut());
        all[offset..][..bytes.len()].copy_from_slice(bytes);
    }

    /// `length` bytes from byte `offset` on.
    ///
    /// # Panics
    /// If there are fewer: a bug of the caller.
    pub fn read(&self, offset: usize, length: usize) -> Vec<u8> {
        let memory = self.lock();
        let all: &[u8] = bytemuck::cast_slice(memory.words());
        all[offset..][..length].to_vec()
    }

    /// Zeroes all of it.
    pub fn clear(&self) {
        self.lock_mut().words_mut().fill(0);
    }

    /// Bytes that it holds at least.
    pub fn size(&self) -> u64 {
        size_of_val(self.lock().words()) as u64
    }

    fn lock(&self) -> RwLockReadGuard<'_, Aligned> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_mut(&self) -> RwLockWriteGuard<'_, Aligned> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Buffers that a program holds while it runs: those that it writes for itself alone.
pub(super) struct Held<'b> {
    pointers: Vec<Pointer>,
    /// They keep what the pointers point to.
    locks: Vec<Lock<'b>>,
}

/// The start and length of a buffer.
#[derive(Clone, Copy)]
struct Pointer {
    words: *mut u32,
    len: usize,
}

enum Lock<'b> {
    Read(#[expect(dead_code, reason = "held")] RwLockReadGuard<'b, Aligned>),
    Write(#[expect(dead_code, reason = "held")] RwLockWriteGuard<'b, Aligned>),
}

#[expect(
    unsafe_code,
    reason = "threads share buffers, of which each uses its own part"
)]
// SAFETY: the pointers are used by `Seen::slice` alone, whose callers see to it that what one thread writes
// no other uses.
unsafe impl Sync for Held<'_> {}

impl<'b> Held<'b> {
    /// Holds `buffers`, each with whether it will be written; `None` stands for one that every thread
    /// has for itself.
    pub(super) fn new(buffers: impl Iterator<Item = Option<(&'b HostBuffer, bool)>>) -> Self {
        let mut held = Self {
            pointers: Vec::new(),
            locks: Vec::new(),
        };
        for buffer in buffers {
            let (pointer, lock) = match buffer {
                None => (Pointer::of(&mut []), None),
                Some((buffer, true)) => {
                    let mut lock = buffer.lock_mut();
                    (Pointer::of(lock.words_mut()), Some(Lock::Write(lock)))
                }
                Some((buffer, false)) => {
                    let lock = buffer.lock();
                    let words = lock.words();
                    let pointer = Pointer {
                        words: words.as_ptr().cast_mut(),
                        len: words.len(),
                    };
                    (pointer, Some(Lock::Read(lock)))
                }
            };
            held.pointers.push(pointer);
            held.locks.extend(lock);
        }
        held
    }

    /// What a thread sees: the buffers that all share, and `own`, each with its buffer's index.
    pub(super) fn seen_with<'t>(&'t self, own: &'t mut [(usize, Aligned)]) -> Seen<'t> {
        let mut pointers = self.pointers.clone();
        for (buffer, memory) in own {
            pointers[*buffer] = Pointer::of(memory.words_mut());
        }
        Seen {
            pointers,
            _borrowed: PhantomData,
        }
    }
}

impl Pointer {
    fn of(words: &mut [u32]) -> Self {
        Self {
            words: words.as_mut_ptr(),
            len: words.len(),
        }
    }
}

/// All buffers of a program, as one thread sees them.
pub(super) struct Seen<'t> {
    pointers: Vec<Pointer>,
    _borrowed: PhantomData<&'t mut [Aligned]>,
}

impl Seen<'_> {
    /// Words `range` of buffer `buffer`, as `scalar`s, to be `written` or read.
    ///
    /// # Panics
    /// If the buffer is shorter.
    ///
    /// # Safety
    /// Where it is to be written, the buffer must be held for writing or be the thread's own, and no
    /// other slice of the same words may be in use as long as this one is.
    #[expect(
        unsafe_code,
        reason = "threads share buffers, of which each uses its own part"
    )]
    pub(super) unsafe fn slice(
        &self,
        buffer: usize,
        range: Range<usize>,
        scalar: Scalar,
        written: bool,
    ) -> Slice<'_, f32> {
        let Pointer { words, len } = self.pointers[buffer];
        assert!(range.start <= range.end && range.end <= len, "range");
        // SAFETY: the range lies within the buffer, which stays as it is while it is held or borrowed;
        // nobody else writes there, as the caller vouches for.
        unsafe {
            let (words, len) = (words.add(range.start), range.len());
            match (scalar, written) {
                (Scalar::F32, false) => Slice::Real(from_raw_parts(words.cast(), len)),
                (Scalar::F32, true) => Slice::RealMut(from_raw_parts_mut(words.cast(), len)),
                (Scalar::U32, false) => Slice::Word(from_raw_parts(words, len)),
                (Scalar::U32, true) => Slice::WordMut(from_raw_parts_mut(words, len)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let buffer = HostBuffer::new("five", 5).expect("fits");
        buffer.clone().write(4, &[1, 2, 3, 4]);
        assert_eq!(buffer.read(2, 8), [0, 0, 1, 2, 3, 4, 0, 0]);
        assert!(buffer.size() >= 20);
    }

    #[test]
    fn what_no_system_has_is_refused() {
        let error = HostBuffer::new("all", usize::MAX / 8).expect_err("is too much");
        assert!(error.to_string().contains("no memory for 'all'"), "{error}");
    }

    #[test]
    #[should_panic(expected = "range")]
    fn what_lies_outside_is_refused() {
        buffer_too_long();
    }

    #[expect(unsafe_code, reason = "the panic is what is tested")]
    fn buffer_too_long() {
        let buffer = HostBuffer::new("line", 16).expect("fits");
        let held = Held::new([Some((&buffer, false))].into_iter());
        // SAFETY: nothing is written.
        unsafe { held.seen_with(&mut []).slice(0, 0..17, Scalar::U32, false) };
    }
}
