//! The ratchet tree of a small group, with the private keys of its members. The generators use it
//! to create trees and paths of many shapes.

use pando_crypto::{SecretBytes, SignaturePrivateKey, Signer, Suite};
use pando_tree::{LeafTemplate, PrivateKeys, Tree, TreeError};
use pando_wire::{
    Capabilities, CipherSuite, Credential, Extensions, GroupContext, GroupId, KeyPackage, LeafIndex,
    LeafNode, LeafNodeSource, Lifetime, NodeIndex, Opaque, ProtocolVersion, Signature,
};
use rand_chacha::ChaCha20Rng;
use std::collections::BTreeMap;
use std::error::Error;

pub(crate) struct GroupTree {
    pub(crate) suite: Suite,
    pub(crate) group_id: GroupId,
    pub(crate) epoch: u64,
    pub(crate) tree: Tree,
    pub(crate) members: BTreeMap<LeafIndex, Member>,
}

pub(crate) struct Member {
    pub(crate) signature_private: SignaturePrivateKey,
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) keys: PrivateKeys,
    /// The path secrets that the member knows for the current node keys, indexed by node.
    pub(crate) path_secrets: BTreeMap<NodeIndex, SecretBytes>,
}

/// The leaf node of a client that is not in a group yet, with its private keys.
pub(crate) struct Newcomer {
    pub(crate) leaf_node: LeafNode,
    pub(crate) key_pair: pando_crypto::HpkeKeyPair,
    pub(crate) signature_private: SignaturePrivateKey,
    pub(crate) signer: Box<dyn Signer>,
}

impl Newcomer {
    pub(crate) fn new(suite: Suite, name: u32, rng: &mut ChaCha20Rng) -> Result<Self, Box<dyn Error>> {
        let signature_private = suite.signature_generate_key(rng)?;
        let signer = suite.signer(&signature_private)?;
        let key_pair = suite.hpke_generate_key_pair(rng)?;
        let credential = Credential::Basic { identity: name.to_be_bytes().to_vec().into() };
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
        // The leaf of a KeyPackage does not belong to a group yet, so the leaf index is not signed.
        let to_be_signed = leaf_node.to_be_signed((&GroupId::default(), LeafIndex(0)))?;
        leaf_node.signature = suite.sign_with_label(&*signer, "LeafNodeTBS", &to_be_signed)?;
        Ok(Self { leaf_node, key_pair, signature_private, signer })
    }

    /// Creates a KeyPackage with this leaf node.
    pub(crate) fn key_package(
        &self,
        suite: Suite,
        rng: &mut ChaCha20Rng,
    ) -> Result<KeyPackage, Box<dyn Error>> {
        let mut key_package = KeyPackage {
            version: ProtocolVersion::MLS_10,
            cipher_suite: suite.cipher_suite(),
            init_key: suite.hpke_generate_key_pair(rng)?.public,
            leaf_node: self.leaf_node.clone(),
            extensions: Extensions::default(),
            signature: Signature::default(),
        };
        let to_be_signed = key_package.to_be_signed()?;
        key_package.signature = suite.sign_with_label(&*self.signer, "KeyPackageTBS", &to_be_signed)?;
        Ok(key_package)
    }
}

impl GroupTree {
    pub(crate) fn new(suite: Suite, rng: &mut ChaCha20Rng) -> Result<Self, Box<dyn Error>> {
        let newcomer = Newcomer::new(suite, 0, rng)?;
        let tree = Tree::new(suite, &newcomer.leaf_node)?;
        let mut group_tree = Self {
            suite,
            group_id: crate::random::bytes(rng, 32).into(),
            epoch: 0,
            tree,
            members: BTreeMap::new(),
        };
        group_tree.enter(LeafIndex(0), newcomer)?;
        Ok(group_tree)
    }

    /// Builds the tree that the format description calls `get_tree(members)`: for each i, the
    /// member at leaf i sends a Commit that adds the member at leaf i + 1.
    pub(crate) fn grown(suite: Suite, members: u32, rng: &mut ChaCha20Rng) -> Result<Self, Box<dyn Error>> {
        let mut group_tree = Self::new(suite, rng)?;
        for committer in 0..members.saturating_sub(1) {
            group_tree.commit(LeafIndex(committer), &[], 1, rng)?;
        }
        Ok(group_tree)
    }

