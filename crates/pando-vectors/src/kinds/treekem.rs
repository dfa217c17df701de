//! Test vectors of the kind `treekem`: creating and applying update paths (RFC 9420, sections 7.4
//! to 7.6).

use crate::group_tree::{GroupTree, context, template};
use crate::hex_bytes::Hex;
use crate::private_keys::{hpke_key, signature_key};
use crate::random::bytes;
use crate::report::{MustSucceed, Outcome, must, must_equal, suite};
use crate::run::Generated;
use pando_crypto::{CryptoProvider, Suite};
use pando_tree::{MergedPath, PrivateKeys, Tree, TreeError};
use pando_wire::{Decode, Encode, GroupContext, GroupId, LeafIndex, NodeIndex, Opaque, UpdatePath};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    cipher_suite: u16,
    group_id: Hex,
    epoch: u64,
    confirmed_transcript_hash: Hex,
    ratchet_tree: Hex,
    leaves_private: Vec<LeafPrivate>,
    update_paths: Vec<Path>,
}

#[derive(Serialize, Deserialize)]
struct LeafPrivate {
    index: u32,
    encryption_priv: Hex,
    signature_priv: Hex,
    path_secrets: Vec<PathSecret>,
}

#[derive(Serialize, Deserialize)]
struct PathSecret {
    node: u32,
    path_secret: Hex,
}

#[derive(Serialize, Deserialize)]
struct Path {
    sender: u32,
    update_path: Hex,
    path_secrets: Vec<Option<Hex>>,
    commit_secret: Hex,
    tree_hash_after: Hex,
}

/// The private keys of the members whose keys the test case contains.
type Keys = BTreeMap<LeafIndex, PrivateKeys>;

impl Case {
    pub(crate) fn verify(&self, crypto: &dyn CryptoProvider) -> Outcome {
        let suite = suite(crypto, self.cipher_suite)?;
        let tree = Tree::import_unsigned(suite, &self.ratchet_tree).in_field("ratchet_tree")?;
        tree.check_parent_hashes().in_field("ratchet_tree")?;
        tree.check_signatures(&self.group_id()).in_field("ratchet_tree")?;
        let mut keys = Keys::new();
        for leaf in &self.leaves_private {
            let field = format!("leaves_private of leaf {}", leaf.index);
            keys.insert(LeafIndex(leaf.index), leaf.keys(suite, &tree).in_field(&field)?);
        }
        must("update_paths", !self.update_paths.is_empty(), "none")?;
        for path in &self.update_paths {
            self.verify_path(path, &tree, &keys)?;
            self.make_path(LeafIndex(path.sender), &tree, &keys)?;
        }
        Ok(())
    }

    fn verify_path(&self, path: &Path, tree: &Tree, keys: &Keys) -> Outcome {
        let sender = LeafIndex(path.sender);
        let field = format!("update_paths of leaf {}", sender.0);
        let update_path = UpdatePath::decode(&path.update_path).in_field(&field)?;
        must_equal(&field, &update_path.encode().in_field(&field)?, &path.update_path)?;
        let leaf_node = &update_path.leaf_node;
        let to_be_signed = leaf_node.to_be_signed((&self.group_id(), sender)).in_field(&field)?;
        tree.suite()
            .verify_with_label(&leaf_node.signature_key, "LeafNodeTBS", &to_be_signed, &leaf_node.signature)
            .in_field(&field)?;

        let merged = tree.merge_path(sender, &update_path, &[]).in_field(&field)?;
        let hash = merged.tree().tree_hash().in_field(&field)?;
        must_equal(format!("{field}, tree_hash_after"), &hash, &path.tree_hash_after)?;
        let leaves = path.path_secrets.len() == usize::try_from(tree.size().leaf_count()).in_field(&field)?;
        must(format!("{field}, path_secrets"), leaves, "the number of entries is not the number of leaves")?;
        for (leaf, expected) in (0..).map(LeafIndex).zip(&path.path_secrets) {
            let Some(keys) = keys.get(&leaf).filter(|_| leaf != sender) else { continue };
            let field = format!("{field}, decrypted by leaf {}", leaf.0);
            let decrypted = self.decrypt(keys, tree, &merged).in_field(&field)?;
            let expected = expected.as_ref().ok_or("no path secret for this leaf").in_field(&field)?;
            must_equal(&field, decrypted.path_secret.expose(), expected)?;
            must_equal(&field, decrypted.commit_secret.expose(), &path.commit_secret)?;
        }
        Ok(())
    }

    /// Creates a new update path and checks that all other members derive the same commit secret
    /// from it.
    fn make_path(&self, sender: LeafIndex, tree: &Tree, keys: &Keys) -> Outcome {
        let field = format!("a new path of leaf {}", sender.0);
        let leaf = self.leaves_private.iter().find(|leaf| leaf.index == sender.0);
        let leaf = leaf.ok_or("no private keys for the sender").in_field(&field)?;
        let signer =
            tree.suite().signer(&signature_key(tree.suite(), &leaf.signature_priv)).in_field(&field)?;
        let mut rng = ChaCha20Rng::seed_from_u64(0);
        let new = tree
            .create_path(
                sender,
                template(tree, sender).in_field(&field)?,
                &self.group_id(),
                &*signer,
                &mut rng,
            )
            .in_field(&field)?;
        let context = self.context(new.tree()).in_field(&field)?;
        let update_path = new.encrypt(&context, &[], &mut rng).in_field(&field)?;
        let merged = tree.merge_path(sender, &update_path, &[]).in_field(&field)?;
        let (own, merged_hash) = (new.tree().tree_hash(), merged.tree().tree_hash());
        must_equal(&field, &own.in_field(&field)?, &merged_hash.in_field(&field)?)?;
        for (leaf, keys) in keys.iter().filter(|(leaf, _)| **leaf != sender) {
            let field = format!("{field}, decrypted by leaf {}", leaf.0);
            let decrypted = self.decrypt(keys, tree, &merged).in_field(&field)?;
            must_equal(&field, decrypted.commit_secret.expose(), new.commit_secret().expose())?;
        }
        Ok(())
    }

