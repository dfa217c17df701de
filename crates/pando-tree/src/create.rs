//! Creation of a path by a committer (RFC 9420, sections 7.4 to 7.6).

use crate::TreeError;
use crate::path_secret::{LABEL, next_path_secret, node_key_pair};
use crate::private::PrivateKeys;
use crate::resolution::PathStep;
use crate::tree::Tree;
use pando_crypto::{CryptoRng, HpkeKeyPair, HpkeMessage, SecretBytes, Signer};
use pando_wire::{
    Capabilities, Credential, Encode, Extensions, GroupContext, GroupId, HpkePublicKey, LeafIndex, LeafNode,
    LeafNodeSource, Signature, UpdatePath, UpdatePathNode,
};

/// The fields of the committer's new leaf that the application chooses. The path determines all
/// other fields.
#[derive(Debug, Clone)]
pub struct LeafTemplate {
    /// The credential of the committer.
    pub credential: Credential,
    /// The capabilities of the committer.
    pub capabilities: Capabilities,
    /// The leaf extensions of the committer.
    pub extensions: Extensions,
}

/// New keys for the nodes from the committer's leaf to the root, with their secrets and the
/// resulting tree.
#[derive(Debug)]
pub struct NewPath {
    tree: Tree,
    sender: LeafIndex,
    leaf_node: LeafNode,
    steps: Vec<PathStep>,
    /// The path secret of each step.
    path_secrets: Vec<SecretBytes>,
    /// The public key of each step.
    public_keys: Vec<HpkePublicKey>,
    keys: PrivateKeys,
    commit_secret: SecretBytes,
}

impl Tree {
    /// Creates new keys for the leaf of `sender` and for the nodes of its filtered direct path. The
    /// proposals must already be applied to this tree.
    ///
    /// # Errors
    /// Returns [`TreeError::NotAMember`] if the sender is not in the tree, [`TreeError::Crypto`] if
    /// the signer fails, and [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be
    /// loaded.
    pub fn create_path(
        &self,
        sender: LeafIndex,
        template: LeafTemplate,
        group_id: &GroupId,
        signer: &dyn Signer,
        rng: &mut dyn CryptoRng,
    ) -> Result<NewPath, TreeError> {
        self.check_member(sender)?;
        let suite = self.suite;
        let leaf_key_pair = suite.hpke_generate_key_pair(rng)?;

        // Create path secrets and keys, from the leaf to the root.
        let steps = self.filtered_direct_path(sender)?;
        let mut path_secret = suite.zero_secret();
        rng.fill_bytes(path_secret.expose_mut());
        let mut path_secrets = Vec::with_capacity(steps.len());
        let mut key_pairs = Vec::with_capacity(steps.len());
        for _ in &steps {
            key_pairs.push(node_key_pair(suite, &path_secret)?);
            let next = next_path_secret(suite, &path_secret)?;
            path_secrets.push(std::mem::replace(&mut path_secret, next));
        }
        let public_keys: Vec<_> = key_pairs.iter().map(|pair: &HpkeKeyPair| pair.public.clone()).collect();

        // Compute the parent hashes, and the leaf that contains the last of them.
        let (contents, parent_hash) = self.path_contents(&steps, &public_keys.iter().collect::<Vec<_>>())?;
        let LeafTemplate { credential, capabilities, extensions } = template;
        let mut leaf_node = LeafNode {
            encryption_key: leaf_key_pair.public.clone(),
            signature_key: signer.public_key().clone(),
            credential,
            capabilities,
            leaf_node_source: LeafNodeSource::Commit { parent_hash: parent_hash.into() },
            extensions,
            signature: Signature::default(),
        };
        let to_be_signed = leaf_node.to_be_signed((group_id, sender))?;
        leaf_node.signature = suite.sign_with_label(signer, "LeafNodeTBS", &to_be_signed)?;

        let tree = self.with_path(sender, &leaf_node, contents)?;
        let mut keys = PrivateKeys::new(&tree, sender, leaf_key_pair)?;
        for (step, key_pair) in steps.iter().zip(key_pairs) {
            keys.insert(step.node, key_pair);
        }
        Ok(NewPath {
            tree,
            sender,
            leaf_node,
            steps,
            path_secrets,
            public_keys,
            keys,
            commit_secret: path_secret,
        })
    }
}

