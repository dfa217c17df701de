//! A tree without blank nodes between its leaves. This is the state after each member has made a
//! Commit, from left to right.
//!
//! Creating the tree step by step would take N Commits, and later Commits would overwrite most of
//! the keys. Therefore, the final state is constructed directly: each parent has the key of the
//! last committer below it, which is its rightmost leaf. The chain of parent hashes (RFC 9420,
//! section 7.9) leads down to that leaf. The parent hashes of left children refer to overwritten
//! keys, so they are arbitrary bytes. No member has the private keys of the parents. `Tree::import`
//! verifies such a tree.

use crate::Crypto;
use crate::test_client::{TestClient, generator};
use pando_crypto::{Digest, Rng};
use pando_mls::LeafTemplate;
use pando_wire::{
    Encode, GroupId, HpkePublicKey, LeafIndex, LeafNode, LeafNodeSource, Node, NodeIndex, Opaque, ParentNode,
    Signature, TreeSize, vector_header,
};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

/// An encoded tree and its tree hash.
#[derive(Debug)]
pub struct WarmTree {
    /// The tree, encoded as in a `ratchet_tree` extension.
    pub bytes: Vec<u8>,
    /// The tree hash, as it appears in the GroupContext.
    pub tree_hash: Opaque,
}

struct Grower<'a> {
    crypto: Crypto,
    group_id: &'a GroupId,
    /// The client at each leaf.
    people: Vec<TestClient>,
    /// The public key of each node.
    keys: Vec<HpkePublicKey>,
}

/// Returns the warm tree of the given number of clients, which are numbered from 0.
#[must_use]
pub fn warm_tree(crypto: Crypto, members: u32, group_id: &GroupId) -> WarmTree {
    let size = TreeSize::with_leaves(members).unwrap();
    let key = |node| crypto.suite.hpke_generate_key_pair(&mut generator(node, 3)).unwrap().public;
    let grower = Grower {
        crypto,
        group_id,
        people: (0..members).into_par_iter().map(|number| TestClient::new(crypto, number)).collect(),
        keys: (0..size.node_count()).into_par_iter().map(key).collect(),
    };
    let (hash, nodes) = grower.grow(size.root(), Opaque::default());
    let bytes = [vector_header(nodes.len()).unwrap().as_ref(), &nodes].concat();
    WarmTree { bytes, tree_hash: (*hash).into() }
}

impl Grower<'_> {
    /// Returns the tree hash of the node `at` (RFC 9420, section 7.8), and the encoded nodes of its
    /// subtree up to the last non-blank node. `parent_hash` is the parent hash that the next
    /// non-blank ancestor requires of this node.
    fn grow(&self, at: NodeIndex, parent_hash: Opaque) -> (Digest, Vec<u8>) {
        let (Some(left_at), Some(right_at)) = (at.left(), at.right()) else {
            return self.leaf(at.leaf().unwrap(), parent_hash);
        };
        // All blank leaves are to the right of the non-blank leaves.
        if self.is_blank(right_at) {
            let (left, nodes) = self.grow(left_at, parent_hash);
            let (right, _) = self.grow(right_at, Opaque::default());
            return (self.parent_tree_hash(&[0], &left, &right), nodes);
        }
        let encryption_key = self.keys[usize::try_from(at.0).unwrap()].clone();
        let mut stale = vec![0; self.crypto.suite.hash_len()];
        generator(at.0, 4).fill_bytes(&mut stale);
        let (left, mut nodes) = self.grow(left_at, stale.into());
        // This input is the `ParentHashInput` of RFC 9420, section 7.9.
        let sibling = Opaque::from(&*left).with_length().unwrap();
        let input = [encryption_key.encode().unwrap(), parent_hash.with_length().unwrap(), sibling].concat();
        let (right, right_nodes) = self.grow(right_at, (*self.crypto.suite.hash(&[&input])).into());

        let parent = ParentNode { encryption_key, parent_hash, unmerged_leaves: Vec::new() };
        let hash = self.parent_tree_hash(&[&[1], &*parent.encode().unwrap()].concat(), &left, &right);
        nodes.extend(Some(Node::Parent(Box::new(parent))).encode().unwrap());
        nodes.extend(right_nodes);
        (hash, nodes)
    }

    /// Returns whether the subtree of the node `at` contains no members.
    fn is_blank(&self, at: NodeIndex) -> bool {
        let last_member = LeafIndex(u32::try_from(self.people.len()).unwrap() - 1);
        !at.covers(last_member) && at.0 > last_member.0 * 2
    }

    fn leaf(&self, index: LeafIndex, parent_hash: Opaque) -> (Digest, Vec<u8>) {
        let Crypto { suite, .. } = self.crypto;
        let position = index.0.to_be_bytes();
        let Some(client) = self.people.get(usize::try_from(index.0).unwrap()) else {
            return (suite.hash(&[&[1], &position, &[0]]), Vec::new());
        };
        let LeafTemplate { credential, capabilities, extensions } = client.template();
        let mut leaf_node = LeafNode {
            encryption_key: self.keys[usize::try_from(index.0 * 2).unwrap()].clone(),
            signature_key: client.signer.public_key().clone(),
            credential,
            capabilities,
            leaf_node_source: LeafNodeSource::Commit { parent_hash },
            extensions,
            signature: Signature::default(),
        };
        let to_be_signed = leaf_node.to_be_signed((self.group_id, index)).unwrap();
        leaf_node.signature = suite.sign_with_label(&*client.signer, "LeafNodeTBS", &to_be_signed).unwrap();
        let hash = suite.hash(&[&[1], &position, &[1], &leaf_node.encode().unwrap()]);
        (hash, Some(Node::Leaf(Box::new(leaf_node))).encode().unwrap())
    }

    /// Computes `Hash(TreeHashInput)` of a parent node. `content` is the encoded optional node.
    fn parent_tree_hash(&self, content: &[u8], left: &[u8], right: &[u8]) -> Digest {
        let hashes = [left, right].map(|hash| Opaque::from(hash).with_length().unwrap());
        self.crypto.suite.hash(&[&[2], content, &hashes[0], &hashes[1]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_tree::Tree;

    #[test]
    fn a_warm_tree_is_valid_and_has_no_blank_nodes_between_members() {
        let crypto = Crypto { provider: &pando_crypto::RustCrypto, suite: crate::suite() };
        let group_id = GroupId::from(vec![1; 16]);
        for members in 2..40 {
            let WarmTree { bytes, tree_hash } = warm_tree(crypto, members, &group_id);
            let tree = Tree::import(crypto.suite, &bytes, &group_id, &tree_hash).unwrap();
            assert_eq!(tree.member_count(), members);
            // Parents beyond the last leaf have no member to their right, so they are blank.
            for node in (0..tree.size().node_count()).map(NodeIndex).filter(|node| !node.is_leaf()) {
                let between = node.0 < (members - 1) * 2;
                assert_eq!(tree.parent(node).unwrap().is_some(), between, "{members} members, {node:?}");
            }
        }
    }
}
