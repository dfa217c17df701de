//! Sources of pre-shared keys (RFC 9420, section 8.4).

use crate::{GroupError, Missing};
use pando_crypto::{CryptoRng, Suite};
use pando_schedule::{PskSecret, PskValue};
use pando_tree::SourceError;
use pando_wire::{GroupId, PreSharedKey, PreSharedKeyId, Proposal, Psk, ResumptionPskUsage};

/// The application's pre-shared keys.
///
/// If a key cannot be read, the operation fails with [`GroupError::Source`] and changes nothing.
pub trait PskStore {
    /// Returns an external PSK by its identifier, or `None` if the client does not have it.
    ///
    /// # Errors
    /// [`SourceError`] if the read fails.
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError>;

    /// Returns the resumption PSK of an epoch of another group, or of an epoch whose PSK the group
    /// itself no longer keeps. Returns `None` if the client does not have it.
    ///
    /// # Errors
    /// [`SourceError`] if the read fails.
    fn resumption(&self, group_id: &GroupId, epoch: u64) -> Result<Option<PskValue>, SourceError>;
}

/// A store without any pre-shared keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPsks;

impl PskStore for NoPsks {
    fn external(&self, _: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }

    fn resumption(&self, _: &GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }
}

/// Returns whether a PSK is for reinitialization or branching.
pub(crate) fn is_resumption(id: &PreSharedKeyId) -> bool {
    matches!(id.psk, Psk::Resumption { usage: ResumptionPskUsage::ReInit | ResumptionPskUsage::Branch, .. })
}

/// Returns a PreSharedKey proposal with a fresh nonce (section 12.1.4).
pub(crate) fn propose_psk(suite: Suite, psk: Psk, rng: &mut dyn CryptoRng) -> Proposal {
    let mut nonce = suite.zero_secret();
    rng.fill_bytes(nonce.expose_mut());
    let psk = PreSharedKeyId { psk, psk_nonce: nonce.expose().into() };
    Proposal::PreSharedKey(Box::new(PreSharedKey { psk }))
}

/// Returns the pre-shared key with the given identifier. `own` returns the resumption PSKs of the
/// group's own epochs.
pub(crate) fn find_psk(
    id: &PreSharedKeyId,
    own: impl Fn(&GroupId, u64) -> Option<PskValue>,
    store: &dyn PskStore,
) -> Result<Option<PskValue>, SourceError> {
    match &id.psk {
        Psk::External { psk_id } => store.external(psk_id),
        Psk::Resumption { psk_group_id, psk_epoch, .. } => match own(psk_group_id, *psk_epoch) {
            Some(value) => Ok(Some(value)),
            None => store.resumption(psk_group_id, *psk_epoch),
        },
    }
}

/// Returns the PSK secret that results from the given pre-shared keys, in their order. `own`
/// returns the resumption PSKs of the group's own epochs.
pub(crate) fn psk_secret<'a>(
    suite: Suite,
    ids: impl IntoIterator<Item = &'a PreSharedKeyId>,
    own: impl Fn(&GroupId, u64) -> Option<PskValue>,
    store: &dyn PskStore,
) -> Result<PskSecret, GroupError> {
    let psks = ids
        .into_iter()
        .map(|id| {
            let value = find_psk(id, &own, store)?;
            value.map(|value| (id, value)).ok_or_else(|| Missing::Psk(id.clone()).into())
        })
        .collect::<Result<Vec<_>, GroupError>>()?;
    Ok(PskSecret::new(suite, psks.iter().map(|(id, value)| (*id, value)))?)
}
