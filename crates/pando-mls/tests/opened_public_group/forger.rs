//! A forger of messages. The forger has the signature keys of all members, but no secrets of the
//! group.

use crate::group_fixture;
use pando_framing::SignedContent;
use pando_mls::wire::{
    Commit, Content, ExternalInit, FramedContent, HpkeCiphertext, HpkePublicKey, LeafNode, LeafNodeSource,
    Mac, Opaque, ProposalOrRef, PublicMessage, RatchetTree, Sender, Signature, SignaturePublicKey,
    UpdatePath, UpdatePathNode, WireFormat,
};
use pando_mls::{
    Credential, Extension, Extensions, GroupContext, GroupId, GroupInfo, IdentityError, IdentityPolicy,
    KeyPackage, KeyPackageBundle, KeyPackageTemplate, LeafIndex, LeafTemplate, MlsMessage, MlsMessageBody,
    Proposal, ProtocolVersion, PublicGroup, Signer, Suite, Tree,
};
use pando_tree::NewPath;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A policy that identifies clients by their names and permits changes of names.
pub(crate) struct ByName;

impl IdentityPolicy for ByName {
    fn validate(&self, _: &Credential, _: &SignaturePublicKey, _: Option<u64>) -> Result<(), IdentityError> {
        Ok(())
    }

    fn client_id(&self, credential: &Credential) -> Option<Vec<u8>> {
        match credential {
            Credential::Basic { identity } => Some(identity.to_vec()),
            _ => None,
        }
    }

    fn may_succeed(&self, _: &Credential, _: &Credential) -> bool {
        true
    }
}

pub(crate) fn named(name: u32) -> Credential {
    Credential::Basic { identity: name.to_be_bytes().as_slice().into() }
}

/// The contents of a Commit that the forger creates.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) by_value: Vec<Proposal>,
    /// Whether the Commit refers to all pending proposals.
    pub(crate) refers: bool,
    pub(crate) has_path: bool,
    /// The new name of the committer, if it changes.
    pub(crate) name: Option<u32>,
    /// Whether the committer gets a new signature key.
    pub(crate) has_new_signer: bool,
    /// A key that replaces the last key of the path.
    pub(crate) path_key: Option<HpkePublicKey>,
}

pub(crate) struct Forger {
    pub(crate) suite: Suite,
    pub(crate) rng: ChaCha20Rng,
    signers: BTreeMap<SignaturePublicKey, Arc<dyn Signer>>,
}

impl Forger {
    pub(crate) fn new(suite: Suite, seed: u64) -> Self {
        Self { suite, rng: ChaCha20Rng::seed_from_u64(seed), signers: BTreeMap::new() }
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.rng.next_u32() as usize % limit
    }

    pub(crate) fn new_signer(&mut self) -> Arc<dyn Signer> {
        let key = self.suite.signature_generate_key(&mut self.rng).unwrap();
        let signer: Arc<dyn Signer> = self.suite.signer(&key).unwrap().into();
        self.signers.insert(signer.public_key().clone(), signer.clone());
        signer
    }

    /// Deletes a signer that is no longer needed.
    pub(crate) fn forget(&mut self, key: &SignaturePublicKey) {
        self.signers.remove(key).unwrap();
    }

    fn signer(&self, key: &SignaturePublicKey) -> Arc<dyn Signer> {
        self.signers[key].clone()
    }

    /// Returns a KeyPackage. The KeyPackage may contain an encryption key that another leaf or node
    /// already has.
    pub(crate) fn key_package(&mut self, name: u32, encryption_key: Option<HpkePublicKey>) -> KeyPackage {
        let signer = self.new_signer();
        let template = KeyPackageTemplate { credential: named(name), ..group_fixture::template() };
        let bundle = KeyPackageBundle::new(self.suite, template, &*signer, &mut self.rng).unwrap();
        let mut key_package = bundle.key_package;
        if let Some(encryption_key) = encryption_key {
            key_package.leaf_node.encryption_key = encryption_key;
            self.sign_leaf(&mut key_package.leaf_node, (&GroupId::default(), LeafIndex(0)), &*signer);
            let to_be_signed = key_package.to_be_signed().unwrap();
            key_package.signature =
                self.suite.sign_with_label(&*signer, "KeyPackageTBS", &to_be_signed).unwrap();
        }
        key_package
    }

    fn sign_leaf(&self, leaf_node: &mut LeafNode, position: (&GroupId, LeafIndex), signer: &dyn Signer) {
        let to_be_signed = leaf_node.to_be_signed(position).unwrap();
        leaf_node.signature = self.suite.sign_with_label(signer, "LeafNodeTBS", &to_be_signed).unwrap();
    }

