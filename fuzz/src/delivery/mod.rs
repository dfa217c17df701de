//! Fuzzes the delivery service: clients send requests to two servers with one store. Some requests
//! are altered, sent by other clients or to other groups, or sent again.
//!
//! After each step, an observer reads the new entries of the log, and compares all answers with
//! them. After the last step, the work that is due must end, and honest members must be able to
//! commit.

mod base;
mod honest;
mod requests;
mod spectator;
mod steps;
mod world;

#[allow(unused_imports, reason = "the seeds use it, and the test does not")]
pub(crate) use steps::KINDS;

use base::Base;
use std::cell::OnceCell;
use std::cell::RefCell;
use tokio::runtime::{Builder, Runtime};
use world::World;

/// The maximum number of steps in an input.
const STEPS: usize = 32;

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().build().expect("a runtime");
    static BASE: OnceCell<RefCell<Base>> = const { OnceCell::new() };
}

/// Runs a script. A step has four bytes: what to do, who does it, an argument, and how. Edits of
/// the request follow if the last byte asks for them, three bytes each.
pub fn service(input: &[u8]) {
    RUNTIME.with(|runtime| {
        BASE.with(|base| {
            let base = base.get_or_init(|| RefCell::new(runtime.block_on(Base::new())));
            let mut base = base.borrow_mut();
            runtime.block_on(run(World::new(&mut base), input));
        });
    });
}

async fn run(world: impl Future<Output = World<'_>>, mut bytes: &[u8]) {
    let mut world = world.await;
    let mut number = 0;
    while let ([what, who, argument, how, rest @ ..], 0..STEPS) = (bytes, number) {
        let edits = steps::edits(*how) * 3;
        let (edits, behind) = rest.split_at(rest.len().min(edits));
        (bytes, number) = (behind, number + 1);
        world.step(*what, (usize::from(*who), *argument), (*how, edits)).await;
        world.follow_log().await;
    }
    world.finish().await;
}
