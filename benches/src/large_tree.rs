//! Large ratchet trees with real keys.

use pando_crypto::{HpkeKeyPair, SecretBytes, Signer, Suite};
use pando_tree::{LeafTemplate, PrivateKeys, Tree};
use pando_wire::{
    Capabilities, CipherSuite, Credential, Extensions, GroupContext, GroupId, LeafIndex, LeafNode,
    LeafNodeSource, Lifetime, ProtocolVersion, Signature, UpdatePath,
};
use rand_chacha::ChaCha20Rng;

/// A tree in which the member at leaf 0 commits, with the private keys of one receiver, which is
/// the last member.
#[allow(missing_debug_implementations, reason = "for benchmarks only")]
pub struct LargeTree {
    /// The tree.
    pub tree: Tree,
    /// The group identifier in the leaf signatures.
    pub group_id: GroupId,
    signers: Vec<Box<dyn Signer>>,
    receiver: PrivateKeys,
}

impl LargeTree {
    /// Returns the tree after a single Commit that added all members, so that only the leaves and
    /// the committer's path have keys.
    #[must_use]
    pub fn fresh(suite: Suite, members: u32, rng: &mut ChaCha20Rng) -> Self {
        let mut large_tree = Self::without_paths(suite, members, rng);
        large_tree.commit(LeafIndex(0), rng);
        large_tree
    }

    /// Returns the tree after every second member has made a Commit, so that no parent is blank.
    #[must_use]
    pub fn warm(suite: Suite, members: u32, rng: &mut ChaCha20Rng) -> Self {
        let mut large_tree = Self::without_paths(suite, members, rng);
        for committer in (0..members).step_by(2) {
            large_tree.commit(LeafIndex(committer), rng);
        }
        large_tree
    }

    fn without_paths(suite: Suite, members: u32, rng: &mut ChaCha20Rng) -> Self {
        let (leaf_node, signer, _) = newcomer(suite, rng);
        let mut tree = Tree::new(suite, &leaf_node).unwrap();
        let mut signers = vec![signer];
        let mut last = None;
        for _ in 1..members {
            let (leaf_node, signer, key_pair) = newcomer(suite, rng);
            let leaf = tree.add(&leaf_node).unwrap();
            signers.push(signer);
            last = Some((leaf, key_pair));
        }
        let (leaf, key_pair) = last.unwrap();
        let receiver = PrivateKeys::new(&tree, leaf, key_pair).unwrap();
        Self { tree, group_id: vec![1; 16].into(), signers, receiver }
    }

    /// Returns a leaf node for a new member, which is a copy of the given leaf with new keys.
    #[must_use]
    pub fn leaf_node(&self, leaf: LeafIndex) -> LeafNode {
        let mut leaf_node = self.tree.leaf(leaf).unwrap().unwrap();
        leaf_node.encryption_key = vec![9; 32].into();
        leaf_node.signature_key = vec![8; 32].into();
        leaf_node
    }

    /// Applies a Commit without encrypting its path. The receiver obtains its path secret in the
    /// same way as a new member.
    fn commit(&mut self, committer: LeafIndex, rng: &mut ChaCha20Rng) {
        let signer = &*self.signers[usize::try_from(committer.0).unwrap()];
        let path =
            self.tree.create_path(committer, template(&self.tree, committer), &self.group_id, signer, rng);
        let path = path.unwrap();
        if committer != self.receiver.leaf() {
            let secret = path.path_secret_for(self.receiver.leaf()).unwrap().unwrap();
            self.receiver.retain_current(path.tree()).unwrap();
            let secret = SecretBytes::from(secret.expose());
            self.receiver.join_path(path.tree(), committer, secret).unwrap();
        }
        self.tree = path.tree().clone();
    }

    /// Returns an update path of leaf 0, encrypted to all members, and the GroupContext for which
    /// it was created.
    pub fn create_path(&self, rng: &mut ChaCha20Rng) -> (UpdatePath, GroupContext) {
        let signer = &*self.signers[0];
        let template = template(&self.tree, LeafIndex(0));
        let path = self.tree.create_path(LeafIndex(0), template, &self.group_id, signer, rng).unwrap();
        let context = GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: self.tree.suite().cipher_suite(),
            group_id: self.group_id.clone(),
            epoch: 2,
            tree_hash: path.tree().tree_hash().unwrap(),
            confirmed_transcript_hash: vec![3; 32].into(),
            extensions: Extensions::default(),
        };
        (path.encrypt(&context, &[], rng).unwrap(), context)
    }

    /// Applies an update path as the receiver: merges it, checks the tree hash, and decrypts it.
    /// Returns the commit secret.
    pub fn apply_path(&self, update_path: &UpdatePath, context: &GroupContext) -> SecretBytes {
        let merged = self.tree.merge_path(LeafIndex(0), update_path, &[]).unwrap();
        assert_eq!(merged.tree().tree_hash().unwrap(), context.tree_hash);
        self.receiver.decrypt_path(&self.tree, &merged, context, &[]).unwrap().commit_secret
    }
}

fn template(tree: &Tree, leaf: LeafIndex) -> LeafTemplate {
    let LeafNode { credential, capabilities, extensions, .. } = tree.leaf(leaf).unwrap().unwrap();
    LeafTemplate { credential, capabilities, extensions }
}

fn newcomer(suite: Suite, rng: &mut ChaCha20Rng) -> (LeafNode, Box<dyn Signer>, HpkeKeyPair) {
    let signer = suite.signer(&suite.signature_generate_key(rng).unwrap()).unwrap();
    let key_pair = suite.hpke_generate_key_pair(rng).unwrap();
    let credential = Credential::Basic { identity: signer.public_key()[..16].into() };
    let mut leaf_node = LeafNode {
        encryption_key: key_pair.public.clone(),
        signature_key: signer.public_key().clone(),
        capabilities: Capabilities {
            versions: vec![ProtocolVersion::MLS_10],
            cipher_suites: CipherSuite::ALL.to_vec(),
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
    let to_be_signed = leaf_node.to_be_signed((&GroupId::default(), LeafIndex(0))).unwrap();
    leaf_node.signature = suite.sign_with_label(&*signer, "LeafNodeTBS", &to_be_signed).unwrap();
    (leaf_node, signer, key_pair)
}
