//! A conformance test for implementations of [`Store`]. [`run`] panics if a store violates a
//! requirement.
//!
//! ```
//! use pando_delivery::store::{MemoryStore, conformance};
//! use std::sync::Arc;
//!
//! conformance::run(|| Arc::new(MemoryStore::new()), Arc::clone);
//! ```

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod concurrency;
mod helpers;
mod model;
mod requests;
mod rows;

use crate::store::interface::Store;
use std::sync::Arc;
use tokio::runtime::Builder;

/// Tests a store.
///
/// `place` creates an empty location for a store. `open` opens the store at such a location. A
/// store is dropped before it is opened again. The store must be able to process two read requests
/// at the same time.
///
/// # Panics
/// Panics if the store violates a requirement.
pub fn run<P, S: Store>(place: impl Fn() -> P, open: impl Fn(&P) -> S) {
    // Some tests block a thread of the runtime while they wait for another request.
    let runtime = Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let new = || {
        let place = place();
        let store = Arc::new(open(&place));
        (place, store)
    };
    rows::run(&runtime, new);
    requests::run(&runtime, new);
    concurrency::run(&runtime, new);
    model::run(&runtime, &place, &open);
}
