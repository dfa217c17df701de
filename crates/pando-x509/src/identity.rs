//! Identities (RFC 9420, section 5.3): names, and the authorities that certify them.
//!
//! A name alone is not an identity. If it were, a second trust anchor that certifies the same name
//! could replace a member by its own client, with an Update or with an external Commit that removes
//! the member. Therefore:
//!
//! - The trust anchor is part of every identity: its subject and its key. An anchor that is issued
//!   again with both stays the same anchor. Any other anchor has its own clients. If two
//!   authorities are to have the same clients, one of them must certify the other.
//! - A distinguished name, and every other name that [is not global](NameKind::is_global), is
//!   meaningful only to its issuer. The names of all issuers below the anchor are part of such an
//!   identity. They identify one CA, because a CA does not give the same name twice (RFC 5280,
//!   section 4.1.2.6). Self-issued certificates, by which an issuer changes its key, are left out
//!   because they have the same name.
//! - All names of the [identifying kinds](crate::X509Config::identity_kinds) are part of the
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

/// The identity of a client, which [`X509Identities::identify`](crate::X509Identities::identify)
/// reads from a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The trust anchor at which the chain ends.
    pub anchor: AnchorId,
    /// The subjects of the issuers below the trust anchor in DER, topmost first. Empty if all names
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

    /// Encodes the identity. Different identities have different encodings, and the encoding is the
    /// same on every platform.
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
