//! Uploading KeyPackages (docs/protocol.md, sections 6.2 and 12).
//!
//! [`CheckedUpload::check`] verifies the KeyPackages. [`CheckedUpload::write`] stores them in one
//! transaction, except for those that the server has stored before.

use super::client_row::ClientRow;
use super::key::Use;
use super::key_package_rows::{KeyPackageRow, MIN_REMAINING, NewKeyPackage, all, stored};
use crate::error::Refusal;
use crate::group::{Caller, Environment};
use crate::store::Transaction;
use pando_api::{DeviceCertificate, LastResort, ProblemCode, UploadKeyPackages};
use pando_mls::wire::{LeafNodeSource, RequiredCapabilities};
use pando_mls::{
    Capabilities, CipherSuite, Decode, GroupError, KeyPackage, Opaque, Violation, check_key_package,
};
use std::collections::BTreeMap;

/// The most bytes of a KeyPackage. Its certificate has at most 4,096 bytes.
pub const MAX_KEY_PACKAGE_BYTES: usize = 16_384;

/// The most types of each kind in the capabilities of a KeyPackage. They are compared within the
/// transaction of a claim.
const MAX_TYPES: usize = 256;

/// The most KeyPackages of an upload, apart from the one of last resort.
pub const MAX_UPLOADED: usize = 100;

/// The most stored KeyPackages of a client and cipher suite, apart from the one of last resort.
pub const MAX_STORED: usize = 200;

/// KeyPackages that were checked.
#[derive(Debug)]
pub struct CheckedUpload {
    caller: Caller,
    /// The KeyPackages with their indices in the request.
    key_packages: Vec<(u64, NewKeyPackage)>,
}

