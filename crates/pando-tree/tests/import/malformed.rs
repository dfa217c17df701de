//! Tests with bytes that do not encode a tree.

use crate::fixtures::{GroupFixture, Newcomer};
use pando_crypto::Suite;
use pando_tree::{Tree, TreeError};
use pando_wire::{
    CipherSuite, DecodeError, Encode, LeafIndex, Node, NodeIndex, ParentNode, RatchetTree, vector_header,
};

const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

/// The memory that an import may use for each byte of its input. A blank node is one byte and needs
/// no memory. A leaf of less than 200 bytes is kept as bytes, as a structure, in the tree and in
/// the indexes.
const MEMORY_PER_BYTE: u64 = 32;
const MEMORY_BESIDES: u64 = 20_000;

/// Imports a tree and checks the memory use of the import.
fn import(suite: Suite, bytes: &[u8]) -> Result<Tree, TreeError> {
    let mut result = None;
    let info = allocation_counter::measure(|| result = Some(Tree::import_unsigned(suite, bytes)));
    let allowed = MEMORY_PER_BYTE * bytes.len() as u64 + MEMORY_BESIDES;
    assert!(info.bytes_max <= allowed, "{} bytes for {}", info.bytes_max, bytes.len());
    result.unwrap()
}

/// Encodes a vector with these contents.
fn vector(contents: &[u8]) -> Vec<u8> {
    [vector_header(contents.len()).unwrap().as_ref(), contents].concat()
}

fn malformed(error: DecodeError) -> TreeError {
    TreeError::Decode(error)
}

/// Returns a small tree with a blank leaf, a blank parent and an unmerged leaf.
fn small() -> GroupFixture {
    let mut fixture = GroupFixture::grown(SUITE, 9, 5);
    fixture.commit(LeafIndex(1), &[LeafIndex(3)], 0);
    fixture.commit(LeafIndex(2), &[], 0);
    fixture.add();
    fixture.remove(LeafIndex(0));
    fixture
}

