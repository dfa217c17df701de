//! The certificates that are revoked.

use crate::error::Refusal;
use crate::group::Admission;
use pando_api::{ClientId, DeviceCertificate, Domain, ProblemCode, RevocationError, Revocations};
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// The newest list of revocations of each domain.
#[derive(Debug, Default)]
pub(super) struct RevocationTable(RwLock<BTreeMap<Domain, Revocations>>);

impl RevocationTable {
    /// Replaces the list of a domain by a newer one.
    ///
    /// # Errors
    /// See [`Revocations::replace`].
    pub(super) fn replace(&self, newer: Revocations) -> Result<(), RevocationError> {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match table.get_mut(newer.domain()) {
            Some(known) => known.replace(newer),
            None => {
                table.insert(newer.domain().clone(), newer);
                Ok(())
            }
        }
    }

    /// Returns the number of the list of a domain.
    pub(super) fn number(&self, domain: &Domain) -> Option<u64> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        table.get(domain).map(Revocations::number)
    }

    /// Returns the highest revoked version of a client.
    pub(super) fn version(&self, client: &ClientId) -> Option<u64> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        table.get(&client.domain())?.versions().get(client).copied()
    }

    /// Returns whether a version of a client's certificate is revoked.
    pub(super) fn is_revoked(&self, client: &ClientId, version: u64) -> bool {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        table.get(&client.domain()).is_some_and(|known| known.is_revoked(client, version))
    }
}

impl Admission for RevocationTable {
    fn check(&self, certificate: &DeviceCertificate) -> Result<(), Refusal> {
        if self.is_revoked(&certificate.client, certificate.version) {
            return Err(Refusal::new(ProblemCode::CertificateRevoked, ""));
        }
        Ok(())
    }
}