impl Tree {
    /// Creates the path of a client that joins by an external Commit, at the leftmost blank leaf
    /// (section 12.4.3.2). The proposals must already be applied to this tree.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::create_path`]. In addition, this function returns
    /// [`TreeError::TooLarge`] if the tree cannot be extended.
    pub fn create_external_path(
        &self,
        template: LeafTemplate,
        group_id: &GroupId,
        signer: &dyn Signer,
        rng: &mut dyn CryptoRng,
    ) -> Result<NewPath, TreeError> {
        // This key pair is a placeholder for the joiner's leaf. The private key of the placeholder
        // is discarded.
        let mut tree = self.clone();
        let leaf = tree.add(&LeafNode {
            encryption_key: self.suite.hpke_generate_key_pair(rng)?.public,
            signature_key: signer.public_key().clone(),
            credential: template.credential.clone(),
            capabilities: template.capabilities.clone(),
            leaf_node_source: LeafNodeSource::Update,
            extensions: template.extensions.clone(),
            signature: Signature::default(),
        })?;
        tree.create_path(leaf, template, group_id, signer, rng)
    }
}

impl NewPath {
    /// Returns the leaf of the path's sender.
    #[must_use]
    pub const fn sender(&self) -> LeafIndex {
        self.sender
    }

    /// Returns the tree with the new keys.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Returns the committer's new private keys.
    #[must_use]
    pub const fn keys(&self) -> &PrivateKeys {
        &self.keys
    }

    /// Returns the commit secret, an input of the key schedule (section 7.4).
    #[must_use]
    pub const fn commit_secret(&self) -> &SecretBytes {
        &self.commit_secret
    }

    /// Returns the nodes that get new keys, from the leaf to the root.
    #[must_use]
    pub fn steps(&self) -> &[PathStep] {
        &self.steps
    }

    /// Returns the path secret of the first node that gets a new key. The path secrets of the nodes
    /// above are derived from this secret.
    #[must_use]
    pub fn first_path_secret(&self) -> Option<&SecretBytes> {
        self.path_secrets.first()
    }

    /// Returns the committer's new leaf node.
    #[must_use]
    pub const fn leaf_node(&self) -> &LeafNode {
        &self.leaf_node
    }

    /// Returns the path secret that the Welcome of a new member contains. This path secret belongs
    /// to the lowest common ancestor of the new member and the committer (section 12.4.3.1).
    /// Returns `None` if the leaf is blank or is the committer's.
    ///
    /// # Errors
    /// Returns [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn path_secret_for(&self, new_member: LeafIndex) -> Result<Option<&SecretBytes>, TreeError> {
        if !self.tree.is_member(new_member)? {
            return Ok(None);
        }
        let ancestor = self.tree.size().common_ancestor(self.sender, new_member);
        let position = self.steps.iter().position(|step| Some(step.node) == ancestor);
        Ok(position.and_then(|position| self.path_secrets.get(position)))
    }

    /// Encrypts the path secrets to the members below the copath nodes (section 7.6).
    ///
    /// `context` is the provisional GroupContext with the tree hash of this path's tree. `added`
    /// lists the leaves that the same Commit adds, in increasing order. The members at these leaves
    /// get a path secret in their Welcome instead.
    ///
    /// The work is spread over all cores. The output depends on the random number generator but not
    /// on the number of cores.
    ///
    /// # Errors
    /// Returns [`TreeError::InvalidEncryptionKey`] with the node if HPKE cannot encrypt to its key,
    /// and [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn encrypt(
        &self,
        context: &GroupContext,
        added: &[LeafIndex],
        rng: &mut dyn CryptoRng,
    ) -> Result<UpdatePath, TreeError> {
        // The recipients of each path secret, in the order of the RFC.
        let mut recipients = Vec::new();
        let mut lengths = Vec::with_capacity(self.steps.len());
        for (step, path_secret) in self.steps.iter().zip(&self.path_secrets) {
            // The path does not change any node at or below a copath child.
            let resolution = self.tree.resolution_without(step.copath_child, added)?;
            lengths.push(resolution.len());
            for node in resolution {
                let key = self.tree.encryption_key(node)?.ok_or(TreeError::InvalidEncryptionKey(node))?;
                recipients.push((node, key, path_secret));
            }
        }
        let messages: Vec<_> = recipients
            .iter()
            .map(|(_, public, path_secret)| HpkeMessage { public, plaintext: path_secret.expose() })
            .collect();
        let sealed = self.tree.suite().encrypt_with_label_to_many(LABEL, &context.encode()?, &messages, rng);
        let ciphertexts = sealed.map_err(|(position, error)| {
            recipients.get(position).map_or(error.into(), |(node, ..)| TreeError::InvalidEncryptionKey(*node))
        })?;

        let mut ciphertexts = ciphertexts.into_iter();
        let nodes = self.public_keys.iter().zip(lengths).map(|(encryption_key, length)| UpdatePathNode {
            encryption_key: encryption_key.clone(),
            encrypted_path_secret: ciphertexts.by_ref().take(length).collect(),
        });
        Ok(UpdatePath { leaf_node: self.leaf_node.clone(), nodes: nodes.collect() })
    }
}
