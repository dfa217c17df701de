//! How long things take in a large group: `cargo run --release -p pando-mls --example large_group -- 10000`.
//!
//! Two members are awake. The others are in the group and do nothing.

mod people;

use pando_mls::*;
use people::{Outcome, Person, SUITE, assert_agreement, suite};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::time::Instant;

pub(crate) fn main() -> Outcome {
    let members = std::env::args().nth(1).map_or(Ok(1_000), |members| members.parse())?;
    run(members)
}

/// Does something, and tells how long it took.
fn timed<T>(what: &str, does: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let start = Instant::now();
    let result = does()?;
    println!("{what}: {:.2} ms", start.elapsed().as_secs_f64() * 1_000.0);
    Ok(result)
}

pub(crate) fn run(members: usize) -> Outcome {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let suite = suite(SUITE)?;
    let mut alice = Person::new("Alice", suite, &mut rng)?.create("crowd", suite, &mut rng)?;
    let bob = Person::new("Bob", suite, &mut rng)?;
    let bobs = bob.key_package(suite, &mut rng)?;

    let mut key_packages = vec![bobs.key_package.clone()];
    timed("Making everybody's KeyPackage", || {
        while key_packages.len().saturating_add(1) < members {
            let sleeper = Person::new(&format!("sleeper {}", key_packages.len()), suite, &mut rng)?;
            key_packages.push(sleeper.key_package(suite, &mut rng)?.key_package);
        }
        Ok(())
    })?;
    let (commit, welcome) = timed("Adding everybody by one Commit", || {
        alice.commit(|builder| key_packages.into_iter().fold(builder, CommitBuilder::add), &mut rng)
    })?;
    alice.receive(&commit)?;
    let welcome = welcome.ok_or("somebody was added, and there is no Welcome")?;
    let mut bob = timed("Joining, with all leaves checked", || bob.join(&welcome, &bobs))?;

    // The others have made no Commits, so there are no keys that several have in common, and new secrets are encrypted
    // for everybody one by one. In a group whose members have all made Commits, it would be once for each level of the tree.
    let (commit, _) = timed("Making a Commit", || bob.commit(|builder| builder, &mut rng))?;
    println!("It has {} bytes.", commit.encode()?.len());
    timed("Processing it", || alice.receive(&commit))?;
    bob.receive(&commit)?;
    let message = timed("Encrypting a message", || alice.send("Shh!", &mut rng))?;
    let text = timed("Reading it", || bob.receive(&message))?;
    assert_eq!(text.as_deref(), Some("Shh!"));

    assert_eq!(alice.group.public().tree().member_count(), u32::try_from(members)?);
    assert_agreement([&alice, &bob]);
    println!("Both have the same secrets, in a group of {members}.");
    Ok(())
}
