//! Sample leaf nodes, key packages and ratchet trees.

use super::values::{credential, many_numbers, some_extensions, string, x509};
use pando_wire::*;

pub(crate) fn lifetimes() -> Vec<Lifetime> {
    [(0, u64::MAX), (1, 2), (2, 1)].map(|(not_before, not_after)| Lifetime { not_before, not_after }).into()
}

pub(crate) fn capabilities() -> Vec<Capabilities> {
    let grease = Capabilities {
        versions: vec![ProtocolVersion(0x0a0a), ProtocolVersion::MLS_10],
        cipher_suites: vec![CipherSuite(0x1a1a), CipherSuite(1), CipherSuite(7)],
        extensions: vec![ExtensionType(0x2a2a)],
        proposals: vec![ProposalType(0x3a3a), ProposalType(0xf000)],
        credentials: vec![CredentialType(0x4a4a), CredentialType::BASIC],
    };
    vec![
        Capabilities::default(),
        some_capabilities(),
        grease,
        Capabilities { cipher_suites: many_numbers(CipherSuite), ..Default::default() },
    ]
}

/// Returns capabilities with a short encoding.
fn some_capabilities() -> Capabilities {
    Capabilities {
        versions: vec![ProtocolVersion::MLS_10],
        cipher_suites: vec![CipherSuite(1), CipherSuite(0xeaea)],
        credentials: vec![CredentialType::BASIC],
        ..Default::default()
    }
}

pub(crate) fn sources() -> Vec<LeafNodeSource> {
    let mut sources = vec![
        LeafNodeSource::Update,
        LeafNodeSource::Commit { parent_hash: string(0) },
        LeafNodeSource::Commit { parent_hash: string(4) },
        LeafNodeSource::Commit { parent_hash: string(64) },
    ];
    sources.extend(lifetimes().into_iter().map(|lifetime| LeafNodeSource::KeyPackage { lifetime }));
    sources
}

/// Returns the leaf node of a KeyPackage.
pub(crate) fn leaf_node() -> LeafNode {
    LeafNode {
        encryption_key: string(4),
        signature_key: string(3),
        credential: credential(),
        capabilities: some_capabilities(),
        leaf_node_source: LeafNodeSource::KeyPackage { lifetime: Lifetime { not_before: 1, not_after: 2 } },
        extensions: some_extensions(),
        signature: string(5),
    }
}

/// Returns a leaf node with the shortest possible encoding.
pub(crate) fn smallest_leaf_node() -> LeafNode {
    LeafNode {
        encryption_key: string(0),
        signature_key: string(0),
        credential: x509(&[]),
        capabilities: Capabilities::default(),
        leaf_node_source: LeafNodeSource::Update,
        extensions: Extensions::default(),
        signature: string(0),
    }
}

pub(crate) fn leaf_nodes() -> Vec<LeafNode> {
    let long = LeafNode { encryption_key: string(65), signature: string(64), ..leaf_node() };
    let chain = LeafNode { credential: x509(&[1, 0, 2]), ..smallest_leaf_node() };
    let other = Credential::Other { credential_type: CredentialType(0xdada), data: string(2) };
    let grease = LeafNode { credential: other, ..leaf_node() };
    let by_source =
        sources().into_iter().map(|leaf_node_source| LeafNode { leaf_node_source, ..smallest_leaf_node() });
    [smallest_leaf_node(), leaf_node(), long, chain, grease].into_iter().chain(by_source).collect()
}

pub(crate) fn key_package() -> KeyPackage {
    KeyPackage {
        version: ProtocolVersion::MLS_10,
        cipher_suite: CipherSuite(1),
        init_key: string(2),
        leaf_node: leaf_node(),
        extensions: some_extensions(),
        signature: string(3),
    }
}

pub(crate) fn key_packages() -> Vec<KeyPackage> {
    let smallest = KeyPackage {
        version: ProtocolVersion(0),
        cipher_suite: CipherSuite(0x0a0a),
        init_key: string(0),
        leaf_node: smallest_leaf_node(),
        extensions: Extensions::default(),
        signature: string(0),
    };
    vec![smallest, key_package()]
}

pub(crate) fn parent_nodes() -> Vec<ParentNode> {
    let unmerged = |leaves: &[u32]| leaves.iter().copied().map(LeafIndex).collect();
    vec![
        parent_node(),
        ParentNode { encryption_key: string(4), parent_hash: string(5), unmerged_leaves: vec![] },
        ParentNode {
            encryption_key: string(0),
            parent_hash: string(64),
            unmerged_leaves: unmerged(&[u32::MAX, 3, 3]),
        },
        ParentNode {
            encryption_key: string(1),
            parent_hash: string(0),
            unmerged_leaves: unmerged(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
        },
    ]
}

fn parent_node() -> ParentNode {
    ParentNode {
        encryption_key: string(2),
        parent_hash: string(2),
        unmerged_leaves: vec![LeafIndex(0), LeafIndex(2)],
    }
}

pub(crate) fn nodes() -> Vec<Node> {
    let leaves = leaf_nodes().into_iter().map(|leaf| Node::Leaf(leaf.into()));
    let parents = parent_nodes().into_iter().map(|parent| Node::Parent(parent.into()));
    leaves.chain(parents).collect()
}

pub(crate) fn ratchet_trees() -> Vec<RatchetTree> {
    let leaf = || Some(Node::Leaf(leaf_node().into()));
    let small = || Some(Node::Leaf(smallest_leaf_node().into()));
    let parent = || Some(Node::Parent(parent_node().into()));
    vec![
        RatchetTree(vec![]),
        RatchetTree(vec![None]),
        // The length of this tree's encoding takes two bytes, although all nodes are blank.
        RatchetTree(vec![None; 64]),
        RatchetTree(vec![leaf()]),
        RatchetTree(vec![small(), parent(), small(), None, None, None, leaf()]),
        // The encoding of this tree is longer than 400 bytes.
        RatchetTree(nodes().into_iter().map(Some).chain([None, parent(), None]).collect()),
    ]
}
