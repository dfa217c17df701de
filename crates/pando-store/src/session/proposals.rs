//! Proposals of the client (RFC 9420, section 12.1).

use crate::backend::Backend;
use crate::session::Session;
use crate::session::error::{AppError, SessionError};
use crate::transaction::Transaction;
use pando_mls::wire::Remove;
use pando_mls::{Context, CryptoRng, Encode, Group, GroupId, Proposal};

impl<B: Backend> Session<B> {
    /// Creates a proposal, which is pending until a Commit covers it or the epoch ends. Returns the
    /// encoded message. `app` also receives the message, so that it can store the message in the
    /// application's outbox.
    ///
    /// # Errors
    /// Returns the errors of [`Session::operate`] and [`Group::propose`].
    pub fn propose(
        &mut self,
        group_id: &GroupId,
        proposal: Proposal,
        app: impl FnOnce(&mut Transaction<'_, B>, &[u8]) -> Result<(), AppError>,
    ) -> Result<Vec<u8>, SessionError> {
        let propose = |group: &mut Group, cx: &Context<'_>, rng: &mut dyn CryptoRng| {
            group.propose(proposal, b"", cx, rng)?.try_map(|message| Ok(message.encode()?))
        };
        self.operate(group_id, propose, |transaction, bytes| app(transaction, bytes))
    }

    /// Proposes the client's own removal from the group. Another member must commit the proposal,
    /// because a committer cannot remove itself (section 12.4). In all other respects, this
    /// function works like [`Session::propose`].
    ///
    /// Until the proposal is committed or the epoch ends, the client cannot send application data
    /// ([`Misuse::ProposalsPending`](pando_mls::Misuse::ProposalsPending)). In a group with a
    /// single member, no other member can commit the proposal, so delete the group instead.
    ///
    /// # Errors
    /// Returns the errors of [`Session::propose`].
    pub fn leave(
        &mut self,
        group_id: &GroupId,
        app: impl FnOnce(&mut Transaction<'_, B>, &[u8]) -> Result<(), AppError>,
    ) -> Result<Vec<u8>, SessionError> {
        let removed = self.group(group_id)?.own_leaf();
        self.propose(group_id, Proposal::Remove(Remove { removed }), app)
    }
}
