//! The implementations of the interface in `member.rs`.

pub mod mls_rs;
pub mod openmls;
pub mod pando;

use crate::member::{Library, Part, Unsupported};
use crate::operation::Operation;
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns all implementations.
#[must_use]
pub fn all() -> Vec<Box<dyn Library>> {
    vec![
        Box::new(pando::RUST_CRYPTO),
        Box::new(pando::AWS_LC),
        Box::new(openmls::OpenMls),
        Box::new(mls_rs::RUST_CRYPTO),
        Box::new(mls_rs::AWS_LC),
    ]
}

/// Returns the implementation with the given name.
#[must_use]
pub fn named(name: &str) -> Option<Box<dyn Library>> {
    all().into_iter().find(|library| library.name() == name)
}

/// Returns the current time of the system clock, which the other libraries use too.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

const fn no(operation: Operation, part: Part, reason: &'static str) -> Unsupported {
    Unsupported { operation, part, reason }
}

const UNSUPPORTED_BY_OPENMLS: &[Unsupported] = &[
    no(Operation::Branch, Part::Both, "it has no function for this"),
    no(Operation::ReInit, Part::Both, "it has no function for this"),
    no(
        Operation::ExtensionNotRequired,
        Part::Both,
        "it requires every extension that the RFC does not define to be in required_capabilities",
    ),
    no(
        Operation::CommitPsksBothWays,
        Part::Make,
        "its key schedule orders the PSKs differently from its Commit, so it refuses its own Commits",
    ),
    no(Operation::ReInitWithBlanks, Part::Both, "it has no function for this"),
];

const UNSUPPORTED_BY_MLS_RS: &[Unsupported] = &[
    no(
        Operation::MessageLateOfFormer,
        Part::Take,
        "it refuses the message unless the sender is still at the same leaf",
    ),
    no(
        Operation::ReInitWithBlanks,
        Part::Both,
        "it requires the new tree to have as many nodes as the old one, blank ones included",
    ),
];
