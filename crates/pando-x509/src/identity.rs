//! Identities (RFC 9420, section 5.3), which consist of names and of the authorities that certify
//! them.
//!
//! A name alone is not an identity. Otherwise, a second trust anchor that certifies the same name
//! could replace a member with its own client, by an Update or by an external Commit that removes
//! the member. Therefore, the following rules apply:
//!
//! - The subject and the key of the trust anchor are part of every identity. If an anchor's
//!   certificate is reissued with the same subject and key, it remains the same anchor. Any other
//!   anchor has its own clients. If two authorities are to certify the same clients, one of them
//!   must certify the other.
//! - A distinguished name, like every other name that [is not global](NameKind::is_global), is
//!   meaningful only to its issuer. An identity with such a name therefore includes the names of
//!   all issuers below the anchor. These names identify one CA, because a CA does not assign the
//!   same name twice (RFC 5280, section 4.1.2.6). Self-issued certificates, by which an issuer
//!   changes its key, are omitted, because they have the same name.
//! - All names of the [identifying kinds](crate::X509Config::identity_kinds) are part of the
//!   identity, in any order.

use crate::certificate::Parsed;
use crate::name::Name;
use crate::name_kind::NameKind;
use pando_wire::SignaturePublicKey;
use std::collections::{BTreeMap, BTreeSet};
use x509_cert::der::{self, Encode};

/// A trust anchor, as a part of identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorId {
    /// The subject of the trust anchor in DER.
    pub subject: Vec<u8>,
    /// The public key of the trust anchor.
    pub key: SignaturePublicKey,
}

/// The identity of a client, which [`X509Identities::identify`](crate::X509Identities::identify)
/// reads from a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The trust anchor at which the chain ends.
    pub anchor: AnchorId,
    /// The subjects of the issuers below the trust anchor in DER, starting with the topmost one.
    /// The list is empty if all names are global.
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
