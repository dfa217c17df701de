//! Prints the time that operations take in a large group. Run it with `cargo run --release -p
//! pando-mls --example large_group -- 10000`.
//!
//! Only two members are active. The other members merely occupy leaves.

mod common;

use common::{Outcome, SUITE, User, assert_agreement, suite};
use pando_mls::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::time::Instant;

pub(crate) fn main() -> Outcome {
    let members = std::env::args().nth(1).map_or(Ok(1_000), |members| members.parse())?;
    run(members)
}

/// Runs an operation and prints its duration.
fn timed<T>(label: &str, operation: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let start = Instant::now();
    let result = operation()?;
    println!("{label}: {:.2} ms", start.elapsed().as_secs_f64() * 1_000.0);
    Ok(result)
}

pub(crate) fn run(members: usize) -> Outcome {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let suite = suite(SUITE)?;
    let mut alice = User::new("Alice", suite, &mut rng)?.create("large", suite, &mut rng)?;
    let bob = User::new("Bob", suite, &mut rng)?;
    let bobs = bob.key_package(suite, &mut rng)?;

    let mut key_packages = vec![bobs.key_package.clone()];
    timed("Creating the KeyPackages", || {
        while key_packages.len().saturating_add(1) < members {
            let passive = User::new(&format!("passive {}", key_packages.len()), suite, &mut rng)?;
            key_packages.push(passive.key_package(suite, &mut rng)?.key_package);
        }
        Ok(())
    })?;
    let (commit, welcome) = timed("Adding all members by one Commit", || {
        alice.commit(|builder| key_packages.into_iter().fold(builder, CommitBuilder::add), &mut rng)
    })?;
    alice.receive(&commit)?;
    let welcome = welcome.ok_or("the Commit adds members, but has no Welcome")?;
    let mut bob = timed("Joining, with validation of all leaves", || bob.join(&welcome, &bobs))?;

    // The passive members have created no Commits, so the parent nodes above them are blank, and
    // each path secret is encrypted to each of their leaves. If all members had created Commits, a
    // path secret would be encrypted only once for each level of the tree.
    let (commit, _) = timed("Making a Commit", || bob.commit(|builder| builder, &mut rng))?;
    println!("Size of the Commit: {} bytes", commit.encode()?.len());
    timed("Processing the Commit", || alice.receive(&commit))?;
    bob.receive(&commit)?;
    let message = timed("Encrypting a message", || alice.send("Shh!", &mut rng))?;
    let text = timed("Decrypting the message", || bob.receive(&message))?;
    assert_eq!(text.as_deref(), Some("Shh!"));

    assert_eq!(alice.group.public().tree().member_count(), u32::try_from(members)?);
    assert_agreement([&alice, &bob]);
    println!("Alice and Bob have the same secrets, in a group of {members}.");
    Ok(())
}
