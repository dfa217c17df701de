//! The public state of a group, which is known without secrets.

use crate::rules::extensions;
use crate::state::client_index::ClientIndex;
use crate::state::commit_view::StateView;
use crate::{GroupError, Violation};
use pando_crypto::Suite;
use pando_schedule::InterimTranscriptHash;
use pando_tree::{Tree, TreeError};
use pando_wire::{
    Commit, Content, Credential, ExternalSenders, FramedContent, GroupContext, GroupId, LeafIndex, LeafNode,
    Mac, Proposal, Sender, SignaturePublicKey,
};

/// The public state of a group in one epoch. Cloning the state is cheap, because clones share the
/// tree.
#[derive(Debug, Clone)]
pub struct PublicState {
    pub(crate) suite: Suite,
    pub(crate) context: GroupContext,
    pub(crate) tree: Tree,
    pub(crate) clients: ClientIndex,
    pub(crate) interim_transcript_hash: InterimTranscriptHash,
    pub(crate) confirmation_tag: Mac,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// The member's leaf. After the member is removed, the leaf may be assigned to another client.
    pub leaf: LeafIndex,
    /// The member's credential.
    pub credential: Credential,
    /// The member's signature key.
    pub signature_key: SignaturePublicKey,
}

impl PublicState {
    /// Returns the cipher suite.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Returns the GroupContext, which is the state that all members agree on (section 8.1).
    #[must_use]
    pub const fn context(&self) -> &GroupContext {
        &self.context
    }

    /// Returns the ratchet tree.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Returns the credential of a member, or `None` if the leaf is blank or does not exist.
    ///
    /// # Errors
    /// [`TreeError::Source`] or [`TreeError::Stored`] if the leaf could not be read.
    pub fn credential(&self, leaf: LeafIndex) -> Result<Option<Credential>, TreeError> {
        self.tree.credential(leaf)
    }

    /// Returns the group's identifier.
    #[must_use]
    pub const fn group_id(&self) -> &GroupId {
        &self.context.group_id
    }

    /// Returns the epoch.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.context.epoch
    }

    /// Returns the members in the order of their leaves.
    ///
    /// # Errors
    /// The iterator returns [`TreeError::Source`] or [`TreeError::Stored`] for a leaf that could
    /// not be read.
    pub fn members(&self) -> impl Iterator<Item = Result<Member, TreeError>> {
        self.tree.members().map(|leaf| {
            let leaf = leaf?;
            let LeafNode { credential, signature_key, .. } =
                self.tree.leaf(leaf)?.ok_or(TreeError::NotAMember(leaf))?;
            Ok(Member { leaf, credential, signature_key })
        })
    }

    /// Returns the part of the state that the group's rules may use.
    pub(crate) const fn view(&self) -> StateView<'_> {
        StateView::new(&self.context, &self.tree)
    }

    /// Forgets tombstones of the indexes, like [`Tree::forget_deleted`].
    pub(crate) fn forget_deleted(&mut self) -> Result<(), TreeError> {
        self.tree.forget_deleted()?;
        self.clients.forget_deleted()
    }

    /// Returns the key that must have signed the content, depending on its sender (section 6.1).
    pub(crate) fn sender_key(&self, content: &FramedContent) -> Result<SignaturePublicKey, GroupError> {
        match content.sender {
            Sender::Member(leaf) => {
                self.tree.signature_key(leaf)?.ok_or_else(|| TreeError::NotAMember(leaf).into())
            }
            Sender::External(index) => {
                let senders = extensions::find::<ExternalSenders>(&self.context.extensions)?;
                let senders = senders.unwrap_or_default().0;
                let position = usize::try_from(index).unwrap_or(usize::MAX);
                let sender = senders.into_iter().nth(position);
                Ok(sender.ok_or(Violation::UnknownExternalSender(index))?.signature_key)
            }
            Sender::NewMemberProposal => match &content.content {
                Content::Proposal(Proposal::Add(add)) => Ok(add.key_package.leaf_node.signature_key.clone()),
                _ => Err(Violation::ProposalFromOutside(pando_wire::ProposalType::ADD).into()),
            },
            Sender::NewMemberCommit => match &content.content {
                Content::Commit(commit) => match &**commit {
                    Commit { path: Some(path), .. } => Ok(path.leaf_node.signature_key.clone()),
                    Commit { path: None, .. } => Err(Violation::PathRequired.into()),
                },
                _ => Err(Violation::PathRequired.into()),
            },
        }
    }
}
