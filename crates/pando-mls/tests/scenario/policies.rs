//! Identity policies that differ from the default.

use pando_mls::wire::SignaturePublicKey;
use pando_mls::{BasicIdentities, Credential, IdentityError, IdentityPolicy};

/// A policy that permits every change of identity.
pub(crate) struct AnyIdentity;

impl IdentityPolicy for AnyIdentity {
    fn validate(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), IdentityError> {
        BasicIdentities.validate(credential, key, now)
    }

    fn may_succeed(&self, _: &Credential, _: &Credential) -> bool {
        true
    }
}

/// A policy that accepts all members but no external senders.
pub(crate) struct NoExternalSenders;

impl IdentityPolicy for NoExternalSenders {
    fn validate(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), IdentityError> {
        BasicIdentities.validate(credential, key, now)
    }

    fn validate_external_sender(
        &self,
        _: &Credential,
        _: &SignaturePublicKey,
        _: Option<u64>,
    ) -> Result<(), IdentityError> {
        Err(IdentityError("no servers".into()))
    }

    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
        BasicIdentities.may_succeed(old, new)
    }
}
