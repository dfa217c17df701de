//! Settings that each member chooses for itself.

use crate::{Exceeded, GroupError};
use pando_framing::Padding;
use pando_schedule::RatchetLimits;
use pando_wire::{Decode, GroupId, MlsMessage, TreeSize, WireFormat};
use tls_codec::Size;

/// Defines setters that return the changed value.
macro_rules! setters {
    ($of:ident { $($setter:ident $field:ident: $type:ty,)* }) => {
        impl $of {$(
            #[doc = concat!("Sets [`", stringify!($of), "::", stringify!($field), "`].")]
            #[must_use]
            pub const fn $setter(mut self, $field: $type) -> Self {
                self.$field = $field;
                self
            }
        )*}
    };
}

/// A member's settings for storing and sending data. Members of a group may use different settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupConfig {
    /// Whether the member encrypts the Commits and proposals that it sends. Default: yes.
    pub encrypt_handshakes: bool,
    /// Padding of encrypted messages. Default: Padmé.
    pub padding: Padding,
    /// Limits on how far out of order the messages of one sender may arrive.
    pub ratchet_limits: RatchetLimits,
    /// Number of past epochs whose application messages can still be decrypted. Default: 3.
    pub past_epochs: usize,
    /// Number of past epochs whose resumption PSKs are kept. Default: 32.
    pub past_resumption_psks: usize,
    /// Accepted formats of handshake messages from other members. Default: any format.
    pub accepted_handshakes: AcceptedHandshakes,
    /// Limits on the input that this client accepts.
    pub limits: Limits,
}

/// Accepted formats of Commits and proposals.
///
/// The application must ensure that all members use the same setting (section 6). Messages from
/// non-members are always public and always accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcceptedHandshakes {
    /// Encrypted and public messages.
    #[default]
    Any,
    /// Only encrypted messages.
    Encrypted,
    /// Only public messages, which allow a delivery service to follow the group.
    Public,
}

/// Limits on the input that a client accepts and on the messages that it sends. The limits on input
/// prevent peers from exhausting the client's memory.
///
/// A client with lower limits than the other members may be unable to follow the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum size of a message, in bytes. Default: 64 MiB.
    pub message_bytes: usize,
    /// Maximum size of the ratchet tree of a group to join, in bytes. Default: 256 MiB.
    pub tree_bytes: usize,
    /// Maximum number of leaves in a tree, including blank leaves. Default: 2^18.
    pub leaves: u32,
    /// Maximum size of the identifier of a group to join, in bytes. The signature of almost every
    /// leaf covers the identifier. Default: 4,096.
    pub group_id_bytes: usize,
    /// Maximum number of proposals that may be pending in one epoch. Default: 65,536.
    pub pending_proposals: usize,
    /// Maximum total size of the stored proposals that are pending in one epoch, in bytes. A second
    /// limit of the same size applies to proposals that the group's rules do not admit. Default: 64
    /// MiB.
    pub pending_proposal_bytes: usize,
    /// Maximum number of pending proposals from clients that ask to be added. Such proposals become
    /// pending only if the group's rules admit them
    /// ([`GroupRules::admit`](crate::GroupRules::admit)). Default: 65,536.
    pub new_member_proposals: usize,
    /// Maximum number of proposals in one epoch that are kept although the group's rules do not
    /// admit them. Such proposals are kept in case a Commit refers to them. Default: 65,536.
    pub proposals_not_admitted: usize,
    /// Maximum total size of the stored Commits of one epoch that were decrypted but not merged, in
    /// bytes. Each stored row contains the ciphertext and the decrypted content. A Commit that
    /// exceeds the limit can be processed only once. Default: 128 MiB.
    pub opened_commit_bytes: usize,
}

setters! {
    GroupConfig {
        with_encrypt_handshakes encrypt_handshakes: bool,
        with_padding padding: Padding,
        with_ratchet_limits ratchet_limits: RatchetLimits,
        with_past_epochs past_epochs: usize,
        with_past_resumption_psks past_resumption_psks: usize,
        with_accepted_handshakes accepted_handshakes: AcceptedHandshakes,
        with_limits limits: Limits,
    }
}