    /// Returns a GroupInfo of a group whose members have these names. The GroupInfo contains the
    /// tree.
    pub(crate) fn group(&mut self, names: impl IntoIterator<Item = u32>) -> GroupInfo {
        let key_packages: Vec<_> = names.into_iter().map(|name| self.key_package(name, None)).collect();
        let mut leaves = key_packages.iter().map(|key_package| &key_package.leaf_node);
        let mut tree = Tree::new(self.suite, leaves.next().unwrap()).unwrap();
        tree.add_all(leaves).unwrap();
        let context = GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: self.suite.cipher_suite(),
            group_id: b"forged".as_slice().into(),
            epoch: 1,
            tree_hash: tree.tree_hash().unwrap(),
            confirmed_transcript_hash: self.random(),
            extensions: Extensions::default(),
        };
        let tag = Mac(self.random());
        let extension_type = <RatchetTree as pando_mls::wire::ExtensionBody>::TYPE;
        let tree_extension = Extension { extension_type, extension_data: tree.export().unwrap().into() };
        self.group_info(&context, tag, &tree, LeafIndex(0), Extensions(vec![tree_extension]))
    }

    fn random(&mut self) -> Opaque {
        let mut bytes = vec![0; self.suite.hash_len()];
        self.rng.fill_bytes(&mut bytes);
        bytes.into()
    }

    pub(crate) fn group_info(
        &self,
        context: &GroupContext,
        confirmation_tag: Mac,
        tree: &Tree,
        signer: LeafIndex,
        extensions: Extensions,
    ) -> GroupInfo {
        let mut group_info = GroupInfo {
            group_context: context.clone(),
            extensions,
            confirmation_tag,
            signer,
            signature: Signature::default(),
        };
        let to_be_signed = group_info.to_be_signed().unwrap();
        let signer = self.signer(&tree.signature_key(signer).unwrap().unwrap());
        group_info.signature = self.suite.sign_with_label(&*signer, "GroupInfoTBS", &to_be_signed).unwrap();
        group_info
    }

    /// Signs a message for the current epoch of a group. The message's confirmation and membership
    /// tags are random.
    fn send(
        &mut self,
        group: &PublicGroup,
        sender: Sender,
        content: Content,
        signer: &dyn Signer,
    ) -> MlsMessage {
        let context = group.public().context();
        let is_commit = matches!(content, Content::Commit(_));
        let framed = FramedContent {
            group_id: context.group_id.clone(),
            epoch: context.epoch,
            sender,
            authenticated_data: Opaque::default(),
            content,
        };
        let format = WireFormat::MLS_PUBLIC_MESSAGE;
        let mut signed = SignedContent::sign(self.suite, signer, format, framed, context).unwrap();
        if is_commit {
            let tag = Mac(self.random());
            signed.set_confirmation_tag(tag).unwrap();
        }
        let content = signed.authenticated().unwrap();
        let membership_tag = matches!(sender, Sender::Member(_)).then(|| Mac(self.random()));
        let message =
            PublicMessage { content: content.content.clone(), auth: content.auth.clone(), membership_tag };
        MlsMessage { body: MlsMessageBody::PublicMessage(Box::new(message)) }
    }

    fn signer_at(&self, group: &PublicGroup, leaf: LeafIndex) -> Arc<dyn Signer> {
        self.signer(&group.public().tree().signature_key(leaf).unwrap().unwrap())
    }

    pub(crate) fn propose(&mut self, group: &PublicGroup, by: LeafIndex, proposal: Proposal) -> MlsMessage {
        let signer = self.signer_at(group, by);
        self.send(group, Sender::Member(by), Content::Proposal(proposal), &*signer)
    }

    /// Returns an Update, by which the member may change its name.
    pub(crate) fn update(&mut self, group: &PublicGroup, by: LeafIndex, name: Option<u32>) -> Proposal {
        let mut leaf_node = group.public().tree().leaf(by).unwrap().unwrap();
        leaf_node.encryption_key = self.suite.hpke_generate_key_pair(&mut self.rng).unwrap().public;
        leaf_node.leaf_node_source = LeafNodeSource::Update;
        leaf_node.credential = name.map_or(leaf_node.credential, named);
        let signer = self.signer_at(group, by);
        self.sign_leaf(&mut leaf_node, (&group.public().context().group_id, by), &*signer);
        Proposal::Update(Box::new(pando_mls::wire::Update { leaf_node }))
    }

    /// Returns a Commit, or `None` if the proposals cannot be applied to the tree.
    pub(crate) fn commit(&mut self, group: &PublicGroup, by: LeafIndex, plan: Plan) -> Option<MlsMessage> {
        let signer = self.signer_at(group, by);
        let mut list: Vec<_> = plan.by_value.iter().cloned().map(ProposalOrRef::Proposal).collect();
        let mut proposals: Vec<_> = plan.by_value.into_iter().map(|proposal| (by, proposal)).collect();
        for pending in group.pending_proposals().filter(|_| plan.refers) {
            let Sender::Member(sender) = pending.sender else { continue };
            list.push(ProposalOrRef::Reference(pending.reference.clone()));
            proposals.push((sender, pending.proposal.clone()));
        }
        let (tree, added) = applied(group.public().tree(), &proposals)?;
        let path = if plan.has_path {
            let old = tree.leaf(by).unwrap()?;
            let template = LeafTemplate { credential: plan.name.map_or(old.credential, named), ..template() };
            let new_signer = if plan.has_new_signer { self.new_signer() } else { signer.clone() };
            let group_id = &group.public().context().group_id;
            let path = tree.create_path(by, template, group_id, &*new_signer, &mut self.rng).ok()?;
            Some(update_path(&path, &added, plan.path_key))
        } else {
            None
        };
        let commit = Content::Commit(Box::new(Commit { proposals: list, path }));
        Some(self.send(group, Sender::Member(by), commit, &*signer))
    }

    /// Returns an external Commit of a client. The Commit may remove a leaf.
    pub(crate) fn external(
        &mut self,
        group: &PublicGroup,
        name: u32,
        removed: Option<LeafIndex>,
    ) -> Option<MlsMessage> {
        let signer = self.new_signer();
        let init = ExternalInit { kem_output: vec![1; 32].into() };
        let mut proposals = vec![Proposal::ExternalInit(init)];
        proposals.extend(removed.map(|leaf| crate::make::remove(leaf.0)));
        let list: Vec<_> = proposals.into_iter().map(|proposal| (LeafIndex(0), proposal)).collect();
        let (tree, _) = applied(group.public().tree(), &list)?;
        let template = LeafTemplate { credential: named(name), ..template() };
        let group_id = &group.public().context().group_id;
        let path = tree.create_external_path(template, group_id, &*signer, &mut self.rng).ok()?;
        let proposals = list.into_iter().map(|(_, proposal)| ProposalOrRef::Proposal(proposal)).collect();
        let path = Some(update_path(&path, &[], None));
        let commit = Content::Commit(Box::new(Commit { proposals, path }));
        Some(self.send(group, Sender::NewMemberCommit, commit, &*signer))
    }
}

