//! Following a group without its secrets, as a delivery service does: public messages only, and everything
//! checked that can be (RFC 9420, section 12.4.2; RFC 9750 calls for it).
//!
//! Left out because it needs secrets: membership tags and confirmation tags. A Commit that is accepted here
//! can still be refused by members whose secrets do not fit.

mod merge;

use crate::identity::{Identities, IdentityPolicy};
use crate::operations::group_info::verify_group_info;
use crate::operations::transition::{Transition, admit, check_proposal, transition};
use crate::state::pending_proposal::PendingProposal;
use crate::state::proposal_store::ProposalStore;
use crate::state::public_state::PublicState;
use crate::state::staged::PublicStaged;
use crate::storage::changes;
use crate::storage::delta::{Delta, RowKey, Rows};
use crate::storage::load::{client_rows, proposals, public_state};
use crate::storage::row_codec::{self, PublicRow};
use crate::{GroupError, GroupRules, Limits, Misuse};
use pando_crypto::{CryptoProvider, SecretBytes, Suite};
use pando_framing::open_public_unchecked;
use pando_tree::MergedPath;
use pando_wire::{Content, GroupInfo, MlsMessage, MlsMessageBody, ReInit};
use tls_codec::Size;

/// A group as somebody sees it who has none of its secrets.
#[derive(Debug, Clone)]
pub struct PublicGroup {
    public: PublicState,
    proposals: ProposalStore,
    limits: Limits,
    active: bool,
    reinit: Option<ReInit>,
    /// Rows about who is in the group that the policy wants otherwise than they were stored.
    renewed: Vec<(RowKey, Option<Vec<u8>>)>,
}

/// What a message was.
#[derive(Debug)]
pub enum PublicProcessed {
    /// A proposal, which is pending now.
    Proposal(PendingProposal),
    /// A proposal that the group's rules do not admit, and their reason. It is not pending, and is kept in case a Commit
    /// refers to it.
    NotAdmitted(PendingProposal, String),
    /// A Commit: to be merged, or dropped.
    Commit(Box<PublicStaged>),
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
        limits: Limits,
    ) -> Result<(Self, Delta), GroupError> {
        let public = verify_group_info(suite, group_info, tree, Identities { policy, now: None }, &limits)?;
        let proposals = ProposalStore::default();
        let group = Self { public, proposals, limits, active: true, reinit: None, renewed: Vec::new() };
        let delta = Delta::writing(group.rows()?);
        Ok((group, delta))
    }

    /// The group that was stored as these rows.
    ///
    /// # Errors
    /// As [`Group::load`](crate::Group::load).
    pub fn load(
        rows: &Rows,
        crypto: &dyn CryptoProvider,
        policy: &dyn IdentityPolicy,
        limits: Limits,
    ) -> Result<Self, GroupError> {
        let (public, PublicRow { active, reinit, .. }) = public_state(rows, crypto, policy)?;
        let renewed = client_rows(rows, &public.clients)?.into_iter();
        let renewed = renewed.map(|(key, row)| (key, row.map(|row| row.expose().to_vec()))).collect();
        Ok(Self { public, proposals: proposals(rows)?, limits, active: active == 1, reinit, renewed })
    }

    /// What is to be stored after loading, if the policy tells clients apart by something else than it did: otherwise it comes
    /// with what the next operation changes.
    pub fn take_delta(&mut self) -> Delta {
        let renewed = std::mem::take(&mut self.renewed).into_iter();
        Delta::changing(renewed.map(|(key, row)| (key, row.map(SecretBytes::from))).collect())
    }

    /// Everything that is to be stored of a group.
    ///
    /// # Errors
    /// [`GroupError::Encode`] if something is too long.
    pub fn rows(&self) -> Result<Rows, GroupError> {
        changes::of_everybody(&self.public, &self.proposals, self.active, self.reinit.as_ref())
    }

    /// The parameters of the group that is to follow, if this one was reinitialized.
    #[must_use]
    pub const fn reinit(&self) -> Option<&ReInit> {
        self.reinit.as_ref()
    }

    /// The public state.
    #[must_use]
    pub const fn public(&self) -> &PublicState {
        &self.public
    }

    /// The proposals that were sent in this epoch.
    pub fn pending_proposals(&self) -> impl Iterator<Item = &PendingProposal> {
        self.proposals.pending()
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
        rules: &dyn GroupRules,
        now: Option<u64>,
    ) -> Result<(PublicProcessed, Delta), GroupError> {
        if !self.active {
            return Err(Misuse::NotActive.into());
        }
        self.limits.check_message(message.tls_serialized_len())?;
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
                let (status, refused) = admit(&self.public, rules, &pending)?;
                let row = row_codec::proposal(&pending, status)?;
                let bytes = row.expose().len();
                let inserted = self.proposals.insert(pending.clone(), status, bytes, &self.limits)?;
                let mut delta = self.take_delta();
                if let Some(position) = inserted {
                    delta.rows.insert(RowKey::Proposal(position), Some(row));
                }
                let processed = match refused {
                    None => PublicProcessed::Proposal(pending),
                    Some(reason) => PublicProcessed::NotAdmitted(pending, reason),
                };
                Ok((processed, delta))
            }
            Content::Commit(commit) => {
                let list = self.proposals.resolve(content.content.sender, &commit.proposals)?;
                let Transition { applied, path, public, .. } =
                    transition(&self.public, &content, commit, &list, identities, rules)?;
                self.limits.check_tree_size(public.tree.size())?;
                let path_leaf = path.as_ref().map(MergedPath::sender);
                let effects = applied.into_effects(content.content.sender, path_leaf);
                let left_out = self.proposals.left_out_of(&list);
                let content = &content.content;
                let staged = PublicStaged::new(&self.public, public, content, effects, list, left_out)?;
                Ok((PublicProcessed::Commit(Box::new(staged)), self.take_delta()))
            }
        }
    }
}