    /// Adds a member to the tree without an update path.
    pub(crate) fn add(&mut self, rng: &mut ChaCha20Rng) -> Result<LeafIndex, Box<dyn Error>> {
        let newcomer = Newcomer::new(self.suite, self.tree.member_count(), rng)?;
        let leaf = self.tree.add(&newcomer.leaf_node)?;
        self.enter(leaf, newcomer)?;
        Ok(leaf)
    }

    /// Applies a Commit with an update path that removes some members and adds others.
    pub(crate) fn commit(
        &mut self,
        committer: LeafIndex,
        removed: &[LeafIndex],
        additions: u32,
        rng: &mut ChaCha20Rng,
    ) -> Result<(), Box<dyn Error>> {
        for leaf in removed {
            self.tree.remove(*leaf)?;
            self.members.remove(leaf);
        }
        let mut added = Vec::new();
        for _ in 0..additions {
            added.push(self.add(rng)?);
        }
        self.tree.truncate()?;
        added.sort_unstable();
        self.epoch = self.epoch.saturating_add(1);

        let path = {
            let member = self.members.get(&committer).ok_or("no such committer")?;
            let template = template(&self.tree, committer)?;
            self.tree.create_path(committer, template, &self.group_id, &*member.signer, rng)?
        };
        let context = self.context(path.tree().tree_hash()?);
        let update_path = path.encrypt(&context, &added, rng)?;
        let merged = self.tree.merge_path(committer, &update_path, &added)?;
        let suite = self.suite;
        for (&leaf, member) in &mut self.members {
            let start = if leaf == committer {
                member.keys = path.keys().clone();
                let secret = path.first_path_secret().map(|secret| SecretBytes::from(secret.expose()));
                path.steps().first().map(|step| step.node).zip(secret)
            } else {
                let ancestor = self.tree.size().common_ancestor(leaf, committer);
                if added.contains(&leaf) {
                    let secret = path.path_secret_for(leaf)?.ok_or("no path secret for a new member")?;
                    member.keys.join_path(merged.tree(), committer, secret.expose().into())?;
                    ancestor.map(|node| (node, SecretBytes::from(secret.expose())))
                } else {
                    let decrypted = member.keys.decrypt_path(&self.tree, &merged, &context, &added)?;
                    member.keys = decrypted.keys;
                    ancestor.map(|node| (node, decrypted.path_secret))
                }
            };
            member.path_secrets.retain(|node, _| member.keys.get(*node).is_some());
            let Some((first, mut secret)) = start else { continue };
            for step in path.steps().iter().skip_while(|step| step.node != first) {
                let next = suite.derive_secret(secret.expose(), "path")?;
                member.path_secrets.insert(step.node, std::mem::replace(&mut secret, next));
            }
        }
        self.tree = merged.into_tree();
        Ok(())
    }

    /// Returns the GroupContext of the current epoch with the given tree hash.
    pub(crate) fn context(&self, tree_hash: Opaque) -> GroupContext {
        context(self.suite, &self.group_id, self.epoch, tree_hash, Opaque::default())
    }

    fn enter(&mut self, leaf: LeafIndex, newcomer: Newcomer) -> Result<(), TreeError> {
        let keys = PrivateKeys::new(&self.tree, leaf, newcomer.key_pair)?;
        let Newcomer { signature_private, signer, .. } = newcomer;
        let member = Member { signature_private, signer, keys, path_secrets: BTreeMap::new() };
        self.members.insert(leaf, member);
        Ok(())
    }
}

/// Returns a GroupContext without extensions, as the `treekem` test cases require.
pub(crate) fn context(
    suite: Suite,
    group_id: &GroupId,
    epoch: u64,
    tree_hash: Opaque,
    confirmed_transcript_hash: Opaque,
) -> GroupContext {
    GroupContext {
        version: ProtocolVersion::MLS_10,
        cipher_suite: suite.cipher_suite(),
        group_id: group_id.clone(),
        epoch,
        tree_hash,
        confirmed_transcript_hash,
        extensions: Extensions::default(),
    }
}

/// Returns the credential, capabilities and extensions of the leaf at a given index.
pub(crate) fn template(tree: &Tree, leaf: LeafIndex) -> Result<LeafTemplate, TreeError> {
    let LeafNode { credential, capabilities, extensions, .. } =
        tree.leaf(leaf)?.ok_or(TreeError::NotAMember(leaf))?;
    Ok(LeafTemplate { credential, capabilities, extensions })
}