impl CheckedUpload {
    /// Checks an upload of `caller`.
    ///
    /// # Errors
    /// - [`ProblemCode::TooLarge`] if there are more than [`MAX_UPLOADED`] KeyPackages.
    /// - [`ProblemCode::InvalidKeyPackage`] with the index of the first KeyPackage that violates a
    ///   rule. The KeyPackage of last resort has the index after the others.
    /// - The errors of [`Admission::check`](crate::group::Admission::check).
    pub fn check(
        (env, caller): (&Environment<'_>, &Caller),
        request: &UploadKeyPackages,
    ) -> Result<Self, Refusal> {
        let UploadKeyPackages { key_packages, last_resort } = request;
        if key_packages.len() > MAX_UPLOADED {
            let limit = u64::try_from(MAX_UPLOADED).ok();
            let refusal = Refusal::new(ProblemCode::TooLarge, "there are too many KeyPackages");
            return Err(refusal.with(|problem| problem.limit = limit));
        }
        let once = key_packages.iter().map(|bytes| (Use::Once, bytes));
        let last_resort = (!last_resort.is_empty()).then_some((Use::LastResort, last_resort));
        let all = once.chain(last_resort).zip(0_u64..);
        let checked = all.map(|((used, bytes), index)| {
            let checked = check(env, caller, used, bytes);
            let (certificate, key_package) = checked.map_err(|refusal| at(refusal, index))?;
            env.admission.check(&certificate)?;
            Ok((index, key_package))
        });
        Ok(Self { caller: caller.clone(), key_packages: checked.collect::<Result<_, Refusal>>()? })
    }

    /// Returns the number of bytes that the transaction writes, approximately.
    #[must_use]
    pub fn size(&self) -> usize {
        let sizes = self.key_packages.iter().map(|(_, new)| new.bytes.len().saturating_add(1_000));
        sizes.fold(0, usize::saturating_add)
    }

    /// Stores the KeyPackages, except for those that were stored before. Deletes all KeyPackages
    /// with a certificate of a lower version.
    ///
    /// # Errors
    /// - [`ProblemCode::CertificateSuperseded`] if the client has logged in with a higher version.
    /// - [`ProblemCode::InvalidKeyPackage`] with the index of a KeyPackage of last resort whose
    ///   lifetime begins before that of the stored one.
    /// - [`ProblemCode::Limit`] if the client would have more than [`MAX_STORED`] KeyPackages of a
    ///   cipher suite.
    pub fn write(&self, rows: &mut dyn Transaction, now: u64) -> Result<(), Refusal> {
        let Caller { client, version } = &self.caller;
        let mut row = ClientRow::of_caller(rows, &self.caller)?;
        if row.key_packages < *version {
            for used in [Use::Once, Use::LastResort] {
                for key_package in all(rows, used, client)? {
                    key_package.delete(rows)?;
                }
            }
            row.key_packages = *version;
        }
        row.write(rows, client)?;
        let mut counts = BTreeMap::new();
        for (index, new) in &self.key_packages {
            if new.is_known(rows)? {
                continue;
            }
            match new.used {
                Use::Once => self.count(rows, &mut counts, new.suite)?,
                Use::LastResort => {
                    self.replace_last_resort(rows, new, now).map_err(|refusal| at(refusal, *index))?;
                }
            }
            new.store(rows, client)?;
        }
        Ok(())
    }

    /// Counts a new KeyPackage. `counts` has the numbers of stored KeyPackages that are known.
    fn count(
        &self,
        rows: &dyn Transaction,
        counts: &mut BTreeMap<CipherSuite, usize>,
        suite: CipherSuite,
    ) -> Result<(), Refusal> {
        let before = match counts.get(&suite) {
            Some(count) => *count,
            None => stored(rows, (Use::Once, &self.caller.client, suite), MAX_STORED)?,
        };
        if before >= MAX_STORED {
            let limit = u64::try_from(MAX_STORED).ok();
            let refusal = Refusal::new(ProblemCode::Limit, "the client has too many KeyPackages");
            return Err(refusal.with(|problem| problem.limit = limit));
        }
        counts.insert(suite, before.saturating_add(1));
        Ok(())
    }

    /// Deletes the KeyPackage of last resort that a new one replaces. A delayed request must not
    /// replace a KeyPackage by an earlier one, whose private key the client may have deleted.
    fn replace_last_resort(
        &self,
        rows: &mut dyn Transaction,
        new: &NewKeyPackage,
        now: u64,
    ) -> Result<(), Refusal> {
        for old in all(rows, Use::LastResort, &self.caller.client)? {
            if old.suite != new.suite {
                continue;
            }
            if old.expires > now && old.row.not_before > new.row.not_before {
                return Err(invalid("the stored KeyPackage of last resort is later"));
            }
            old.delete(rows)?;
        }
        Ok(())
    }
}

/// Checks one KeyPackage. Returns its certificate, whose admission the caller checks.
fn check(
    env: &Environment<'_>,
    caller: &Caller,
    used: Use,
    bytes: &Opaque,
) -> Result<(DeviceCertificate, NewKeyPackage), Refusal> {
    if bytes.len() > MAX_KEY_PACKAGE_BYTES {
        return Err(invalid("it is too large"));
    }
    let key_package = KeyPackage::decode(bytes).map_err(|error| invalid(&error.to_string()))?;
    let suite = env.crypto.suite(key_package.cipher_suite);
    let suite = suite.ok_or_else(|| invalid("the server does not support the cipher suite"))?;

    let leaf = &key_package.leaf_node;
    let Capabilities { extensions, proposals, credentials, .. } = &leaf.capabilities;
    if [extensions.len(), proposals.len(), credentials.len()].into_iter().max() > Some(MAX_TYPES) {
        return Err(invalid("it lists too many capabilities"));
    }
    let certificate = DeviceCertificate::read(&leaf.credential);
    let certificate = certificate.map_err(|_| invalid("the credential is not a device certificate"))?;
    if certificate.client != caller.client {
        return Err(invalid("it is of another client"));
    }
    if certificate.version != caller.version {
        return Err(invalid("its certificate has another version than that of the session"));
    }

    let last_resort = key_package.extensions.find::<LastResort>();
    let last_resort = last_resort.map_err(|_| invalid("the extension last_resort is malformed"))?;
    match (used, last_resort) {
        (Use::Once, None) | (Use::LastResort, Some(_)) => {}
        (Use::Once, Some(_)) => return Err(invalid("it has the extension last_resort")),
        (Use::LastResort, None) => return Err(invalid("the extension last_resort is missing")),
    }
    let LeafNodeSource::KeyPackage { lifetime } = &leaf.leaf_node_source else {
        return Err(invalid("it has no lifetime"));
    };
    // A Commit that adds a client with an expired certificate is refused.
    let expires = lifetime.not_after.min(certificate.not_after).saturating_mul(1_000);
    if expires <= env.now.saturating_add(MIN_REMAINING) {
        return Err(invalid("it expires within an hour"));
    }
    check_key_package(&key_package, suite, env.identities, Some(env.seconds())).map_err(|error| {
        invalid(&match error {
            // The text of the identity policy may name the client.
            GroupError::Violation(Violation::Credential(_)) => "the credential is not valid".to_owned(),
            error => error.to_string(),
        })
    })?;

    let reference = suite.key_package_ref(&key_package).map_err(|error| Refusal::internal(&error))?;
    let row = KeyPackageRow { not_before: lifetime.not_before, supported: supported(&leaf.capabilities) };
    let suite = key_package.cipher_suite;
    let (reference, bytes) = (reference.to_vec(), bytes.clone());
    Ok((certificate, NewKeyPackage { used, suite, expires, reference, row, bytes }))
}

/// Returns the types that a leaf supports, sorted.
fn supported(capabilities: &Capabilities) -> RequiredCapabilities {
    fn sorted<T: Ord + Copy>(types: &[T]) -> Vec<T> {
        let mut sorted = types.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        sorted
    }
    RequiredCapabilities {
        extension_types: sorted(&capabilities.extensions),
        proposal_types: sorted(&capabilities.proposals),
        credential_types: sorted(&capabilities.credentials),
    }
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(ProblemCode::InvalidKeyPackage, why)
}

/// Returns the refusal of the KeyPackage with this index.
fn at(refusal: Refusal, index: u64) -> Refusal {
    refusal.with(|problem| problem.index = Some(index))
}
