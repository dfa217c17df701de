//! A group takes another cipher suite: it ends, and another group takes its place, with the same members.

mod people;

use pando_mls::*;
use people::{Member, Outcome, Person, SUITE, assert_agreement, deliver, suite};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

pub(crate) fn main() -> Outcome {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let old_suite = suite(SUITE)?;
    let mut alice = Person::new("Alice", old_suite, &mut rng)?.create("old", old_suite, &mut rng)?;
    let bob = Person::new("Bob", old_suite, &mut rng)?;
    let bundle = bob.key_package(old_suite, &mut rng)?;
    let key_package = bundle.key_package.clone();
    let (commit, welcome) = alice.commit(|builder| builder.add(key_package), &mut rng)?;
    alice.receive(&commit)?;
    let mut bob = bob.join(&welcome.ok_or("somebody was added, and there is no Welcome")?, &bundle)?;
    println!("Alice and Bob are in a group with {}.", old_suite.cipher_suite());

    // Bob says what the next group is to be like, and nothing more can be sent in this one.
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

    // Everybody needs a signature key and a KeyPackage for the new suite. The one who creates the group has those of
    // all others.
    let new_alice = Person::new("Alice", new_suite, &mut rng)?;
    let new_bob = Person::new("Bob", new_suite, &mut rng)?;
    let alices = new_alice.key_package(new_suite, &mut rng)?;
    let bobs = new_bob.key_package(new_suite, &mut rng)?;
    let successor = Successor::new(alices, vec![bobs.key_package.clone()]);
    let mut rows = Rows::new();
    let created = alice.group.reinitialize(successor, &new_alice.cx(), &mut rng)?;
    let Created { group, welcome } = created.persist_to(&mut rows)?;
    let welcome = welcome.ok_or("nobody else is there")?;
    let mut new_alice = Member { person: new_alice, group, rows };

    // Who joins must have the old group, which proves that the new one follows from it.
    let joined = bob.group.join_successor(&welcome, &bobs, None, &new_bob.cx())?;
    let mut new_bob = Member::new(new_bob, joined)?;
    println!("Alice and Bob are in a group with {}.", new_suite.cipher_suite());
    let message = new_bob.send("Like new!", &mut rng)?;
    assert_eq!(new_alice.receive(&message)?.as_deref(), Some("Like new!"));
    assert_agreement([&new_alice, &new_bob]);
    Ok(())
}
