//! The users of leaves.

use crate::UserId;
use crate::certificate::{CertificateError, DeviceCertificate};
use pando_mls::{Credential, LeafIndex, StateView, TreeError};

/// Reads the certificate of a credential, without verifying the certificate.
pub(super) fn certificate_of(credential: &Credential) -> Result<DeviceCertificate, CertificateError> {
    DeviceCertificate::read(credential)
}

/// Returns the certificate of the member at a leaf. Returns `None` if the leaf is blank or does not
/// exist, or if its certificate cannot be read.
pub(super) fn certificate_at(
    state: StateView<'_>,
    leaf: LeafIndex,
) -> Result<Option<DeviceCertificate>, TreeError> {
    let credential = state.credential(leaf)?;
    Ok(credential.and_then(|credential| certificate_of(&credential).ok()))
}

/// Returns the user of the member at a leaf, as [`certificate_at`] does.
pub(super) fn user_at(state: StateView<'_>, leaf: LeafIndex) -> Result<Option<UserId>, TreeError> {
    Ok(certificate_at(state, leaf)?.map(|certificate| certificate.client.user()))
}

/// Returns whether a member's user is wanted. `candidates` are examined first, and then all leaves
/// from left to right, so the candidates change the work and not the result.
pub(super) fn has_member(
    state: StateView<'_>,
    candidates: impl IntoIterator<Item = LeafIndex>,
    is_wanted: impl Fn(&UserId) -> bool,
) -> Result<bool, TreeError> {
    for leaf in candidates.into_iter().map(Ok).chain(state.tree().members()) {
        if user_at(state, leaf?)?.is_some_and(|user| is_wanted(&user)) {
            return Ok(true);
        }
    }
    Ok(false)
}