#[test]
fn malformed_encodings_are_refused() {
    let mut fixture = GroupFixture::grown(SUITE, 1, 3);
    let suite = fixture.suite;
    let leaf_node = Newcomer::new(suite, &mut fixture.rng).leaf_node;
    let key = suite.hpke_generate_key_pair(&mut fixture.rng).unwrap().public;
    let parent_node =
        ParentNode { encryption_key: key, parent_hash: Vec::new().into(), unmerged_leaves: Vec::new() };
    let leaf = Some(Node::Leaf(Box::new(leaf_node))).encode().unwrap();
    let parent = Some(Node::Parent(Box::new(parent_node))).encode().unwrap();
    let (leaf, parent, blank): (&[u8], &[u8], &[u8]) = (&leaf, &parent, &[0]);
    let of_kind = |kind: u8| {
        let mut changed = leaf.to_vec();
        changed[1] = kind;
        changed
    };
    let present = |present: u8| {
        let mut changed = leaf.to_vec();
        changed[0] = present;
        changed
    };

    let unknown = |value| malformed(DecodeError::UnknownValue(value));
    let truncated = || malformed(DecodeError::Truncated);
    let table: Vec<(&str, Vec<u8>, TreeError)> = vec![
        ("nothing", vec![], truncated()),
        ("no nodes", vector(&[]), TreeError::Empty),
        ("one blank node", vector(blank), TreeError::TrailingBlank),
        ("two blank nodes", vector(&[0; 2]), TreeError::TrailingBlank),
        ("many blank nodes", vector(&[0; 20_000]), TreeError::TrailingBlank),
        ("a blank node at the end", vector(&[leaf, blank].concat()), TreeError::TrailingBlank),
        ("two of them", vector(&[leaf, blank, blank].concat()), TreeError::TrailingBlank),
        (
            "an even number of nodes",
            vector(&[leaf, parent].concat()),
            TreeError::TrailingParent(NodeIndex(1)),
        ),
        (
            "four nodes",
            vector(&[leaf, parent, blank, parent].concat()),
            TreeError::TrailingParent(NodeIndex(3)),
        ),
        ("a parent alone", vector(&[blank, parent].concat()), TreeError::TrailingParent(NodeIndex(1))),
        ("a parent as a leaf", vector(parent), TreeError::WrongKind(NodeIndex(0))),
        (
            "a parent as the second leaf",
            vector(&[leaf, blank, parent].concat()),
            TreeError::WrongKind(NodeIndex(2)),
        ),
        ("a leaf as a parent", vector(&[leaf, leaf].concat()), TreeError::WrongKind(NodeIndex(1))),
        ("the kind 0", vector(&of_kind(0)), unknown(0)),
        ("the kind 3", vector(&of_kind(3)), unknown(3)),
        ("the kind 255", vector(&of_kind(255)), unknown(255)),
        ("neither there nor blank", vector(&present(2)), unknown(2)),
        ("neither there nor blank, later", vector(&[leaf, &[0xff]].concat()), unknown(255)),
        ("bytes behind", [&*vector(leaf), &[0]].concat(), malformed(DecodeError::TrailingBytes)),
        ("bytes behind nothing", vec![0, 0], malformed(DecodeError::TrailingBytes)),
        ("a node that is cut off", vector(&leaf[..leaf.len() - 1]), truncated()),
        ("a node that is only announced", vector(&[1]), truncated()),
        ("a node of which only the kind is there", vector(&[1, 1]), truncated()),
        ("a length that is not minimal", vec![0x40, 1, 0], malformed(DecodeError::BadLength)),
        ("a length of 2^62", [&[0xff; 8][..], leaf].concat(), malformed(DecodeError::BadLength)),
        ("a length of 2^30 - 1", [&[0xbf, 0xff, 0xff, 0xff][..], leaf].concat(), truncated()),
        ("a key of 2^30 - 1 bytes", vector(&[1, 1, 0xbf, 0xff, 0xff, 0xff, 1]), truncated()),
        ("a list of 2^30 - 1 bytes", vector(&[0, 1, 2, 0, 0, 0xbf, 0xff, 0xff, 0xff, 1]), truncated()),
        ("half an unmerged leaf", vector(&[0, 1, 2, 0, 0, 2, 0, 0]), truncated()),
    ];
    for (what, bytes, expected) in table {
        assert_eq!(import(suite, &bytes).map(drop), Err(expected.clone()), "{what}");
        assert_eq!(Tree::import(suite, &bytes, &fixture.group_id, &[]).map(drop), Err(expected), "{what}");
    }
}

#[test]
fn a_tree_that_is_cut_off_anywhere_is_refused() {
    let fixture = small();
    let bytes = fixture.tree.export().unwrap();
    assert_eq!(fixture.tree.to_wire().unwrap().encode().unwrap(), bytes);
    assert!(import(fixture.suite, &bytes).is_ok());
    for length in 0..bytes.len() {
        let found = import(fixture.suite, &bytes[..length]).map(drop);
        assert_eq!(found, Err(malformed(DecodeError::Truncated)), "{length}");
    }
    // With a matching header, the shortened bytes encode a tree if they end with a leaf and no list
    // contains a missing leaf.
    let (len, contents) = pando_wire::read_vector_header(&bytes).unwrap();
    let mut trees = 0;
    for length in 1..len {
        let cut = vector(&contents[..length]);
        match import(fixture.suite, &cut) {
            Ok(tree) => {
                trees += 1;
                assert_eq!(tree.export().unwrap(), cut, "{length}");
            }
            Err(
                TreeError::Decode(DecodeError::Truncated)
                | TreeError::TrailingBlank
                | TreeError::TrailingParent(_)
                | TreeError::UnmergedLeaf { .. },
            ) => {}
            Err(error) => panic!("{length}: {error}"),
        }
    }
    assert!(trees < fixture.tree.member_count(), "{trees}");
    for behind in [&[0][..], &[1], &bytes] {
        let found = import(fixture.suite, &[&*bytes, behind].concat()).map(drop);
        assert_eq!(found, Err(malformed(DecodeError::TrailingBytes)));
    }
}

