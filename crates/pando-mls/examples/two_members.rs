//! Alice creates a group and adds Bob, and both send a message. This example consists of a single
//! file, while the other examples share the module `common`.

use pando_mls::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A real application uses the system time and a generator that is seeded by the operating
    // system.
    let (rng, now) = (&mut ChaCha20Rng::seed_from_u64(1), 1_800_000_000);
    let suite = RustCrypto.suite(SUITE).ok_or("there is no such cipher suite")?;
    let client = Client::new(BasicIdentities);
    let alice_signs = suite.signer(&suite.signature_generate_key(rng)?)?;
    let bob_signs = suite.signer(&suite.signature_generate_key(rng)?)?;
    let (alice, bob) = (client.at(now, &*alice_signs), client.at(now, &*bob_signs));
    let alices_bundle = alice.key_package(SUITE, Credential::basic("Alice")).build(rng)?;
    let bobs_bundle = bob.key_package(SUITE, Credential::basic("Bob")).build(rng)?;

    // The result of an operation is returned only after its changes are stored. Here they are
    // stored in memory; a real client uses a database.
    let (mut alices_rows, mut bobs_rows) = (Rows::new(), Rows::new());
    let created = Group::builder("tea").build(alices_bundle, &alice, rng)?;
    let mut alices = created.persist_to(&mut alices_rows)?;
    println!("Alice has created a group, in epoch {}.", alices.epoch());

    let commit = alices.commit().add(bobs_bundle.key_package.clone()).build(&alice, rng)?;
    let commit = commit.persist_to(&mut alices_rows)?;
    // Once the delivery service has accepted the Commit, Alice enters the new epoch, and Bob
    // receives the Welcome.
    alices.merge_pending()?.persist_to(&mut alices_rows)?;
    let welcome = commit.welcome.ok_or("the Commit adds a member, but has no Welcome")?;
    let mut bobs = Group::join(&welcome, &bobs_bundle, None, &bob)?.persist_to(&mut bobs_rows)?;
    println!("Bob has joined in epoch {}.", bobs.epoch());

    let message = alices.encrypt("At five?", &alice, rng)?.persist_to(&mut alices_rows)?;
    let processed = bobs.process(message, &bob)?.persist_to(&mut bobs_rows)?;
    let Processed::Application { data, .. } = processed else {
        return Err("this was not a message".into());
    };
    println!("Bob reads: {}", String::from_utf8_lossy(&data));
    assert_eq!(*data, *b"At five?");

    let message = bobs.encrypt("With milk!", &bob, rng)?.persist_to(&mut bobs_rows)?;
    let processed = alices.process(message, &alice)?.persist_to(&mut alices_rows)?;
    let Processed::Application { data, .. } = processed else {
        return Err("this was not a message".into());
    };
    println!("Alice reads: {}", String::from_utf8_lossy(&data));
    assert_eq!(*data, *b"With milk!");

    assert_eq!(alices.epoch_authenticator(), bobs.epoch_authenticator());
    println!("Both have the same secrets.");
    Ok(())
}
