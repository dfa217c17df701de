//! The contents of a group's rows, in the encoding of the wire format.

use crate::state::epoch_secrets::EpochKeys;
use crate::state::pending_proposal::{Committed, PendingProposal, ProposalStatus};
use crate::state::public_state::PublicState;
use crate::state::staged::Pending;
use crate::storage::position::Instance;
use pando_crypto::{HpkeKeyPair, SecretBytes};
use pando_wire::{
    AuthenticatedContent, Decode, Encode, EncodeError, GroupContext, HpkePublicKey, LeafIndex, Mac,
    MlsMessage, Opaque, PrivateMessage, Proposal, ProposalRef, ReInit, Sender,
};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The contents of [`RowKey::Public`].
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct PublicRow {
    pub(crate) context: GroupContext,
    pub(crate) interim_transcript_hash: Opaque,
    pub(crate) confirmation_tag: Mac,
    pub(crate) instance: Instance,
    pub(crate) reinit: Option<ReInit>,
}

impl Encode for PublicRow {}

/// The contents of [`RowKey::Member`].
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct MemberRow {
    pub(crate) leaf: LeafIndex,
    pub(crate) sender_data: SecretBytes,
    pub(crate) exporter: SecretBytes,
    pub(crate) external: SecretBytes,
    pub(crate) membership_key: SecretBytes,
    pub(crate) resumption_psk: SecretBytes,
    pub(crate) epoch_authenticator: SecretBytes,
    pub(crate) init: SecretBytes,
}

impl Encode for MemberRow {}

/// The contents of [`EpochRow::Past`].
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct PastRow {
    pub(crate) context: GroupContext,
    /// Number of leaves of the ratchet tree, including blank leaves.
    pub(crate) leaf_count: u32,
    pub(crate) sender_data: SecretBytes,
}

impl Encode for PastRow {}

/// The contents of [`RowKey::Proposal`], except for the status.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct ProposalRow {
    pub(crate) reference: ProposalRef,
    pub(crate) sender: Sender,
    pub(crate) proposal: Proposal,
    pub(crate) authenticated_data: Opaque,
}

impl Encode for ProposalRow {}

impl ProposalStatus {
    /// Decodes the status that is stored after a proposal.
    fn stored(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [] => Some(Self::Pending),
            [1] => Some(Self::Unsupported),
            [2] => Some(Self::NotAdmitted),
            [3] => Some(Self::Withdrawn),
            _ => None,
        }
    }

    const fn to_stored(self) -> &'static [u8] {
        match self {
            Self::Pending => &[],
            Self::Unsupported => &[1],
            Self::NotAdmitted => &[2],
            Self::Withdrawn => &[3],
        }
    }
}

/// The contents of [`RowKey::OwnUpdate`].
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct OwnUpdateRow {
    pub(crate) private: SecretBytes,
    pub(crate) public: HpkePublicKey,
}

impl Encode for OwnUpdateRow {}

/// The contents of [`RowKey::OwnProposal`].
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct OwnProposalRow {
    pub(crate) message: MlsMessage,
    pub(crate) reference: ProposalRef,
}

impl Encode for OwnProposalRow {}

/// The contents of [`RowKey::OpenedCommit`].
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct OpenedCommitRow {
    pub(crate) message: PrivateMessage,
    pub(crate) content: AuthenticatedContent,
}

impl Encode for OpenedCommitRow {}

/// The contents of [`RowKey::PendingCommit`].
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct PendingRow {
    pub(crate) message: MlsMessage,
    /// Interim transcript hash of the epoch that the Commit ends.
    pub(crate) follows: Opaque,
    pub(crate) by_value: Vec<Proposal>,
    pub(crate) added: Vec<LeafIndex>,
    pub(crate) removed: Vec<LeafIndex>,
    pub(crate) reinit: Option<ReInit>,
    pub(crate) leaves: Vec<PendingLeaf>,
    pub(crate) rows: Vec<PendingChange>,
}

impl Encode for PendingRow {}

/// A leaf that our Commit replaces, as it was before the Commit.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct PendingLeaf {
    pub(crate) leaf: LeafIndex,
    pub(crate) encoded: Option<Opaque>,
}

/// A row that the merge of our Commit writes or deletes.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct PendingChange {
    pub(crate) key: Opaque,
    pub(crate) row: Option<SecretBytes>,
}