/// Changes every byte. If the result still encodes a tree, exporting that tree must yield the same
/// bytes.
#[test]
fn a_tree_with_any_byte_changed_is_refused_or_another_tree() {
    let fixture = small();
    let bytes = fixture.tree.export().unwrap();
    let hash = fixture.tree.tree_hash().unwrap();
    let mut read = 0;
    for position in 0..bytes.len() {
        for mask in [1, 2, 0x40, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[position] ^= mask;
            assert!(Tree::import(fixture.suite, &changed, &fixture.group_id, &hash).is_err(), "{position}");
            if let Ok(tree) = import(fixture.suite, &changed) {
                read += 1;
                assert_ne!(tree.tree_hash().unwrap(), hash, "{position}");
                assert_eq!(tree.export().unwrap(), changed, "{position}");
                assert_eq!(tree.to_wire().unwrap().encode().unwrap(), changed, "{position}");
            }
        }
    }
    assert!(read > 100, "{read}");
}

#[test]
fn an_unmerged_leaf_beyond_the_tree_is_refused() {
    for fixture in [GroupFixture::grown(SUITE, 2, 2), GroupFixture::grown(SUITE, 4, 4), small()] {
        let size = fixture.tree.size();
        let wire = fixture.tree.to_wire().unwrap();
        for node in (1..size.node_count()).step_by(2).map(NodeIndex) {
            let Some(Some(Node::Parent(parent))) = wire.0.get(node.0 as usize) else { continue };
            let beyond =
                [size.leaf_count(), size.leaf_count() + 1, size.node_count(), (1 << 31) - 1, 1 << 31];
            for leaf in beyond.into_iter().chain([u32::MAX - 1, u32::MAX]).map(LeafIndex) {
                let mut changed = wire.clone();
                let unmerged_leaves = parent.unmerged_leaves.iter().copied().chain([leaf]).collect();
                changed.0[node.0 as usize] =
                    Some(Node::Parent(Box::new(ParentNode { unmerged_leaves, ..(**parent).clone() })));
                let found = import(fixture.suite, &changed.encode().unwrap()).map(drop);
                assert_eq!(found, Err(TreeError::UnmergedLeaf { node, leaf }));
            }
        }
    }
}

/// Imports a tree with a single leaf far to the right, preceded by one byte for each blank node.
#[test]
fn blank_nodes_take_no_memory() {
    let mut fixture = GroupFixture::grown(SUITE, 3, 1);
    let leaf_node = Newcomer::new(fixture.suite, &mut fixture.rng).leaf_node;
    let leaf = Some(Node::Leaf(Box::new(leaf_node))).encode().unwrap();
    for blanks in [2_u16, 62, 1_022, 65_534] {
        let contents = [vec![0; blanks.into()], leaf.clone()].concat();
        let bytes = vector(&contents);
        let mut result = None;
        let info =
            allocation_counter::measure(|| result = Some(Tree::import_unsigned(fixture.suite, &bytes)));
        assert!(info.bytes_max < MEMORY_BESIDES, "{} bytes for {blanks} blank nodes", info.bytes_max);
        let tree = result.unwrap().unwrap();
        assert_eq!(
            (tree.member_count(), tree.size().leaf_count()),
            (1, (u32::from(blanks) / 2 + 1).next_power_of_two())
        );
        assert_eq!(tree.export().unwrap(), bytes);
    }
}

#[test]
fn a_tree_of_one_leaf() {
    let fixture = GroupFixture::grown(SUITE, 7, 1);
    let (bytes, hash) = (fixture.tree.export().unwrap(), fixture.tree.tree_hash().unwrap());
    let tree = Tree::import(fixture.suite, &bytes, &fixture.group_id, &hash).unwrap();
    assert_eq!((tree.member_count(), tree.size().leaf_count()), (1, 1));
    assert_eq!(tree.export().unwrap(), bytes);
    for hash in [&[][..], &[0; 32], &hash[1..], &[&*hash, &[0]].concat()] {
        let found = Tree::import(fixture.suite, &bytes, &fixture.group_id, hash).map(drop);
        assert_eq!(found, Err(TreeError::TreeHash));
    }
    // The same leaf, as the second leaf of a tree of two leaves whose first leaf is blank.
    let wire = RatchetTree(vec![None, None, fixture.tree.to_wire().unwrap().0[0].clone()]);
    let found = import(fixture.suite, &wire.encode().unwrap()).unwrap();
    assert_eq!((found.member_count(), found.size().leaf_count()), (1, 2));
    assert!(!found.is_member(LeafIndex(0)).unwrap() && found.is_member(LeafIndex(1)).unwrap());
}
