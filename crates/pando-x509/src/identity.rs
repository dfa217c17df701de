//! Identities (RFC 9420, section 5.3): names, and whose word it is that they belong to a client.
//!
//! A name alone is not an identity. If it were, a second trust anchor that certifies the same name
//! could put its client in the place of a member, by an Update or by an external Commit that
//! removes the member. So:
//!
//! - The trust anchor is part of every identity: its subject and its key. An anchor that is issued
//!   again with both stays the same anchor; each other one has clients of its own. Where two
//!   authorities shall have the same clients, one of them certifies the other.
//! - A distinguished name, and every other name that [is not global](NameKind::is_global), is an
//!   agreement between an issuer and its clients. The names of all issuers below the anchor are
//!   part of such an identity. They lead to one CA only, because a CA gives no name twice (RFC
//!   5280, section 4.1.2.6). Issuers that certify themselves under another key are left out: they
//!   have the same name.
//! - All names of the [kinds that count](crate::X509Config::identity_kinds) are part of the
//!   identity, in any order.

use crate::certificate::Parsed;
use crate::name::Name;
use crate::name_kind::NameKind;
use pando_wire::SignaturePublicKey;
use std::collections::{BTreeMap, BTreeSet};
use x509_cert::der::{self, Encode};

/// A trust anchor as a part of identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorId {
    /// Its subject in DER.
    pub subject: Vec<u8>,
    /// Its public key.
    pub key: SignaturePublicKey,
}

/// The identity of a client, as [`X509Identities::identify`](crate::X509Identities::identify) reads
/// it from a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The trust anchor at which the chain ends.
    pub anchor: AnchorId,
    /// The subjects of the issuers below the trust anchor in DER, from above. Empty if all names
    /// are global.
    pub issuers: Vec<Vec<u8>>,
    /// The names of the client.
    pub names: BTreeSet<Name>,
}

impl Identity {
    pub(crate) fn new(
        anchor: &AnchorId,
        chain: &[Parsed<'_>],
        names: BTreeMap<Name, NameKind>,
    ) -> der::Result<Self> {
        let is_global = names.values().all(|kind| kind.is_global());
        let issuers = chain.iter().skip(1).rev().map(|issuer| &issuer.tbs);
        let issuers = issuers.filter(|issuer| !is_global && issuer.subject() != issuer.issuer());
        let issuers = issuers.map(|issuer| issuer.subject().to_der()).collect::<Result<_, _>>()?;
        Ok(Self { anchor: anchor.clone(), issuers, names: names.into_keys().collect() })
    }

    /// Encodes the identity. No two have the same encoding, and it is the same on every platform.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let number = |len: usize| u64::try_from(len).unwrap_or(u64::MAX).to_be_bytes();
        let mut bytes = Vec::new();
        let mut put = |part: &[u8]| {
            bytes.extend_from_slice(&number(part.len()));
            bytes.extend_from_slice(part);
        };
        put(&self.anchor.subject);
        put(&self.anchor.key);
        put(&number(self.issuers.len()));
        self.issuers.iter().for_each(|issuer| put(issuer));
        for (kind, name) in self.names.iter().map(Name::parts) {
            put(&[kind]);
            put(name);
        }
        bytes
    }
}