setters! {
    Limits {
        with_message_bytes message_bytes: usize,
        with_tree_bytes tree_bytes: usize,
        with_leaves leaves: u32,
        with_group_id_bytes group_id_bytes: usize,
        with_pending_proposals pending_proposals: usize,
        with_pending_proposal_bytes pending_proposal_bytes: usize,
        with_new_member_proposals new_member_proposals: usize,
        with_proposals_not_admitted proposals_not_admitted: usize,
        with_opened_commit_bytes opened_commit_bytes: usize,
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 64 << 20,
            tree_bytes: 256 << 20,
            leaves: 1 << 18,
            group_id_bytes: 4_096,
            pending_proposals: 65_536,
            pending_proposal_bytes: 64 << 20,
            new_member_proposals: 65_536,
            proposals_not_admitted: 65_536,
            opened_commit_bytes: 128 << 20,
        }
    }
}

impl Limits {
    /// Decodes a message of any kind from the network. A message that is too large is rejected
    /// before decoding, because a decoded message can occupy much more memory than its encoding.
    /// The limit for a Welcome or a GroupInfo is higher, because such a message may include a
    /// ratchet tree.
    ///
    /// # Errors
    /// [`Exceeded::MessageBytes`] with the limit for this kind of message;
    /// [`GroupError::Malformed`] if the message cannot be decoded.
    pub fn decode(&self, bytes: &[u8]) -> Result<MlsMessage, GroupError> {
        let limit = match MlsMessage::peek_wire_format(bytes) {
            Some(WireFormat::MLS_WELCOME | WireFormat::MLS_GROUP_INFO) => {
                self.message_bytes.saturating_add(self.tree_bytes)
            }
            _ => self.message_bytes,
        };
        if bytes.len() > limit {
            return Err(Exceeded::MessageBytes(limit).into());
        }
        Ok(MlsMessage::decode(bytes)?)
    }

    pub(crate) const fn check_message(&self, bytes: usize) -> Result<(), Exceeded> {
        if bytes > self.message_bytes { Err(Exceeded::MessageBytes(self.message_bytes)) } else { Ok(()) }
    }

    /// Checks the size of an outgoing message. A client does not send messages that it would not
    /// accept itself.
    pub(crate) fn check_sent(&self, message: &MlsMessage) -> Result<(), Exceeded> {
        self.check_message(message.tls_serialized_len())
    }

    pub(crate) const fn check_tree_bytes(&self, bytes: usize) -> Result<(), Exceeded> {
        if bytes > self.tree_bytes { Err(Exceeded::TreeBytes(self.tree_bytes)) } else { Ok(()) }
    }

    pub(crate) fn check_group_id(&self, group_id: &GroupId) -> Result<(), Exceeded> {
        let limit = self.group_id_bytes;
        if group_id.len() > limit { Err(Exceeded::GroupIdBytes(limit)) } else { Ok(()) }
    }

    /// Checks the number of pending proposals and the size of their rows.
    pub(crate) const fn check_pending(&self, proposals: usize, bytes: usize) -> Result<(), Exceeded> {
        if proposals > self.pending_proposals {
            Err(Exceeded::PendingProposals(self.pending_proposals))
        } else if bytes > self.pending_proposal_bytes {
            Err(Exceeded::PendingProposalBytes(self.pending_proposal_bytes))
        } else {
            Ok(())
        }
    }

    pub(crate) const fn check_new_members(&self, proposals: usize) -> Result<(), Exceeded> {
        let limit = self.new_member_proposals;
        if proposals > limit { Err(Exceeded::NewMemberProposals(limit)) } else { Ok(()) }
    }

    /// Checks the number of proposals that the group's rules do not admit, and the size of their
    /// rows.
    pub(crate) const fn check_not_admitted(&self, proposals: usize, bytes: usize) -> Result<(), Exceeded> {
        let limit = self.proposals_not_admitted;
        if proposals > limit {
            Err(Exceeded::ProposalsNotAdmitted(limit))
        } else if bytes > self.pending_proposal_bytes {
            Err(Exceeded::PendingProposalBytes(self.pending_proposal_bytes))
        } else {
            Ok(())
        }
    }

    pub(crate) const fn check_tree_size(&self, size: TreeSize) -> Result<(), Exceeded> {
        if size.leaf_count() > self.leaves { Err(Exceeded::Leaves(self.leaves)) } else { Ok(()) }
    }
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            encrypt_handshakes: true,
            padding: Padding::Padme,
            ratchet_limits: RatchetLimits::default(),
            past_epochs: 3,
            past_resumption_psks: 32,
            accepted_handshakes: AcceptedHandshakes::Any,
            limits: Limits::default(),
        }
    }
}
