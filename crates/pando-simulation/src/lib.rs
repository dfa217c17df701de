//! A deterministic simulation of clients and their delivery service.
//!
//! The simulation runs the engine of `pando-client` and the service of `pando-delivery` with its
//! HTTP layer in one thread, without a network, a disk or a clock. A seed decides what users do, in
//! which order requests and answers arrive, and which faults happen ([`Fault`]). Afterwards, all
//! faults end, the simulation settles, and the history is checked ([`World::check`]). A failing
//! schedule is shrunk to a short story ([`shrink`]).
//!
//! A [`Story`] is a simulation that a test directs: it has few devices, and the server's answers
//! can be falsified.
//!
//! # Left out on purpose
//!
//! Faults of the server's store, which the tests of `pando-delivery` cover: here, the server keeps
//! what it has acknowledged.

mod action;
mod authority;
mod backend;
mod checker;
mod clock;
mod device;
mod run;
mod script;
mod server;
mod story;
mod world;

pub use action::{Action, schedule};
pub use authority::{Certificates, Certified, DEVICES, SUITE, USERS, VERSIONS, domain};
pub use backend::Fused;
pub use checker::Violation;
pub use clock::{START, SimClock};
pub use pando_client::Mistake;
pub use run::{Outcome, run_actions, run_seed, shrink};
pub use script::{Deed, Fate, Script};
pub use server::{Direct, SERVER_SECRET, Server};
pub use story::{CallResult, Falsify, Story};
pub use world::{Fault, World, policy};
