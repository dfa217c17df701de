//! Commits (RFC 9420, sections 7.5, 12.3 and 12.4) of arbitrary proposals, with or without a path.
//! The path, transcript hash, key schedule and confirmation tag are correct unless the caller asks
//! for an error.

use super::test_client::{TestClient, sign_leaf};
use super::{Forger, Forging, Sent, SentProposal, epoch_secrets, frame::Framed, lax_tree, psk_secret};
use pando_crypto::{SecretBytes, Signer};
use pando_schedule::{CommitSecret, ConfirmedTranscriptHash, InitSecret};
use pando_tree::{LeafTemplate, NewPath, Tree};
use pando_wire::{
    Commit, Content, Encode, Extensions, GroupContext, LeafIndex, LeafNode, Mac, MlsMessage, Node, Opaque,
    PreSharedKeyId, Proposal, ProposalOrRef, PublicMessage, Sender, UpdatePath, WireFormat,
};
use rand_core::Rng;
use std::rc::Rc;

/// A proposal in a Commit, by value or by reference.
pub(crate) enum Item {
    Value(Proposal),
    Reference(SentProposal),
}

impl From<Proposal> for Item {
    fn from(proposal: Proposal) -> Self {
        Self::Value(proposal)
    }
}

impl From<SentProposal> for Item {
    fn from(sent_proposal: SentProposal) -> Self {
        Self::Reference(sent_proposal)
    }
}

/// A Commit under construction.
#[must_use]
pub(crate) struct Draft<'a> {
    items: Vec<Item>,
    sender: Sender,
    /// The new member if this is an external Commit.
    joiner: Option<&'a TestClient>,
    with_path: bool,
    leaf: Box<dyn FnOnce(&mut LeafNode) + 'a>,
    leaf_position: Option<LeafIndex>,
    path: Box<dyn FnOnce(&mut UpdatePath) + 'a>,
    misled: Option<LeafIndex>,
    tag: Box<dyn FnOnce(Mac) -> Mac + 'a>,
    seal: Box<dyn FnOnce(&mut PublicMessage) + 'a>,
}

impl<'a> Draft<'a> {
    /// Creates a draft of a Commit from the member at leaf 0, with a path.
    pub(crate) fn new(items: impl IntoIterator<Item = impl Into<Item>>) -> Self {
        Self {
            items: items.into_iter().map(Into::into).collect(),
            sender: Sender::Member(LeafIndex(0)),
            joiner: None,
            with_path: true,
            leaf: Box::new(|_| {}),
            leaf_position: None,
            path: Box::new(|_| {}),
            misled: None,
            tag: Box::new(|tag| tag),
            seal: Box::new(|_| {}),
        }
    }

    /// Creates a draft of a Commit from the member at leaf 0, with a path but without proposals.
    pub(crate) fn empty() -> Self {
        Self::new(None::<Item>)
    }

    /// Creates a draft of an external Commit.
    pub(crate) fn external(joiner: &'a TestClient, items: impl IntoIterator<Item = impl Into<Item>>) -> Self {
        Self { sender: Sender::NewMemberCommit, joiner: Some(joiner), ..Self::new(items) }
    }

    pub(crate) fn by(self, leaf: LeafIndex) -> Self {
        Self { sender: Sender::Member(leaf), ..self }
    }

    pub(crate) fn with_path(self, with_path: bool) -> Self {
        Self { with_path, ..self }
    }

    /// Applies `change` to the leaf node of the path before it is signed.
    pub(crate) fn leaf(self, change: impl FnOnce(&mut LeafNode) + 'a) -> Self {
        Self { leaf: Box::new(change), ..self }
    }

    /// Signs the leaf node of the path for a leaf index other than the committer's.
    pub(crate) fn leaf_signed_for(self, position: LeafIndex) -> Self {
        Self { leaf_position: Some(position), ..self }
    }

    /// Applies `change` to the path before the Commit is signed. The secrets are still derived from
    /// the original path.
    pub(crate) fn path(self, change: impl FnOnce(&mut UpdatePath) + 'a) -> Self {
        Self { path: Box::new(change), ..self }
    }

    /// Encrypts a wrong path secret to the member at the given leaf. The key schedule continues
    /// from the wrong secret.
    pub(crate) fn misleading(self, leaf: LeafIndex) -> Self {
        Self { misled: Some(leaf), ..self }
    }

    pub(crate) fn tag(self, change: impl FnOnce(Mac) -> Mac + 'a) -> Self {
        Self { tag: Box::new(change), ..self }
    }

    /// Applies `change` to the finished message.
    pub(crate) fn sealed(self, change: impl FnOnce(&mut PublicMessage) + 'a) -> Self {
        Self { seal: Box::new(change), ..self }
    }

