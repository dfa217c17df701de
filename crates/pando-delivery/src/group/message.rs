//! Application messages.

use super::append::{Appended, Message, Moment, append, find};
use super::caller::Caller;
use super::group_row::GroupRow;
use super::members::{check_member, may_read};
use crate::error::Refusal;
use crate::store::Transaction;
use pando_api::{Domain, EntryKind, LogId, ProblemCode};
use pando_mls::wire::WireFormat;
use pando_mls::{ContentType, Decode, GroupId, MlsMessage, MlsMessageBody};

/// An application message whose form was checked.
#[derive(Debug, Clone)]
pub struct ApplicationMessage {
    group_id: GroupId,
    epoch: u64,
    bytes: Vec<u8>,
}

impl ApplicationMessage {
    /// Returns whether the bytes begin as an `MLSMessage` with a PrivateMessage, without decoding
    /// it.
    #[must_use]
    pub fn has_wire_format(bytes: &[u8]) -> bool {
        let format = bytes.get(2..4).and_then(|format| format.try_into().ok()).map(u16::from_be_bytes);
        format == Some(WireFormat::MLS_PRIVATE_MESSAGE.0)
    }

    /// Decodes a message and checks that it is an encrypted application message of the group.
    ///
    /// # Errors
    /// - [`ProblemCode::Malformed`] if the bytes are not an `MLSMessage`.
    /// - [`ProblemCode::InvalidMessage`] if the message is of another kind or another group.
    pub fn decode(group_id: &GroupId, bytes: Vec<u8>) -> Result<Self, Refusal> {
        let message = MlsMessage::decode(&bytes)?;
        let MlsMessageBody::PrivateMessage(message) = message.body else {
            return Err(Refusal::new(ProblemCode::InvalidMessage, "not a PrivateMessage"));
        };
        if message.content_type != ContentType::Application {
            return Err(Refusal::new(ProblemCode::InvalidMessage, "a handshake must be a PublicMessage"));
        }
        if message.group_id != *group_id {
            return Err(Refusal::new(ProblemCode::InvalidMessage, "the message is of another group"));
        }
        Ok(Self { group_id: message.group_id, epoch: message.epoch, bytes })
    }

    /// Appends the message to the log. If the log has the message already, returns the entry that
    /// it has.
    ///
    /// # Errors
    /// - [`ProblemCode::NotFound`] if there is no such group or the caller is not a member.
    /// - [`ProblemCode::StaleEpoch`], [`ProblemCode::FutureEpoch`] if the epoch is not accepted.
    /// - [`ProblemCode::GroupEnded`] if the group has a successor.
    pub fn append(
        &self,
        rows: &mut dyn Transaction,
        domain: &Domain,
        caller: &Caller,
        moment: Moment,
    ) -> Result<Appended, Refusal> {
        let mut group = GroupRow::read(rows)?;
        let log = LogId { domain: domain.clone(), group_id: self.group_id.clone() };
        if let Some(appended) = find(rows, &log, &self.bytes)? {
            // The message of a client that was removed since is still in its part of the log.
            let may_read = may_read(rows, &caller.client, appended.seq())?;
            return if may_read { Ok(appended) } else { Err(Refusal::new(ProblemCode::NotFound, "")) };
        }
        check_member(rows, &caller.client)?;
        group.check_active(domain)?;
        let oldest = group.epoch.saturating_sub(group.past_epochs.into());
        let code = match self.epoch {
            epoch if epoch < oldest => Some(ProblemCode::StaleEpoch),
            epoch if epoch > group.epoch => Some(ProblemCode::FutureEpoch),
            _ => None,
        };
        if let Some(code) = code {
            let epoch = group.epoch;
            return Err(Refusal::new(code, "").with(|problem| problem.epoch = Some(epoch)));
        }
        let message = Message { kind: EntryKind::Application, epoch: self.epoch, bytes: &self.bytes };
        let (appended, end) = append(rows, &log, Some(group.end), message, moment)?;
        group.end = end;
        group.write(rows)?;
        Ok(appended)
    }
}
