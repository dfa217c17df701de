//! The memory use of a program whose global allocator is [`PeakAlloc`]. In any other program, the
//! values are 0.

use peak_alloc::PeakAlloc;

/// Returns the number of bytes that are currently allocated.
#[must_use]
pub fn live() -> usize {
    PeakAlloc.current_usage()
}

/// Runs a function. Returns its result, and the peak of allocated bytes relative to the bytes that
/// were allocated before the call.
pub fn peak_during<T>(does: impl FnOnce() -> T) -> (T, usize) {
    let before = live();
    PeakAlloc.reset_peak_usage();
    let result = does();
    (result, PeakAlloc.peak_usage().saturating_sub(before))
}