fn template() -> LeafTemplate {
    group_fixture::leaf_template()
}

/// Returns the tree after some proposals, and the leaves that they add. Returns `None` if the
/// proposals do not match the tree.
fn applied(tree: &Tree, proposals: &[(LeafIndex, Proposal)]) -> Option<(Tree, Vec<LeafIndex>)> {
    let mut tree = tree.clone();
    for (sender, proposal) in proposals {
        if let Proposal::Update(update) = proposal {
            tree.update(*sender, &update.leaf_node).ok()?;
        }
    }
    for (_, proposal) in proposals {
        if let Proposal::Remove(remove) = proposal {
            tree.remove(remove.removed).ok()?;
        }
    }
    let added = tree.add_all(proposals.iter().filter_map(|(_, proposal)| match proposal {
        Proposal::Add(add) => Some(&add.key_package.leaf_node),
        _ => None,
    }));
    let added = added.ok()?;
    tree.truncate().ok()?;
    Some((tree, added))
}

/// Returns a path in the form in which it is sent. Nothing is encrypted: all ciphertexts are empty.
fn update_path(path: &NewPath, added: &[LeafIndex], last_key: Option<HpkePublicKey>) -> UpdatePath {
    let tree = path.tree();
    let nodes = path.steps().iter().map(|step| {
        let resolution = tree.resolution(step.copath_child).unwrap().into_iter();
        let recipients = resolution.filter(|node| node.leaf().is_none_or(|leaf| !added.contains(&leaf)));
        let nothing = HpkeCiphertext { kem_output: vec![].into(), ciphertext: Opaque::default() };
        UpdatePathNode {
            encryption_key: tree.encryption_key(step.node).unwrap().unwrap(),
            encrypted_path_secret: vec![nothing; recipients.count()],
        }
    });
    let mut nodes: Vec<_> = nodes.collect();
    if let (Some(node), Some(key)) = (nodes.last_mut(), last_key) {
        node.encryption_key = key;
    }
    UpdatePath { leaf_node: path.leaf_node().clone(), nodes }
}

/// Encodes and decodes a message, as if it were sent and received.
pub(crate) fn sent(message: &MlsMessage) -> MlsMessage {
    group_fixture::over_the_wire(message)
}

/// Returns the confirmation tag of a Commit.
pub(crate) fn tag(message: &MlsMessage) -> Mac {
    let MlsMessageBody::PublicMessage(message) = &message.body else { panic!("not public") };
    message.auth.confirmation_tag.clone().unwrap()
}
