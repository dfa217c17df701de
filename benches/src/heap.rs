//! How much memory is in use, in a program whose global allocator is [`PeakAlloc`]; in any other it is 0.

use peak_alloc::PeakAlloc;

/// How many bytes are in use.
#[must_use]
pub fn live() -> usize {
    PeakAlloc.current_usage()
}

/// Does something, and tells how many bytes more than before were in use at the worst moment.
pub fn peak_during<T>(does: impl FnOnce() -> T) -> (T, usize) {
    let before = live();
    PeakAlloc.reset_peak_usage();
    let result = does();
    (result, PeakAlloc.peak_usage().saturating_sub(before))
}
