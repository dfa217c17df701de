//! Identity policies that are not as usual.

use pando_mls::wire::SignaturePublicKey;
use pando_mls::{BasicIdentities, Credential, IdentityError, IdentityPolicy};

/// Everybody may become anybody.
pub(crate) struct Anybody;

impl IdentityPolicy for Anybody {
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

/// Members may be anybody, and nobody else has a say.
pub(crate) struct NoServers;

impl IdentityPolicy for NoServers {
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
