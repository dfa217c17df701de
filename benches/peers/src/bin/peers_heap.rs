//! The part of `peers` that measures the heap. This program does not measure times, because its
//! counting allocator slows it down.

use clap::Parser;
use pando_peers::measure::{Heap, cli::Cli};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

struct Counted;

impl Heap for Counted {
    fn current(&self) -> usize {
        ALLOCATOR.current_usage()
    }

    fn peak(&self) -> usize {
        ALLOCATOR.peak_usage()
    }

    fn reset_peak(&self) {
        ALLOCATOR.reset_peak_usage();
    }
}

fn main() -> std::io::Result<()> {
    Cli::parse().run(Some(&Counted))
}
