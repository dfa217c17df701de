//! An identity policy that identifies clients by their names.

use pando_mls::wire::SignaturePublicKey;
use pando_mls::{BasicIdentities, Credential, IdentityError, IdentityPolicy};

/// A policy like `BasicIdentities`, except that names must be unique.
pub(crate) struct Names;

impl IdentityPolicy for Names {
    fn validate(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), IdentityError> {
        BasicIdentities.validate(credential, key, now)
    }

    fn client_id(&self, credential: &Credential) -> Option<Vec<u8>> {
        match credential {
            Credential::Basic { identity } => Some(identity.to_vec()),
            _ => None,
        }
    }

    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
        BasicIdentities.may_succeed(old, new)
    }
}
