//! Data files of every format: what is read from whole ones, what is said about wrong ones, and
//! thousands of damaged ones.

#![allow(missing_docs, reason = "a test binary has no public interface")]

#[expect(dead_code, reason = "tests/cli uses the rest of it")]
mod cases;
mod customs;
mod damaged;
mod folders;
mod image_refusals;
mod jpeg;
mod pictures;
mod preprocessing;
mod real;
mod refusals;
mod values;
mod writers;

/// Counts what is allocated, for `damaged`.
#[global_allocator]
static ALLOCATED: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// Held by `damaged`, and by tests that allocate much: the counter counts all threads.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