    /// Creates the Commit and the message that contains it.
    pub(crate) fn send(self, forger: &mut Forger) -> Forging<Sent> {
        let suite = forger.suite;
        let applied = forger.apply(&self.items, self.sender)?;
        let mut context = forger.context.clone();
        context.epoch = context.epoch.wrapping_add(1);
        context.extensions.clone_from(&applied.extensions);
        let proposals = self.items.iter().map(|item| match item {
            Item::Value(proposal) => ProposalOrRef::Proposal(proposal.clone()),
            Item::Reference(sent_proposal) => ProposalOrRef::Reference(sent_proposal.reference.clone()),
        });
        let mut commit = Commit { proposals: proposals.collect(), path: None };
        let mut commit_secret = CommitSecret::zero(suite);
        let member = match self.sender {
            Sender::Member(leaf) => Some(forger.member(leaf)?),
            _ => None,
        };
        let signer: &dyn Signer = match (&member, self.joiner) {
            (Some(client), _) => &*client.signer,
            (None, Some(client)) => &*client.signer,
            (None, None) => return Err("no committer".into()),
        };
        if self.with_path {
            let path = forger.new_path(&applied.tree, self.sender, self.joiner, signer)?;
            let mut leaf_node = path.leaf_node().clone();
            (self.leaf)(&mut leaf_node);
            let position = self.leaf_position.unwrap_or(path.sender());
            sign_leaf(suite, &mut leaf_node, (&context.group_id, position), signer)?;
            context.tree_hash = hash_with_leaf(forger, &path, &leaf_node)?;
            let mut update_path = path.encrypt(&context, &applied.added, &mut forger.rng)?;
            update_path.leaf_node = leaf_node;
            commit_secret = match self.misled {
                None => CommitSecret::from(path.commit_secret().expose()),
                Some(leaf) => mislead(forger, &path, &mut update_path, leaf, &context)?,
            };
            (self.path)(&mut update_path);
            commit.path = Some(update_path);
        } else {
            context.tree_hash = applied.tree.tree_hash()?;
        }

        let content = forger.content(self.sender, Content::Commit(Box::new(commit)));
        let mut framed = forger.sign(WireFormat::MLS_PUBLIC_MESSAGE, content, signer)?;
        let next =
            forger.next_epoch(&framed, context, applied.init.as_ref(), &commit_secret, &applied.psks)?;
        framed.content.auth.confirmation_tag = Some((self.tag)(next.tag));
        let mut message = forger.public(&framed)?;
        (self.seal)(&mut message);
        Ok(Sent {
            bytes: MlsMessage::from(message).encode()?,
            authenticator: Some(next.authenticator),
            resumption: Some(next.resumption),
        })
    }
}

/// The effect of a list of proposals on the group.
struct Applied {
    tree: Tree,
    extensions: Extensions,
    added: Vec<LeafIndex>,
    psks: Vec<(PreSharedKeyId, Vec<u8>)>,
    init: Option<InitSecret>,
}

/// The outputs of the epoch that a Commit starts.
struct NextEpoch {
    tag: Mac,
    authenticator: Vec<u8>,
    resumption: Vec<u8>,
}

impl Forger {
    /// Applies proposals in the order of section 12.3. A Remove of a blank leaf is skipped.
    fn apply(&self, items: &[Item], committer: Sender) -> Forging<Applied> {
        let proposals = || {
            items.iter().map(|item| match item {
                Item::Value(proposal) => (committer, proposal),
                Item::Reference(sent_proposal) => (sent_proposal.sender, &sent_proposal.proposal),
            })
        };
        let mut applied = Applied {
            tree: self.tree.clone(),
            extensions: self.context.extensions.clone(),
            added: Vec::new(),
            psks: Vec::new(),
            init: None,
        };
        let tree = &mut applied.tree;
        for (sender, proposal) in proposals() {
            if let (Sender::Member(leaf), Proposal::Update(update)) = (sender, proposal) {
                tree.update(leaf, &update.leaf_node)?;
            }
        }
        for (_, proposal) in proposals() {
            match proposal {
                Proposal::Remove(remove) if tree.is_member(remove.removed)? => tree.remove(remove.removed)?,
                _ => {}
            }
        }
        for (_, proposal) in proposals() {
            match proposal {
                Proposal::Add(add) => applied.added.push(tree.add(&add.key_package.leaf_node)?),
                Proposal::PreSharedKey(psk) => {
                    let value = self.psk_value(&psk.psk.psk)?;
                    applied.psks.push((psk.psk.clone(), value));
                }
                Proposal::ExternalInit(init) => {
                    let key_pair = self.secrets.external.key_pair(self.suite)?;
                    applied.init = Some(InitSecret::receive(self.suite, &key_pair, &init.kem_output)?);
                }
                Proposal::GroupContextExtensions(proposal) => {
                    applied.extensions.clone_from(&proposal.extensions);
                }
                _ => {}
            }
        }
        tree.truncate()?;
        applied.added.sort_unstable();
        Ok(applied)
    }

