//! Runs the examples together with their assertions.

#![allow(
    clippy::duplicate_mod,
    dead_code,
    reason = "each example is a program with a `main` function, and all share a module"
)]

use std::error::Error;

#[path = "../examples/external_join.rs"]
mod external_join;
#[path = "../examples/large_group.rs"]
mod large_group;
#[path = "../examples/psk.rs"]
mod psk;
#[path = "../examples/public_server.rs"]
mod public_server;
#[path = "../examples/reinit.rs"]
mod reinit;
#[path = "../examples/twenty_members.rs"]
mod twenty_members;
#[path = "../examples/two_members.rs"]
mod two_members;

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn two_members() -> Outcome {
    two_members::main()
}

#[test]
fn twenty_members() -> Outcome {
    twenty_members::main()
}

#[test]
fn external_join() -> Outcome {
    external_join::main()
}

#[test]
fn psk() -> Outcome {
    psk::main()
}

#[test]
fn reinit() -> Outcome {
    reinit::main()
}

#[test]
fn public_server() -> Outcome {
    public_server::main()
}

#[test]
fn a_small_large_group() -> Outcome {
    large_group::run(40)
}
