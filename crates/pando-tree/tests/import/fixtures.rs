//! A group as far as its ratchet tree goes, with real keys, that remembers which Commit set which node.

use pando_crypto::{CryptoProvider, HpkeKeyPair, RustCrypto, Signer, Suite};
use pando_tree::{LeafTemplate, PrivateKeys, Tree};
use pando_wire::{
    Capabilities, CipherSuite, Credential, Extensions, GroupContext, GroupId, LeafIndex, LeafNode,
    LeafNodeSource, Lifetime, NodeIndex, Opaque, ProtocolVersion, Signature,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;

pub(crate) struct GroupFixture {
    pub(crate) suite: Suite,
    pub(crate) group_id: GroupId,
    pub(crate) epoch: u64,
    pub(crate) tree: Tree,
    pub(crate) members: BTreeMap<LeafIndex, Member>,
    /// Where the parents that are not blank come from. This is what parent hashes are to prove, known here
    /// without looking at a single one of them.
    pub(crate) origins: BTreeMap<NodeIndex, Origin>,
    pub(crate) rng: ChaCha20Rng,
}

pub(crate) struct Member {
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) keys: PrivateKeys,
}

/// How a parent came to have its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// The node of the same path right below: D in section 7.9.2.
    pub(crate) below: NodeIndex,
    /// The child beside that path: S in section 7.9.2.
    pub(crate) copath_child: NodeIndex,
}

/// A leaf node of somebody who is not in the group yet, with the private keys.
pub(crate) struct Newcomer {
    pub(crate) leaf_node: LeafNode,
    pub(crate) key_pair: HpkeKeyPair,
    pub(crate) signer: Box<dyn Signer>,
}

impl Newcomer {
    pub(crate) fn new(suite: Suite, rng: &mut ChaCha20Rng) -> Self {
        let signer = suite.signer(&suite.signature_generate_key(rng).unwrap()).unwrap();
        let key_pair = suite.hpke_generate_key_pair(rng).unwrap();
        let mut identity = vec![0; 8];
        rng.fill_bytes(&mut identity);
        let credential = Credential::Basic { identity: identity.into() };
        let leaf_node = LeafNode {
            encryption_key: key_pair.public.clone(),
            signature_key: signer.public_key().clone(),
            capabilities: Capabilities {
                versions: vec![ProtocolVersion::MLS_10],
                cipher_suites: vec![suite.cipher_suite()],
                credentials: vec![credential.credential_type()],
                ..Capabilities::default()
            },
            credential,
            leaf_node_source: LeafNodeSource::KeyPackage {
                lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
            },
            extensions: Extensions::default(),
            signature: Signature::default(),
        };
        // The leaf of a KeyPackage belongs to no group yet, so the position does not count.
        let leaf_node = signed(suite, &*signer, leaf_node, (&GroupId::default(), LeafIndex(0)));
        Self { leaf_node, key_pair, signer }
    }
}

impl GroupFixture {
    pub(crate) fn new(cipher_suite: CipherSuite, seed: u64) -> Self {
        let suite = RustCrypto.suite(cipher_suite).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let newcomer = Newcomer::new(suite, &mut rng);
        let tree = Tree::new(suite, &newcomer.leaf_node).unwrap();
        let mut group_id = vec![0; 16];
        rng.fill_bytes(&mut group_id);
        let mut fixture = Self {
            suite,
            group_id: group_id.into(),
            epoch: 0,
            tree,
            members: BTreeMap::new(),
            origins: BTreeMap::new(),
            rng,
        };
        fixture.enter(LeafIndex(0), newcomer);
        fixture
    }

    /// A group of some members; every new one commits, and adds the next.
    pub(crate) fn grown(cipher_suite: CipherSuite, seed: u64, members: u32) -> Self {
        let mut fixture = Self::new(cipher_suite, seed);
        for committer in 1..members {
            fixture.commit(LeafIndex(committer - 1), &[], 1);
        }
        fixture
    }

