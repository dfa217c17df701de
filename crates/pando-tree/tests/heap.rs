//! Measures the memory of a tree and its indexes, relative to the tree's encoded size.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

use pando_crypto::{CryptoProvider, RustCrypto};
use pando_tree::Tree;
use pando_wire::{
    Capabilities, CipherSuite, Credential, Extensions, GroupId, LeafNode, LeafNodeSource, Lifetime,
    ProtocolVersion, Signature,
};

/// Returns a leaf of typical size, with Ed25519 and X25519 keys and a basic credential of 32 bytes.
/// The keys and the signature need not be valid, because fingerprints do not depend on their
/// validity.
fn leaf_node(number: u64) -> LeafNode {
    let key = |kind: u8| [&[kind; 24][..], &number.to_be_bytes()].concat();
    let credential = Credential::Basic { identity: key(3).into() };
    LeafNode {
        encryption_key: key(1).into(),
        signature_key: key(2).into(),
        capabilities: Capabilities {
            versions: vec![ProtocolVersion::MLS_10],
            cipher_suites: vec![CipherSuite::ALL[0]],
            credentials: vec![credential.credential_type()],
            ..Capabilities::default()
        },
        credential,
        leaf_node_source: LeafNodeSource::KeyPackage {
            lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
        },
        extensions: Extensions::default(),
        signature: Signature::from(vec![3; 64]),
    }
}

#[test]
fn a_tree_takes_three_times_its_size_on_the_wire_at_most() {
    let suite = RustCrypto.suite(CipherSuite::ALL[0]).unwrap();
    for members in [1_000, 50_000] {
        let mut tree = None;
        let memory = allocation_counter::measure(|| {
            let mut grown = Tree::new(suite, &leaf_node(0)).unwrap();
            for number in 1..members {
                grown.add(&leaf_node(number)).unwrap();
            }
            grown.tree_hash().unwrap();
            tree = Some(grown);
        });
        let tree = tree.unwrap();
        let (held, wire) = (memory.bytes_current as f64, tree.export().unwrap().len() as f64);
        println!("{members} members: {held} bytes, {:.2} times the wire size of {wire}", held / wire);
        assert!(held <= 3.0 * wire);
        // A clone needs no memory beyond the size of its own structure.
        let clone = allocation_counter::measure(|| drop(std::hint::black_box(tree.clone())));
        assert_eq!(clone.count_total, 0);
    }
}

/// Shows that the signed messages, each of which contains the group identifier, are not all in
/// memory at once. An attacker may choose the length of this identifier.
#[test]
fn a_long_identifier_of_a_group_is_not_there_for_every_leaf() {
    let suite = RustCrypto.suite(CipherSuite::ALL[0]).unwrap();
    let update = |number| LeafNode { leaf_node_source: LeafNodeSource::Update, ..leaf_node(number) };
    let mut tree = Tree::new(suite, &update(0)).unwrap();
    for number in 1..200 {
        tree.add(&update(number)).unwrap();
    }
    let group_id = GroupId::from(vec![7; 1 << 20]);
    // The import runs on one thread, so that all its allocations are measured.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let memory =
        pool.install(|| allocation_counter::measure(|| assert!(tree.check_signatures(&group_id).is_err())));
    assert!(memory.bytes_max < 8 << 20, "{memory:?}");
}