    fn new_path(
        &mut self,
        tree: &Tree,
        sender: Sender,
        joiner: Option<&TestClient>,
        signer: &dyn Signer,
    ) -> Forging<NewPath> {
        let group_id = &self.context.group_id;
        match (sender, joiner) {
            (Sender::Member(leaf), _) => {
                // A committer that removes itself builds its path on the tree from before the
                // removal.
                let (mut tree, old) = (tree.clone(), self.tree.leaf(leaf)?.ok_or("no such member")?);
                if !tree.is_member(leaf)? {
                    tree = self.tree.clone();
                }
                Ok(tree.create_path(leaf, leaf_template(&old), group_id, signer, &mut self.rng)?)
            }
            (_, Some(client)) => {
                let template = leaf_template(&client.key_package.leaf_node);
                Ok(tree.create_external_path(template, group_id, signer, &mut self.rng)?)
            }
            _ => Err("no committer".into()),
        }
    }

    /// Computes the transcript hash, key schedule and confirmation tag of a signed Commit.
    fn next_epoch(
        &self,
        framed: &Framed,
        mut context: GroupContext,
        init: Option<&InitSecret>,
        commit_secret: &CommitSecret,
        psks: &[(PreSharedKeyId, Vec<u8>)],
    ) -> Forging<NextEpoch> {
        let suite = self.suite;
        let (content, signature) = (&framed.content.content, &framed.content.auth.signature);
        let format = framed.content.wire_format;
        let confirmed = ConfirmedTranscriptHash::after(suite, &self.interim, format, content, signature)?;
        context.confirmed_transcript_hash = confirmed.0;
        let joiner = init.unwrap_or(&self.secrets.init).joiner_secret(suite, commit_secret, &context)?;
        let secrets = epoch_secrets(suite, &joiner, &psk_secret(suite, psks)?, &context)?;
        Ok(NextEpoch {
            tag: secrets.confirmation_key.tag(suite, &context.confirmed_transcript_hash),
            authenticator: secrets.epoch_authenticator.expose().to_vec(),
            resumption: secrets.resumption_psk.expose().to_vec(),
        })
    }

    pub(crate) fn member(&self, leaf: LeafIndex) -> Forging<Rc<TestClient>> {
        Ok(Rc::clone(self.members.get(&leaf).ok_or("no such member")?))
    }
}

/// Returns the credential, capabilities and extensions of a leaf node.
fn leaf_template(leaf_node: &LeafNode) -> LeafTemplate {
    let LeafNode { credential, capabilities, extensions, .. } = leaf_node.clone();
    LeafTemplate { credential, capabilities, extensions }
}

/// Returns the tree hash of a path's tree in which the committer's leaf is replaced by `leaf_node`.
fn hash_with_leaf(forger: &Forger, path: &NewPath, leaf_node: &LeafNode) -> Forging<Opaque> {
    let mut tree = path.tree().to_wire()?;
    let node = path.tree().size().node(path.sender()).ok_or("the sender is not in the tree")?;
    let slot = tree.0.get_mut(usize::try_from(node.0)?).ok_or("the sender is not in the tree")?;
    *slot = Some(Node::Leaf(Box::new(leaf_node.clone())));
    lax_tree::tree_hash(forger.suite, &tree)
}

/// Encrypts a wrong path secret to a member whose leaf is in the resolution of a copath node.
/// Returns the commit secret that follows from the wrong path secret.
fn mislead(
    forger: &mut Forger,
    path: &NewPath,
    update_path: &mut UpdatePath,
    leaf: LeafIndex,
    context: &GroupContext,
) -> Forging<CommitSecret> {
    let suite = forger.suite;
    let target = path.tree().size().node(leaf).ok_or("no such leaf")?;
    let mut secret: Option<SecretBytes> = None;
    for (step, node) in path.steps().iter().zip(&mut update_path.nodes) {
        if let Some(known) = &secret {
            secret = Some(suite.derive_secret(known.expose(), "path")?);
            continue;
        }
        let receivers = path.tree().resolution(step.copath_child)?;
        let position = receivers.iter().position(|receiver| *receiver == target);
        let Some(ciphertext) = position.and_then(|at| node.encrypted_path_secret.get_mut(at)) else {
            continue;
        };
        let mut wrong = suite.zero_secret();
        forger.rng.fill_bytes(wrong.expose_mut());
        let key = path.tree().encryption_key(target)?.ok_or("no such leaf")?;
        let context = context.encode()?;
        *ciphertext =
            suite.encrypt_with_label(&key, "UpdatePathNode", &context, wrong.expose(), &mut forger.rng)?;
        secret = Some(wrong);
    }
    let last = secret.ok_or("the path is not for that member")?;
    Ok(suite.derive_secret(last.expose(), "path")?.into())
}
