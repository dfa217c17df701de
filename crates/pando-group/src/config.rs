//! What a member decides for itself.

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

/// How a member keeps and sends things. Others need not agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupConfig {
    /// Whether Commits and proposals are sent encrypted. Default: yes.
    pub encrypt_handshakes: bool,
    /// How encrypted messages are padded. Default: Padmé.
    pub padding: Padding,
    /// How far messages of one sender may be out of order.
    pub ratchet_limits: RatchetLimits,
    /// How many past epochs' application messages can still be read. Default: 3.
    pub past_epochs: usize,
    /// How many past epochs' resumption PSKs are kept. Default: 32.
    pub past_resumption_psks: usize,
    /// Which formats other members' handshake messages may have. Default: any.
    pub accepted_handshakes: AcceptedHandshakes,
    /// How much this client takes.
    pub limits: Limits,
}

/// Which formats are accepted of Commits and proposals. All members should go by the same, which is for the
/// application to arrange (section 6). What does not come from members is always public, and always accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcceptedHandshakes {
    /// Encrypted or public.
    #[default]
    Any,
    /// Encrypted only.
    Encrypted,
    /// Public only, so that a server can follow.
    Public,
}

/// How much a client takes of what others send, lest they fill its memory, and sends itself. Who cannot take what the
/// others can is unable to follow the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The size of a message, in bytes. Default: 64 MiB.
    pub message_bytes: usize,
    /// The size of a ratchet tree to join with, in bytes. Default: 256 MiB.
    pub tree_bytes: usize,
    /// How many leaves a tree may have, blank ones included. Default: 2^18.
    pub leaves: u32,
    /// The size of the identifier of a group to join, in bytes: it is signed with almost every leaf. Default: 4,096.
    pub group_id_bytes: usize,
    /// How many proposals may be pending in one epoch. Default: 65,536.
    pub pending_proposals: usize,
    /// How much may be stored of the proposals that are pending in one epoch, in bytes; and as much of those that the group's
    /// rules do not admit. Default: 64 MiB.
    pub pending_proposal_bytes: usize,
    /// How many of the pending proposals may be of clients that ask to be added. They come in only if the group's rules admit
    /// them ([`GroupRules::admit`](crate::GroupRules::admit)). Default: 65,536.
    pub new_member_proposals: usize,
    /// How many proposals of one epoch are kept that the group's rules do not admit, in case a Commit refers to them. Default:
    /// 65,536.
    pub proposals_not_admitted: usize,
    /// How much may be stored of encrypted Commits that were opened in one epoch and not merged, in bytes. Each has what was
    /// in it beside it. What is not kept can be taken once. Default: 128 MiB.
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
    /// Decodes a message of any kind from the network, of which nothing is decoded if it is too large. (A decoded message can
    /// take much more memory than its bytes.) A Welcome and a GroupInfo may have a ratchet tree beside the message.
    ///
    /// # Errors
    /// [`Exceeded::MessageBytes`] with the limit for this kind of message; [`GroupError::Malformed`].
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

    /// What this client would not take, it does not send.
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

    /// So many proposals are pending, of which so much is stored.
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

    /// So many proposals are kept that the group's rules do not admit, of which so much is stored.
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