    /// A random number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.rng.next_u32()).unwrap() % end
    }

    /// A random member.
    pub(crate) fn any_member(&mut self) -> LeafIndex {
        let position = self.below(self.members.len());
        *self.members.keys().nth(position).unwrap()
    }

    /// Adds a member without a path: it is unmerged at all nodes above.
    pub(crate) fn add(&mut self) -> LeafIndex {
        let newcomer = Newcomer::new(self.suite, &mut self.rng);
        let leaf = self.tree.add(&newcomer.leaf_node).unwrap();
        self.enter(leaf, newcomer);
        leaf
    }

    /// Removes a member without a path.
    pub(crate) fn remove(&mut self, leaf: LeafIndex) {
        self.tree.remove(leaf).unwrap();
        self.members.remove(&leaf);
        self.forget_blank();
    }

    /// A Commit with a path that removes some members and adds others. All members process it.
    pub(crate) fn commit(&mut self, committer: LeafIndex, removed: &[LeafIndex], additions: u32) {
        removed.iter().for_each(|leaf| self.remove(*leaf));
        let mut added: Vec<_> = (0..additions).map(|_| self.add()).collect();
        self.tree.truncate();
        added.sort_unstable();
        self.epoch += 1;

        let path = self
            .tree
            .create_path(
                committer,
                template(&self.tree, committer),
                &self.group_id,
                &*self.members[&committer].signer,
                &mut self.rng,
            )
            .unwrap();
        let context = self.context(path.tree().tree_hash().unwrap());
        let update_path = path.encrypt(&context, &added, &mut self.rng).unwrap();
        let merged = self.tree.merge_path(committer, &update_path, &added).unwrap();
        for (&leaf, member) in &mut self.members {
            if leaf == committer {
                member.keys = path.keys().clone();
            } else if added.contains(&leaf) {
                let secret = path.path_secret_for(leaf).unwrap();
                member.keys.join_path(merged.tree(), committer, secret.expose().into()).unwrap();
            } else {
                member.keys = member.keys.decrypt_path(&self.tree, &merged, &context, &added).unwrap().keys;
            }
        }
        let mut below = NodeIndex(committer.0 * 2);
        for step in path.steps() {
            self.origins.insert(step.node, Origin { below, copath_child: step.copath_child });
            below = step.node;
        }
        self.tree = merged.into_tree();
        self.forget_blank();
        // Section 7.5: nobody keeps a key that its node does not have any more.
        for member in self.members.values() {
            assert!(member.keys.nodes().all(|node| {
                self.tree.encryption_key(node).as_ref() == member.keys.get(node).map(|pair| &pair.public)
            }));
        }
    }

    /// The GroupContext of this epoch with a given tree.
    pub(crate) fn context(&self, tree_hash: Opaque) -> GroupContext {
        GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: self.suite.cipher_suite(),
            group_id: self.group_id.clone(),
            epoch: self.epoch,
            tree_hash,
            confirmed_transcript_hash: Opaque::default(),
            extensions: Extensions::default(),
        }
    }

    /// A leaf node with a signature of the member at `leaf`, valid there.
    pub(crate) fn signed(&self, leaf: LeafIndex, leaf_node: LeafNode) -> LeafNode {
        signed(self.suite, &*self.members[&leaf].signer, leaf_node, (&self.group_id, leaf))
    }

    fn enter(&mut self, leaf: LeafIndex, newcomer: Newcomer) {
        let keys = PrivateKeys::new(&self.tree, leaf, newcomer.key_pair).unwrap();
        self.members.insert(leaf, Member { signer: newcomer.signer, keys });
    }

    fn forget_blank(&mut self) {
        let tree = &self.tree;
        self.origins.retain(|node, _| tree.parent(*node).is_some());
    }
}

/// A leaf node with a valid signature.
pub(crate) fn signed(
    suite: Suite,
    signer: &dyn Signer,
    mut leaf_node: LeafNode,
    position: (&GroupId, LeafIndex),
) -> LeafNode {
    let to_be_signed = leaf_node.to_be_signed(position).unwrap();
    leaf_node.signature = suite.sign_with_label(signer, "LeafNodeTBS", &to_be_signed).unwrap();
    leaf_node
}

/// What a member's leaf says of it.
pub(crate) fn template(tree: &Tree, leaf: LeafIndex) -> LeafTemplate {
    let LeafNode { credential, capabilities, extensions, .. } = tree.leaf(leaf).unwrap();
    LeafTemplate { credential, capabilities, extensions }
}
