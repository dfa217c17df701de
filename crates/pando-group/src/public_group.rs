//! Following a group without its secrets, as a delivery service does: public messages only, and everything
//! checked that can be (RFC 9420, section 12.4.2; RFC 9750 calls for it).
//!
//! Left out because it needs secrets: membership tags and confirmation tags. A Commit that is accepted here
//! can still be refused by members whose secrets do not fit.

use crate::identity::{Identities, IdentityPolicy};
use crate::join::verify_group_info;
use crate::process::check_proposal;
use crate::proposals::{PendingProposal, ProposalStore};
use crate::public_state::PublicState;
use crate::transition::{Applied, Transition, transition};
use crate::{Delta, GroupConfig, GroupError, Misuse};
use pando_crypto::Suite;
use pando_framing::open_public_unchecked;
use pando_wire::{Content, GroupInfo, LeafIndex, MlsMessage, MlsMessageBody};

/// A group as somebody sees it who has none of its secrets.
#[derive(Debug, Clone)]
pub struct PublicGroup {
    public: PublicState,
    proposals: ProposalStore,
    pending_limit: usize,
    active: bool,
}

/// What a message was.
#[derive(Debug)]
pub enum PublicProcessed {
    /// A proposal, which is pending now.
    Proposal(PendingProposal),
    /// A Commit: to be merged, or dropped.
    Commit(Box<PublicStaged>),
}

/// The epoch that a Commit leads to.
#[derive(Debug)]
pub struct PublicStaged {
    from_epoch: u64,
    public: PublicState,
    applied: Applied,
}

impl PublicStaged {
    /// The public state that there will be.
    #[must_use]
    pub const fn public(&self) -> &PublicState {
        &self.public
    }

    /// The leaves that the Commit adds by proposals.
    pub fn added(&self) -> impl Iterator<Item = LeafIndex> {
        self.applied.added.iter().map(|(leaf, _)| *leaf)
    }

    /// The leaves that the Commit removes.
    #[must_use]
    pub fn removed(&self) -> &[LeafIndex] {
        &self.applied.removed
    }
}

impl PublicGroup {
    /// Begins with a description of the group. `tree` is needed if it is not inside.
    ///
    /// # Errors
    /// - [`Missing::Tree`](crate::Missing::Tree) if the tree is not there.
    /// - [`GroupError::Violation`], [`GroupError::Tree`] if the group is not as it must be.
    pub fn new(
        suite: Suite,
        group_info: &GroupInfo,
        tree: Option<&[u8]>,
        policy: &dyn IdentityPolicy,
    ) -> Result<(Self, Delta), GroupError> {
        let public = verify_group_info(suite, group_info, tree, Identities { policy, now: None })?;
        let pending_limit = GroupConfig::default().pending_proposals;
        let group = Self { public, proposals: ProposalStore::default(), pending_limit, active: true };
        Ok((group, Delta::default()))
    }

    /// The public state.
    #[must_use]
    pub const fn public(&self) -> &PublicState {
        &self.public
    }

    /// The proposals that were sent in this epoch.
    pub fn pending_proposals(&self) -> impl Iterator<Item = &PendingProposal> {
        self.proposals.iter()
    }

    /// Takes a public message. A Commit is checked and staged; call [`PublicGroup::merge`] to enter its epoch.
    ///
    /// `now`, in seconds since 1970, is what is compared with the lifetimes of what is proposed, if it is given.
    ///
    /// # Errors
    /// A [`GroupError`] that says who is to blame; [`Misuse::WrongMessage`] for what is not public. The group
    /// is as it was.
    pub fn process(
        &mut self,
        message: MlsMessage,
        policy: &dyn IdentityPolicy,
        now: Option<u64>,
    ) -> Result<(PublicProcessed, Delta), GroupError> {
        if !self.active {
            return Err(Misuse::NotActive.into());
        }
        let MlsMessageBody::PublicMessage(message) = message.body else {
            return Err(Misuse::WrongMessage.into());
        };
        let (suite, identities) = (self.public.suite, Identities { policy, now });
        let opened = open_public_unchecked(suite, *message, &self.public.context)?;
        let key = self.public.sender_key(opened.content())?;
        let content = opened.verify(suite, &key)?;
        match &content.content.content {
            Content::Application(_) => Err(Misuse::WrongMessage.into()),
            Content::Proposal(proposal) => {
                let pending = check_proposal(&self.public, &content, proposal, identities)?;
                self.proposals.insert(pending.clone(), self.pending_limit)?;
                Ok((PublicProcessed::Proposal(pending), Delta::default()))
            }
            Content::Commit(commit) => {
                let list = self.proposals.resolve(content.content.sender, &commit.proposals)?;
                let Transition { applied, public, .. } =
                    transition(&self.public, &content, commit, &list, identities)?;
                let from_epoch = self.public.context.epoch;
                let staged = PublicStaged { from_epoch, public, applied };
                Ok((PublicProcessed::Commit(Box::new(staged)), Delta::default()))
            }
        }
    }

    /// Enters the epoch that was staged.
    ///
    /// # Errors
    /// [`Misuse::StaleCommit`] if it does not follow the current epoch; nothing else can go wrong.
    pub fn merge(&mut self, staged: PublicStaged) -> Result<Delta, Misuse> {
        if staged.from_epoch != self.public.context.epoch {
            return Err(Misuse::StaleCommit);
        }
        self.public = staged.public;
        self.proposals = ProposalStore::default();
        self.active = staged.applied.reinit.is_none();
        Ok(Delta::default())
    }
}