    fn decrypt(
        &self,
        keys: &PrivateKeys,
        tree: &Tree,
        merged: &MergedPath<'_>,
    ) -> Result<pando_tree::DecryptedPath, TreeError> {
        keys.decrypt_path(tree, merged, &self.context(merged.tree())?, &[])
    }

    fn group_id(&self) -> GroupId {
        (&*self.group_id).into()
    }

    fn context(&self, tree: &Tree) -> Result<GroupContext, TreeError> {
        let transcript = Opaque::from(&*self.confirmed_transcript_hash);
        Ok(context(tree.suite(), &self.group_id(), self.epoch, tree.tree_hash()?, transcript))
    }
}

impl LeafPrivate {
    /// Returns the member's private keys. Fails if one of them does not match the tree.
    fn keys(&self, suite: Suite, tree: &Tree) -> Result<PrivateKeys, Box<dyn std::error::Error>> {
        let key_pair = suite.hpke_key_pair(hpke_key(suite, &self.encryption_priv))?;
        let leaf = LeafIndex(self.index);
        let leaf_node = tree.leaf(leaf)?.ok_or("the leaf is blank")?;
        if leaf_node.encryption_key != key_pair.public {
            return Err("encryption_priv does not match the tree".into());
        }
        let signer = suite.signer(&signature_key(suite, &self.signature_priv))?;
        if leaf_node.signature_key != *signer.public_key() {
            return Err("signature_priv does not match the tree".into());
        }
        let mut keys = PrivateKeys::new(tree, leaf, key_pair)?;
        for PathSecret { node, path_secret } in &self.path_secrets {
            let node_secret = suite.derive_secret(path_secret, "node")?;
            let key_pair = suite.hpke_derive_key_pair(node_secret.expose())?;
            let node = NodeIndex(*node);
            if tree.parent(node)?.is_none_or(|parent| parent.encryption_key != key_pair.public) {
                return Err(format!("the path secret of {node} does not match the tree").into());
            }
            keys.insert(node, key_pair);
        }
        Ok(keys)
    }
}

pub(crate) fn generate(suite: Suite, rng: &mut ChaCha20Rng) -> Generated<Case> {
    let mut group_trees = vec![GroupTree::grown(suite, 2, rng)?, GroupTree::grown(suite, 5, rng)?];
    let mut blanks = GroupTree::grown(suite, 8, rng)?;
    blanks.commit(LeafIndex(0), &[2, 3, 5].map(LeafIndex), 1, rng)?;
    blanks.add(rng)?;
    group_trees.push(blanks);
    group_trees.into_iter().map(|group_tree| case(&group_tree, rng)).collect()
}

fn case(group_tree: &GroupTree, rng: &mut ChaCha20Rng) -> Result<Case, Box<dyn std::error::Error>> {
    let leaves_private = group_tree
        .members
        .iter()
        .map(|(leaf, member)| {
            let node = group_tree.tree.size().node(*leaf).ok_or("no such leaf")?;
            let key_pair = member.keys.get(node).ok_or("no key for the leaf")?;
            let path_secrets = member
                .path_secrets
                .iter()
                .map(|(node, secret)| PathSecret { node: node.0, path_secret: secret.expose().into() });
            Ok(LeafPrivate {
                index: leaf.0,
                encryption_priv: key_pair.private.expose().into(),
                signature_priv: member.signature_private.expose().into(),
                path_secrets: path_secrets.collect(),
            })
        })
        .collect::<Generated<LeafPrivate>>()?;
    let mut case = Case {
        cipher_suite: group_tree.suite.cipher_suite().0,
        group_id: Hex(group_tree.group_id.to_vec()),
        epoch: group_tree.epoch,
        confirmed_transcript_hash: Hex(bytes(rng, group_tree.suite.hash_len())),
        ratchet_tree: Hex(group_tree.tree.export()?),
        leaves_private,
        update_paths: Vec::new(),
    };
    for (&sender, member) in &group_tree.members {
        let tree = &group_tree.tree;
        let template = template(tree, sender)?;
        let new = tree.create_path(sender, template, &group_tree.group_id, &*member.signer, rng)?;
        let context = case.context(new.tree())?;
        let update_path = new.encrypt(&context, &[], rng)?;
        let merged = tree.merge_path(sender, &update_path, &[])?;
        let path_secrets = (0..tree.size().leaf_count()).map(LeafIndex).map(|leaf| {
            let Some(member) = group_tree.members.get(&leaf).filter(|_| leaf != sender) else {
                return Ok(None);
            };
            let decrypted = member.keys.decrypt_path(tree, &merged, &context, &[])?;
            Ok(Some(Hex::from(decrypted.path_secret.expose())))
        });
        case.update_paths.push(Path {
            sender: sender.0,
            update_path: Hex(update_path.encode()?),
            path_secrets: path_secrets.collect::<Result<_, TreeError>>()?,
            commit_secret: new.commit_secret().expose().into(),
            tree_hash_after: Hex(new.tree().tree_hash()?.into_vec()),
        });
    }
    Ok(case)
}
