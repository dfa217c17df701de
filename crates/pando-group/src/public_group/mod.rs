//! Following a group without its secrets (RFC 9420, section 12.4.2; RFC 9750).
//!
//! Confirmation tags take secrets to verify. A Commit alone therefore does not tell whether members
//! accept it, and a GroupInfo comes with it: see [`PublicGroup`].

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

/// A group as a delivery service or an observer sees it, which has none of its secrets.
///
/// It takes public messages, and checks everything that can be checked without secrets by the same
/// rules as members do.
///
/// # What cannot be checked
///
/// Two parts of a Commit enter the transcript hashes, and with them the GroupContext of later epochs,
/// although they can be altered without secrets and still pass all checks here:
///
/// - the confirmation tag, because it takes the secrets of the new epoch to verify it;
/// - the signature, in cipher suites with ECDSA: if (r, s) is a valid signature of the Commit, then
///   (r, n - s) is valid, too.
///
/// Members refuse such a Commit, because they verify both tags. A `PublicGroup` that gets it before
/// the true one enters an epoch in which no member is, and refuses what members send from then on.
/// A client that may send Commits, by an external Commit for example, has the same effect with a
/// Commit of its own whose tag is wrong or whose path secrets do not fit. No check of the Commit alone
/// closes this gap.
///
/// # What a GroupInfo proves
///
/// [`PublicGroup::merge`] takes a GroupInfo of the new epoch with the Commit. It must have the
/// GroupContext and the confirmation tag that were staged, and the valid signature of a member of
/// the new epoch. The GroupContext covers the content and the signature of the Commit by the confirmed
/// transcript hash. Whoever alters a Commit on its way cannot sign a GroupInfo that fits.
///
/// A GroupInfo proves what its signer says, and not that other members have merged the Commit. A
/// committer that makes an invalid Commit, or an external joiner, can sign a GroupInfo that fits.
///
/// # What a later message proves
///
/// [`PublicGroup::merge_unconfirmed`] is the exception for observers that get no GroupInfo. They notice
/// an altered Commit later, because the signatures of members cover the GroupContext:
///
/// | Altered in the Commit that began epoch n | The first message that shows it |
/// |---|---|
/// | its signature | any from a member in epoch n: its confirmed transcript hash is another one |
/// | its confirmation tag | any from a member in epoch n + 1: the tag enters the interim transcript hash of epoch n, and that enters the confirmed transcript hash of epoch n + 1 |
///
/// A message from a member in epoch n, with a valid signature, therefore confirms all Commits before
/// epoch n, but for the confirmation tag of the last one. It is refused if one of them was altered.
/// External senders and clients that ask to be added do not sign the GroupContext, and confirm nothing.
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

/// A message that a [`PublicGroup`] has taken.
#[derive(Debug)]
pub enum PublicProcessed {
    /// A proposal, which is pending now.
    Proposal(PendingProposal),
    /// A proposal that the group's rules do not admit, and their reason. It is not pending, and is kept in case a Commit
    /// refers to it.
    NotAdmitted(PendingProposal, String),
    /// A staged Commit, to be merged or dropped.
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
    /// The lifetimes of proposed leaves are compared with `now`, in seconds since 1970, if it is given.
    ///
    /// # Errors
    /// A [`GroupError`] that names the fault. The group is as it was.
    /// - [`Misuse::WrongMessage`] if the message is not a public handshake.
    /// - [`FramingError::Crypto`](pando_framing::FramingError) if the signature is not valid. If it is
    ///   a member's, and an earlier Commit was merged without a GroupInfo, then that Commit may have
    ///   been altered instead.
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
