//! Alice creates a group, adds Bob, and both write to each other. All in one file: the other examples share what is in
//! `people`.

use pando_mls::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// A client is what it signs with, whom it believes, and what it has.
fn client(signer: &dyn Signer) -> Client<'_> {
    let (policy, psks, config) = (&BasicIdentities, &NoPsks, GroupConfig::default());
    Client {
        crypto: &RustCrypto,
        signer,
        policy,
        rules: &DefaultRules,
        psks,
        is_in_group: &|_| false,
        now: None,
        config,
    }
}

/// What somebody publishes to be added to groups.
fn key_package(
    name: &str,
    suite: Suite,
    signer: &dyn Signer,
    rng: &mut dyn CryptoRng,
) -> Result<KeyPackageBundle, GroupError> {
    let template = KeyPackageTemplate {
        credential: Credential::Basic { identity: name.as_bytes().into() },
        capabilities: Capabilities::new([suite.cipher_suite()], [CredentialType::BASIC]),
        lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
        leaf_extensions: Extensions::default(),
        extensions: Extensions::default(),
    };
    KeyPackageBundle::new(suite, template, signer, rng)
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // An application takes a generator that the operating system has seeded.
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let suite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
    let suite = RustCrypto.suite(suite).ok_or("there is no such cipher suite")?;
    let alice_signs = suite.signer(&suite.signature_generate_key(&mut rng)?)?;
    let bob_signs = suite.signer(&suite.signature_generate_key(&mut rng)?)?;
    let (alice, bob) = (client(&*alice_signs), client(&*bob_signs));
    let alices_bundle = key_package("Alice", suite, alice.signer, &mut rng)?;
    let bobs_bundle = key_package("Bob", suite, bob.signer, &mut rng)?;

    // A result comes out when the changes are stored: here in memory, in a client in a database.
    let (mut alices_rows, mut bobs_rows) = (Rows::new(), Rows::new());
    let (id, extensions) = (b"tea".as_slice().into(), Extensions::default());
    let created = Group::create(suite, id, extensions, alices_bundle, &alice, &mut rng)?;
    let mut alices = created.persist_to(&mut alices_rows)?;
    println!("Alice is alone in a group, in epoch {}.", alices.epoch());

    let commit = alices.commit().add(bobs_bundle.key_package.clone()).build(&alice, &mut rng)?;
    let commit = commit.persist_to(&mut alices_rows)?;
    // Once the delivery service has accepted the Commit, Alice enters the new epoch, and Bob gets the Welcome.
    alices.merge_pending()?.persist_to(&mut alices_rows)?;
    let welcome = commit.welcome.ok_or("somebody was added, and there is no Welcome")?;
    let mut bobs = Group::join(&welcome, &bobs_bundle, None, &bob)?.persist_to(&mut bobs_rows)?;
    println!("Bob has joined in epoch {}.", bobs.epoch());

    let message = alices.encrypt(b"At five?", b"", &alice, &mut rng)?.persist_to(&mut alices_rows)?;
    let processed = bobs.process(message, &bob)?.persist_to(&mut bobs_rows)?;
    let Processed::Application { data, .. } = processed else {
        return Err("this was not a message".into());
    };
    println!("Bob reads: {}", String::from_utf8_lossy(&data));
    assert_eq!(*data, *b"At five?");

    let message = bobs.encrypt(b"With milk!", b"", &bob, &mut rng)?.persist_to(&mut bobs_rows)?;
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