/// Encodes a row.
fn row(contents: &impl Encode) -> Result<SecretBytes, EncodeError> {
    // The buffer has the final size and becomes the row, so no copy of a secret stays behind.
    contents.encode().map(SecretBytes::from)
}

/// Returns a row that contains only a secret.
pub(crate) fn secret(bytes: &[u8]) -> SecretBytes {
    bytes.into()
}

pub(crate) fn public(
    public: &PublicState,
    instance: Instance,
    reinit: Option<&ReInit>,
) -> Result<SecretBytes, EncodeError> {
    row(&PublicRow {
        context: public.context.clone(),
        interim_transcript_hash: public.interim_transcript_hash.0.clone(),
        confirmation_tag: public.confirmation_tag.clone(),
        instance,
        reinit: reinit.cloned(),
    })
}

pub(crate) fn member(leaf: LeafIndex, keys: &EpochKeys) -> Result<SecretBytes, EncodeError> {
    row(&MemberRow {
        leaf,
        sender_data: secret(keys.sender_data.expose()),
        exporter: secret(keys.exporter.expose()),
        external: secret(keys.external.expose()),
        membership_key: secret(keys.membership_key.expose()),
        resumption_psk: secret(keys.resumption_psk.expose()),
        epoch_authenticator: secret(keys.epoch_authenticator.expose()),
        init: secret(keys.init.expose()),
    })
}

pub(crate) fn past(
    context: &GroupContext,
    leaf_count: u32,
    sender_data: &[u8],
) -> Result<SecretBytes, EncodeError> {
    row(&PastRow { context: context.clone(), leaf_count, sender_data: secret(sender_data) })
}

pub(crate) fn proposal(
    pending: &PendingProposal,
    status: ProposalStatus,
) -> Result<SecretBytes, EncodeError> {
    let PendingProposal { reference, sender, proposal, authenticated_data } = pending.clone();
    let mut bytes = ProposalRow { reference, sender, proposal, authenticated_data }.encode()?;
    bytes.extend_from_slice(status.to_stored());
    Ok(bytes.into())
}

/// Decodes a row that [`proposal`] has written, or returns `None` if the row is malformed.
pub(crate) fn read_proposal(row: &SecretBytes) -> Option<(PendingProposal, ProposalStatus)> {
    let (row, status) = ProposalRow::decode_prefix(row.expose()).ok()?;
    let ProposalRow { reference, sender, proposal, authenticated_data } = row;
    let proposal = PendingProposal { reference, sender, proposal, authenticated_data };
    Some((proposal, ProposalStatus::stored(status)?))
}

pub(crate) fn own_update(key_pair: &HpkeKeyPair) -> Result<SecretBytes, EncodeError> {
    row(&OwnUpdateRow { private: secret(key_pair.private.expose()), public: key_pair.public.clone() })
}

pub(crate) fn own_proposal(
    message: &MlsMessage,
    reference: &ProposalRef,
) -> Result<SecretBytes, EncodeError> {
    row(&OwnProposalRow { message: message.clone(), reference: reference.clone() })
}

pub(crate) fn external_join(message: &MlsMessage) -> Result<SecretBytes, EncodeError> {
    row(message)
}

pub(crate) fn opened_commit(
    message: &PrivateMessage,
    content: &AuthenticatedContent,
) -> Result<SecretBytes, EncodeError> {
    row(&OpenedCommitRow { message: message.clone(), content: content.clone() })
}

pub(crate) fn pending_commit(pending: &Pending) -> Result<SecretBytes, EncodeError> {
    let Pending { staged, message } = pending;
    let by_value = staged.proposals.iter().filter_map(Committed::by_value);
    let leaves = staged.leaves.iter();
    let rows = staged.rows.iter();
    row(&PendingRow {
        message: message.clone(),
        follows: staged.follows.0.clone(),
        by_value: by_value.cloned().collect(),
        added: staged.effects.added.clone(),
        removed: staged.effects.removed.clone(),
        reinit: staged.effects.reinit.clone(),
        leaves: leaves.map(|(leaf, encoded)| PendingLeaf { leaf: *leaf, encoded: encoded.clone() }).collect(),
        rows: rows
            .map(|(key, row)| PendingChange {
                key: key.to_bytes().into(),
                row: row.as_ref().map(|row| secret(row.expose())),
            })
            .collect(),
    })
}
