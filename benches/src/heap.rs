//! Memory use of programs whose global allocator is [`PeakAlloc`]. In all others, it is 0.

use peak_alloc::PeakAlloc;

/// Returns the number of bytes in use.
#[must_use]
pub fn live() -> usize {
    PeakAlloc.current_usage()
}

/// Runs a function, and returns its result and the peak of bytes in use above those before.
pub fn peak_during<T>(does: impl FnOnce() -> T) -> (T, usize) {
    let before = live();
    PeakAlloc.reset_peak_usage();
    let result = does();
    (result, PeakAlloc.peak_usage().saturating_sub(before))
}
