//! Shows that no input causes work out of proportion to its size: an input of n bytes costs at most
//! c n log n, whatever it contains. The tests count the work (hashes, bytes hashed, operations on a
//! curve, bytes allocated) for inputs of increasing size, and check that it grows no faster than n
//! log n. `docs/limits.md` contains the table of results.

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod counting;
mod groups;
mod pending;
mod successors;
mod trees;

use crate::counting::Work;

/// Checks the costs of inputs. Each cost is given with the length of its input in bytes, and the
/// shortest input comes first.
fn grows_with_the_input(what: &str, costs: &[(usize, Work)]) {
    let per = |(len, work): &(usize, Work)| {
        let size = *len as f64 * (*len as f64).log2();
        [work.hashes, work.hashed, work.curve, work.allocated].map(|count| count as f64 / size)
    };
    for cost in costs {
        let (len, Work { hashes, hashed, curve, allocated }) = cost;
        println!(
            "{what}: {len} bytes, {hashes} hashes of {hashed} bytes, {curve} on the curve, {allocated} allocated"
        );
    }
    let (first, last) = (per(&costs[0]), per(costs.last().unwrap()));
    let grown = costs.last().unwrap().0 as f64 / costs[0].0 as f64;
    assert!(grown > 3.0, "{what}: the inputs are too similar in size");
    for (kind, (first, last)) in first.into_iter().zip(last).enumerate() {
        // Quadratic work would make this ratio grow by the same factor as the input.
        assert!(last <= 1.3 * first + 1e-3, "{what}, {kind}: {first} {last}");
    }
}
