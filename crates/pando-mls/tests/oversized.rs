//! Shows that oversized input is rejected before it is decoded. The rejection needs hardly any
//! memory, no matter how large the input is.

#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "a panic fails the test")]

use pando_mls::wire::WireFormat;
use pando_mls::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
const MIB: usize = 1 << 20;
/// The number of bytes of memory that a rejection may use.
const ENOUGH: u64 = 16 << 10;

/// Runs a function and checks that it uses little memory at any time.
fn without_memory<T>(function: impl FnOnce() -> T) -> T {
    let mut result = None;
    let taken = allocation_counter::measure(|| result = Some(function()));
    assert!(taken.bytes_max <= ENOUGH, "{} bytes", taken.bytes_max);
    result.unwrap()
}

/// Returns a message of `len` bytes whose header states this format.
fn message(format: WireFormat, len: usize) -> Vec<u8> {
    let mut bytes = [1_u16.to_be_bytes(), format.0.to_be_bytes()].concat();
    bytes.resize(len, 0);
    bytes
}

#[test]
fn oversized_input_takes_no_memory() {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let limits = Limits::default().with_message_bytes(MIB).with_tree_bytes(2 * MIB).with_group_id_bytes(100);
    let client = Client::new(BasicIdentities).with_config(GroupConfig::default().with_limits(limits));
    let suite = RustCrypto.suite(SUITE).unwrap();
    let signers = [1, 2].map(|_| suite.signer(&suite.signature_generate_key(rng).unwrap()).unwrap());
    let [alice, bob] = [&signers[0], &signers[1]].map(|signer| client.at(1_800_000_000, &**signer));
    let [alices, bobs] = [("alice", &alice), ("bob", &bob)]
        .map(|(name, cx)| cx.key_package(SUITE, Credential::basic(name)).build(rng).unwrap());
    let mut rows = Rows::new();
    let mut group = Group::builder("tea").build(alices, &alice, rng).unwrap().persist_to(&mut rows).unwrap();
    let before = group.rows().unwrap();

    // Check messages of each format and of an unknown format.
    for (format, limit) in [
        (WireFormat::MLS_PUBLIC_MESSAGE, MIB),
        (WireFormat::MLS_PRIVATE_MESSAGE, MIB),
        (WireFormat::MLS_KEY_PACKAGE, MIB),
        (WireFormat::MLS_WELCOME, 3 * MIB),
        (WireFormat::MLS_GROUP_INFO, 3 * MIB),
        (WireFormat(0xffff), MIB),
    ] {
        for len in [limit + 1, 64 * MIB] {
            let bytes = message(format, len);
            let exceeded = GroupError::Exceeded(Exceeded::MessageBytes(limit));
            assert_eq!(without_memory(|| limits.decode(&bytes)).unwrap_err(), exceeded);
            assert_eq!(without_memory(|| group.process_bytes(&bytes, &alice)).unwrap_err(), exceeded);
        }
        // A message within the limit is decoded.
        let small = limits.decode(&message(format, 1000)).unwrap_err();
        assert!(matches!(small, GroupError::Malformed(_)), "{small:?}");
    }
    assert_eq!(group.rows().unwrap(), before);

    // Check a ratchet tree that is sent separately from the Welcome or the GroupInfo.
    let commit = group.commit().add(bobs.key_package.clone()).without_tree().build(&alice, rng).unwrap();
    let welcome = commit.persist_to(&mut rows).unwrap().welcome.unwrap();
    group.merge_pending().unwrap().persist_to(&mut rows).unwrap();
    let tree = vec![0; 64 * MIB];
    let exceeded = GroupError::Exceeded(Exceeded::TreeBytes(2 * MIB));
    let joined = without_memory(|| Group::join(&welcome, &bobs, Some(&tree), &bob));
    assert_eq!(joined.unwrap_err(), exceeded);
    let group_info = group.group_info().without_tree().build(&alice).unwrap();
    let template = LeafTemplate {
        credential: Credential::basic("bob"),
        capabilities: client.capabilities(CredentialType::BASIC),
        extensions: Extensions::default(),
    };
    let join = ExternalJoin::new(&group_info, template).tree(tree.as_slice());
    assert_eq!(without_memory(|| join.build(&bob, rng)).unwrap_err(), exceeded);
    let opened =
        without_memory(|| PublicGroup::new(suite, &group_info, Some(&tree), &BasicIdentities, limits));
    assert_eq!(opened.unwrap_err(), exceeded);
}
