//! Changes the cipher suite of a group by a ReInit: the group ends, and its members create a
//! successor group.

mod common;

use common::{Member, Outcome, SUITE, User, assert_agreement, deliver, suite};
use pando_mls::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

pub(crate) fn main() -> Outcome {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let old_suite = suite(SUITE)?;
    let mut alice = User::new("Alice", old_suite, &mut rng)?.create("old", old_suite, &mut rng)?;
    let bob = User::new("Bob", old_suite, &mut rng)?;
    let bundle = bob.key_package(old_suite, &mut rng)?;
    let key_package = bundle.key_package.clone();
    let (commit, welcome) = alice.commit(|builder| builder.add(key_package), &mut rng)?;
    alice.receive(&commit)?;
    let mut bob = bob.join(&welcome.ok_or("the Commit adds a member, but has no Welcome")?, &bundle)?;
    println!("Alice and Bob are in a group with {}.", old_suite.cipher_suite());

    // Bob commits a ReInit with the parameters of the successor group. Afterwards, nothing can be
    // sent in the old group.
    let new_suite = suite(CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256)?;
    let reinit = ReInit {
        group_id: b"new".as_slice().into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: new_suite.cipher_suite(),
        extensions: Extensions::default(),
    };
    let (commit, _) = bob.commit(|builder| builder.reinit(reinit), &mut rng)?;
    deliver(&commit, [&mut alice, &mut bob])?;
    assert!(alice.send("Is anybody there?", &mut rng).is_err());
    println!("The group has ended.");

    // Each member needs a signature key and a KeyPackage for the new suite. Alice creates the
    // successor group from the KeyPackages of all members.
    let new_alice = User::new("Alice", new_suite, &mut rng)?;
    let new_bob = User::new("Bob", new_suite, &mut rng)?;
    let alices = new_alice.key_package(new_suite, &mut rng)?;
    let bobs = new_bob.key_package(new_suite, &mut rng)?;
    let successor = Successor::new(alices, vec![bobs.key_package.clone()]);
    let mut rows = Rows::new();
    let created = alice.group.reinitialize(successor, &new_alice.cx(), &mut rng)?;
    let Created { group, welcome } = created.persist_to(&mut rows)?;
    let welcome = welcome.ok_or("the group has no other members")?;
    let mut new_alice = Member { user: new_alice, group, rows };

    // A joiner needs the old group in order to verify that the new group is its successor.
    let joined = bob.group.join_successor(&welcome, &bobs, None, &new_bob.cx())?;
    let mut new_bob = Member::new(new_bob, joined)?;
    println!("Alice and Bob are in a group with {}.", new_suite.cipher_suite());
    let message = new_bob.send("Like new!", &mut rng)?;
    assert_eq!(new_alice.receive(&message)?.as_deref(), Some("Like new!"));
    assert_agreement([&new_alice, &new_bob]);
    Ok(())
}
