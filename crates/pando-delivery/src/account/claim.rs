//! Claiming KeyPackages (docs/protocol.md, section 12).
//!
//! The answer to a claim is stored, so that a client that has received no answer repeats the claim
//! and consumes no further KeyPackage. An answer without a KeyPackage is not stored: repeating the
//! claim consumes nothing, and a claim of a user that does not exist writes nothing.

use super::client_row::ClientRow;
use super::expiry::schedule;
use super::key::{Key, Use};
use super::key_package_rows::{Search, first};
use crate::error::Refusal;
use crate::group::Caller;
use crate::rows::{decode, encode};
use crate::store::Transaction;
use pando_api::{
    ClaimKeyPackages, ClaimStatus, ClaimTarget, ClaimedKeyPackage, ClaimedKeyPackages, ClientId, Digest,
    ProblemCode, UserId,
};
use pando_mls::wire::RequiredCapabilities;
use std::collections::BTreeSet;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The time after which a claim is forgotten, in milliseconds. Repeating it later is a new claim.
pub const CLAIM_RETENTION: u64 = 24 * 60 * 60 * 1_000;

/// The most types of each kind that a claim may require. They are compared within the transaction.
const MAX_TYPES: usize = 64;

/// A claim of KeyPackages.
#[derive(Debug, Clone)]
pub struct Claim {
    claimer: ClientId,
    request: ClaimKeyPackages,
    /// The digest of the encoded request.
    digest: Digest,
    /// The required types without those that every client supports, sorted.
    required: RequiredCapabilities,
}

/// The answer to a claim.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct ClaimRow {
    digest: Digest,
    answer: ClaimedKeyPackages,
}

impl Claim {
    /// Returns the claim of `caller`.
    ///
    /// # Errors
    /// [`ProblemCode::Malformed`] if the request names too many capabilities.
    pub fn new(caller: &Caller, request: ClaimKeyPackages) -> Result<Self, Refusal> {
        let RequiredCapabilities { extension_types, proposal_types, credential_types } =
            &request.capabilities;
        if [extension_types.len(), proposal_types.len(), credential_types.len()].into_iter().max()
            > Some(MAX_TYPES)
        {
            return Err(Refusal::new(ProblemCode::Malformed, "too many capabilities"));
        }
        let digest = Digest::of(&encode(&request)?);
        let RequiredCapabilities { extension_types, proposal_types, credential_types } =
            &request.capabilities;
        let required = RequiredCapabilities {
            extension_types: sorted(extension_types.iter().filter(|required| !required.is_default())),
            proposal_types: sorted(proposal_types.iter().filter(|required| !required.is_default())),
            credential_types: sorted(credential_types),
        };
        Ok(Self { claimer: caller.client.clone(), request, digest, required })
    }

    /// Returns the user whose clients' KeyPackages are claimed. [`Claim::write`] runs on the
    /// partition of this user.
    #[must_use]
    pub fn user(&self) -> UserId {
        match &self.request.target {
            ClaimTarget::User(user) => user.clone(),
            ClaimTarget::Client(client) => client.user(),
        }
    }

    /// Takes a KeyPackage of each client. If the claim is a repetition, takes nothing and returns
    /// the first answer. `is_revoked` tells whether a version of a client's certificate is revoked;
    /// no KeyPackage of such a client is served. `now` is in milliseconds since 1970.
    ///
    /// # Errors
    /// [`ProblemCode::IdempotencyConflict`] if the caller has used the identifier for another claim
    /// within [`CLAIM_RETENTION`].
    pub fn write(
        &self,
        rows: &mut dyn Transaction,
        is_revoked: &dyn Fn(&ClientId, u64) -> bool,
        now: u64,
    ) -> Result<ClaimedKeyPackages, Refusal> {
        let key = Key::Claim(&self.claimer, self.request.claim_id).encode();
        if let Some(row) = rows.get(&key)? {
            let ClaimRow { digest, answer } = decode(&row)?;
            let is_repeated = digest == self.digest;
            return if is_repeated {
                Ok(answer)
            } else {
                Err(Refusal::new(ProblemCode::IdempotencyConflict, ""))
            };
        }
        let targets = match &self.request.target {
            ClaimTarget::User(_) => {
                ClientRow::all(rows)?.into_iter().map(|(client, row)| (client, Some(row))).collect()
            }
            ClaimTarget::Client(client) => vec![(client.clone(), ClientRow::find(rows, client)?)],
        };
        let mut answer = ClaimedKeyPackages { clients: Vec::with_capacity(targets.len()) };
        for (client, row) in targets {
            let usable =
                row.filter(|row| row.has_current_key_packages() && !is_revoked(&client, row.version));
            let status = match usable {
                Some(_) => self.take(rows, &client, now)?,
                None => ClaimStatus::None,
            };
            answer.clients.push(ClaimedKeyPackage { client, status });
        }
        if answer.clients.iter().all(|claimed| claimed.status.key_package().is_none()) {
            return Ok(answer);
        }
        let row = ClaimRow { digest: self.digest, answer };
        rows.put(&key, &encode(&row)?)?;
        schedule(rows, now.saturating_add(CLAIM_RETENTION), &key, None)?;
        Ok(row.answer)
    }

    /// Takes a KeyPackage of a client. Deletes the KeyPackage, unless it is the one of last resort.
    fn take(&self, rows: &mut dyn Transaction, client: &ClientId, now: u64) -> Result<ClaimStatus, Refusal> {
        let suite = self.request.cipher_suite;
        let mut otherwise = ClaimStatus::None;
        for used in [Use::Once, Use::LastResort] {
            match first(rows, (used, client, suite), &self.required, now)? {
                Search::Found(key_package) => {
                    let bytes = key_package.bytes(rows)?;
                    return Ok(match used {
                        Use::Once => {
                            key_package.delete(rows)?;
                            ClaimStatus::KeyPackage(bytes)
                        }
                        Use::LastResort => ClaimStatus::LastResort(bytes),
                    });
                }
                Search::Unsupported => otherwise = ClaimStatus::Unsupported,
                Search::Nothing => {}
            }
        }
        Ok(otherwise)
    }
}

/// Returns types sorted and without duplicates. The list is of any length, so it is sorted once and
/// not for each client.
fn sorted<'a, T: Ord + Copy + 'a>(types: impl IntoIterator<Item = &'a T>) -> Vec<T> {
    types.into_iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
}
