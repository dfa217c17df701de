//! Pre-shared keys. Alice and Bob have exchanged a key outside of MLS. Both mix this key into the
//! secrets of their group, so that clients without the key cannot join. Then they mix in the
//! resumption PSK of an earlier epoch.

mod common;

use common::{Outcome, SUITE, User, assert_agreement, deliver, suite};
use pando_mls::wire::ResumptionPskUsage;
use pando_mls::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// The pre-shared keys of an application. A real key would be random.
struct ExchangedOverTea;

impl PskStore for ExchangedOverTea {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok((psk_id == b"over tea").then(|| [0x7e; 32].as_slice().into()))
    }

    /// The group itself stores the resumption PSKs of its own epochs.
    fn resumption(&self, _: &GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }
}

pub(crate) fn main() -> Outcome {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let suite = suite(SUITE)?;
    let mut alice = User::new("Alice", suite, &mut rng)?;
    alice.psks = &ExchangedOverTea;
    let mut alice = alice.create("secrets", suite, &mut rng)?;

    // Alice adds Bob and Eve by a Commit that includes the PSK. Bob has the PSK, but Eve does not.
    let mut bob = User::new("Bob", suite, &mut rng)?;
    bob.psks = &ExchangedOverTea;
    let eve = User::new("Eve", suite, &mut rng)?;
    let (bobs, eves) = (bob.key_package(suite, &mut rng)?, eve.key_package(suite, &mut rng)?);
    let key_packages = [bobs.key_package.clone(), eves.key_package.clone()];
    let psk = Psk::External { psk_id: b"over tea".as_slice().into() };
    let (commit, welcome) = alice
        .commit(|builder| key_packages.into_iter().fold(builder.psk(psk), CommitBuilder::add), &mut rng)?;
    alice.receive(&commit)?;
    let welcome = welcome.ok_or("the Commit adds members, but has no Welcome")?;
    let mut bob = bob.join(&welcome, &bobs)?;
    println!("Bob has the pre-shared key, and has joined.");
    let refused = Group::join(&welcome, &eves, None, &eve.cx());
    assert!(matches!(refused, Err(GroupError::Missing(Missing::Psk(_)))));
    println!("Eve does not have the pre-shared key, and cannot join.");
    assert_agreement([&alice, &bob]);

    // Mix in the resumption PSK of epoch 1. A member that joined after epoch 1 could not process
    // this Commit.
    let psk = Psk::Resumption {
        usage: ResumptionPskUsage::Application,
        psk_group_id: alice.group.public().context().group_id.clone(),
        psk_epoch: 1,
    };
    let (commit, _) = bob.commit(|builder| builder, &mut rng)?;
    deliver(&commit, [&mut alice, &mut bob])?;
    let (commit, _) = alice.commit(|builder| builder.psk(psk), &mut rng)?;
    deliver(&commit, [&mut alice, &mut bob])?;
    println!("In epoch {}, both have proven that they were members in epoch 1.", alice.group.epoch());
    assert_agreement([&alice, &bob]);
    Ok(())
}
