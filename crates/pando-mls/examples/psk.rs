//! Pre-shared keys: Alice and Bob have met and exchanged a key, which they mix into their group's secrets. Whoever does
//! not have it is kept out. The secret of an earlier epoch can be mixed in, too.

mod people;

use pando_mls::wire::ResumptionPskUsage;
use pando_mls::*;
use people::{Outcome, Person, SUITE, assert_agreement, deliver, suite};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Where an application looks a pre-shared key up. A real one is random.
struct ExchangedOverTea;

impl PskStore for ExchangedOverTea {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok((psk_id == b"over tea").then(|| [0x7e; 32].as_slice().into()))
    }

    /// The group itself remembers those of its own epochs.
    fn resumption(&self, _: &GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }
}

pub(crate) fn main() -> Outcome {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let suite = suite(SUITE)?;
    let mut alice = Person::new("Alice", suite, &mut rng)?;
    alice.psks = &ExchangedOverTea;
    let mut alice = alice.create("secrets", suite, &mut rng)?;

    // Alice adds two people by a Commit with the key: one has it, and one does not.
    let mut bob = Person::new("Bob", suite, &mut rng)?;
    bob.psks = &ExchangedOverTea;
    let eve = Person::new("Eve", suite, &mut rng)?;
    let (bobs, eves) = (bob.key_package(suite, &mut rng)?, eve.key_package(suite, &mut rng)?);
    let key_packages = [bobs.key_package.clone(), eves.key_package.clone()];
    let psk = Psk::External { psk_id: b"over tea".as_slice().into() };
    let (commit, welcome) = alice
        .commit(|builder| key_packages.into_iter().fold(builder.psk(psk), CommitBuilder::add), &mut rng)?;
    alice.receive(&commit)?;
    let welcome = welcome.ok_or("somebody was added, and there is no Welcome")?;
    let mut bob = bob.join(&welcome, &bobs)?;
    println!("Bob has the key from over tea, and has joined.");
    let refused = Group::join(&welcome, &eves, None, &eve.cx());
    assert!(matches!(refused, Err(GroupError::Missing(Missing::Psk(_)))));
    println!("Eve does not, and cannot.");
    assert_agreement([&alice, &bob]);

    // The secret of an earlier epoch: who was not there could not follow.
    let psk = Psk::Resumption {
        usage: ResumptionPskUsage::Application,
        psk_group_id: alice.group.public().context().group_id.clone(),
        psk_epoch: 1,
    };
    let (commit, _) = bob.commit(|builder| builder, &mut rng)?;
    deliver(&commit, [&mut alice, &mut bob])?;
    let (commit, _) = alice.commit(|builder| builder.psk(psk), &mut rng)?;
    deliver(&commit, [&mut alice, &mut bob])?;
    println!("In epoch {}, both have shown that they were there in epoch 1.", alice.group.epoch());
    assert_agreement([&alice, &bob]);
    Ok(())
}
