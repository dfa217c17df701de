//! Revocation lists (docs/protocol.md, section 3.1).
//!
//! A [`RevocationList`] is data from the network. [`RevocationList::verify`] returns
//! its contents as [`Revocations`]. Left out on purpose: how old a list may be. The caller
//! compares [`Revocations::time`] with its clock.

use crate::certificate::MAX_VERSION;
use crate::id::{ClientId, Domain};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use pando_mls::{Encode, EncodeError, Opaque};
use pando_wire::list;
use std::collections::BTreeMap;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The label of the signature.
const LABEL: &str = "Pando 1.0 RevocationList";

/// A signed list, which is not verified.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct RevocationList {
    list: RevocationListTbs,
    /// Ed25519.
    signature: Opaque,
}

impl Encode for RevocationList {}

/// The signed part of a list.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct RevocationListTbs {
    label: Opaque,
    domain: Domain,
    number: u64,
    time: u64,
    #[tls_codec(with = "list")]
    revocations: Vec<Revocation>,
}

impl Encode for RevocationListTbs {}

/// A revoked client: this version and all lower ones.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Revocation {
    client: ClientId,
    version: u64,
}

/// The revocations of one domain, from a list that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocations {
    domain: Domain,
    number: u64,
    time: u64,
    versions: BTreeMap<ClientId, u64>,
}

impl RevocationList {
    /// Signs revocations with the feed key of their domain.
    ///
    /// # Errors
    /// [`EncodeError`] if the list is too long.
    pub fn sign(revocations: &Revocations, key: &SigningKey) -> Result<Self, EncodeError> {
        let Revocations { domain, number, time, versions } = revocations;
        let versions = versions.iter();
        let list = RevocationListTbs {
            label: Opaque::from(LABEL),
            domain: domain.clone(),
            number: *number,
            time: *time,
            revocations: versions
                .map(|(client, version)| Revocation { client: client.clone(), version: *version })
                .collect(),
        };
        let signature = Opaque::from(&key.sign(&list.encode()?).to_bytes());
        Ok(Self { list, signature })
    }

    /// Verifies the list with the feed key of a domain.
    ///
    /// # Errors
    /// [`RevocationError`] for the first violated rule.
    pub fn verify(self, domain: &Domain, key: &VerifyingKey) -> Result<Revocations, RevocationError> {
        let message = self.list.encode().map_err(|_| RevocationError::Signature)?;
        let signature = Signature::from_slice(&self.signature).map_err(|_| RevocationError::Signature)?;
        key.verify_strict(&message, &signature).map_err(|_| RevocationError::Signature)?;

        let RevocationListTbs { label, domain: listed, number, time, revocations } = self.list;
        if *label != *LABEL.as_bytes() {
            return Err(RevocationError::Label);
        }
        if listed != *domain {
            return Err(RevocationError::OtherDomain(listed));
        }
        if !revocations.is_sorted_by(|one, next| one.client < next.client) {
            return Err(RevocationError::Order);
        }
        let versions = revocations.into_iter().map(|Revocation { client, version }| (client, version));
        Revocations::new(listed, number, time, versions.collect())
    }
}

impl Revocations {
    /// Returns the revocations of a domain: for each client, the highest revoked version. `number`
    /// rises with each list, and `time` is in milliseconds since 1970.
    ///
    /// # Errors
    /// [`RevocationError`] if a client is of another domain, or a version cannot be revoked.
    pub fn new(
        domain: Domain,
        number: u64,
        time: u64,
        versions: BTreeMap<ClientId, u64>,
    ) -> Result<Self, RevocationError> {
        if let Some(other) = versions.keys().find(|client| client.domain() != domain) {
            return Err(RevocationError::OtherClient(other.clone()));
        }
        match versions.values().find(|version| !(1..=MAX_VERSION).contains(*version)) {
            Some(version) => Err(RevocationError::Version(*version)),
            None => Ok(Self { domain, number, time, versions }),
        }
    }

    /// Returns the domain of the clients.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Returns the number of the list.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Returns the time at which the list was made, in milliseconds since 1970.
    #[must_use]
    pub const fn time(&self) -> u64 {
        self.time
    }

    /// Returns the highest revoked version of each client.
    #[must_use]
    pub const fn versions(&self) -> &BTreeMap<ClientId, u64> {
        &self.versions
    }

    /// Returns whether a version of a client's certificate is revoked.
    #[must_use]
    pub fn is_revoked(&self, client: &ClientId, version: u64) -> bool {
        self.versions.get(client).is_some_and(|revoked| version <= *revoked)
    }

    /// Replaces the revocations by those of a newer list of the same domain. The same list is
    /// accepted, and changes nothing.
    ///
    /// # Errors
    /// [`RevocationError`] if the other list is of another domain or is older, has the same number
    /// and other contents, or takes back a revocation. The revocations are then unchanged.
    pub fn replace(&mut self, newer: Self) -> Result<(), RevocationError> {
        if newer.domain != self.domain {
            return Err(RevocationError::OtherDomain(newer.domain));
        }
        if newer.number < self.number {
            return Err(RevocationError::Older { number: newer.number, known: self.number });
        }
        if newer.number == self.number && newer != *self {
            return Err(RevocationError::TwoLists(newer.number));
        }
        let keeps = |(client, version): (&ClientId, &u64)| newer.is_revoked(client, *version);
        if !self.versions.iter().all(keeps) {
            return Err(RevocationError::Shrinks(newer.number));
        }
        *self = newer;
        Ok(())
    }
}

/// Reason why a revocation list is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// The signature is not by the feed key.
    #[error("revocation list is not signed by the feed key of the domain")]
    Signature,
    /// The signed structure is not a revocation list.
    #[error("label of the revocation list is wrong")]
    Label,
    /// The list is of another domain.
    #[error("revocation list is of the domain {0}")]
    OtherDomain(Domain),
    /// The clients are not sorted, or one of them occurs twice.
    #[error("clients in the revocation list are not in increasing order")]
    Order,
    /// A client is not of the domain of the list. The text leaves the client out, because errors
    /// may be logged.
    #[error("revocation list contains a client of another domain")]
    OtherClient(ClientId),
    /// A version is not between 1 and 2^63 - 1.
    #[error("revoked version {0} is not between 1 and 2^63 - 1")]
    Version(u64),
    /// The list is older than the known one.
    #[error("revocation list {number} is older than the known list {known}")]
    Older {
        /// The number of the refused list.
        number: u64,
        /// The number of the known list.
        known: u64,
    },
    /// The authority signed two lists with one number.
    #[error("authority signed two revocation lists with the number {0}")]
    TwoLists(u64),
    /// The list lowers the revoked version of a client, or leaves the client out.
    #[error("revocation list {0} takes back a revocation")]
    Shrinks(u64),
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_mls::{Decode, DecodeError};
    use proptest::prelude::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn domain() -> Domain {
        "example.org".parse().unwrap()
    }

    fn client(text: &str) -> ClientId {
        text.parse().unwrap()
    }

    fn revocations(number: u64, clients: &[(&str, u64)]) -> Revocations {
        let versions = clients.iter().map(|(text, version)| (client(text), *version));
        Revocations::new(domain(), number, 1_000, versions.collect()).unwrap()
    }

    /// Signs a list with any contents.
    fn forge(change: impl FnOnce(&mut RevocationListTbs)) -> RevocationList {
        let honest =
            revocations(1, &[("a@example.org/x", 1), ("b@example.org/x", 2), ("c@example.org/x", 3)]);
        let mut list = RevocationList::sign(&honest, &key(1)).unwrap();
        change(&mut list.list);
        list.signature = Opaque::from(&key(1).sign(&list.list.encode().unwrap()).to_bytes());
        list
    }

    fn verify(list: RevocationList) -> Result<Revocations, RevocationError> {
        list.verify(&domain(), &key(1).verifying_key())
    }

    #[test]
    fn a_version_and_all_lower_ones_are_revoked() {
        let list = revocations(7, &[("b@example.org/x", MAX_VERSION), ("a@example.org/x", 3)]);
        let bytes = RevocationList::sign(&list, &key(1)).unwrap().encode().unwrap();
        let verified = verify(RevocationList::decode(&bytes).unwrap()).unwrap();
        assert_eq!(verified, list);
        assert_eq!((verified.number(), verified.time(), verified.domain()), (7, 1_000, &domain()));
        for (text, version, is_revoked) in [
            ("a@example.org/x", 1, true),
            ("a@example.org/x", 3, true),
            ("a@example.org/x", 4, false),
            ("a@example.org/y", 1, false),
            ("b@example.org/x", MAX_VERSION, true),
            ("a@example.com/x", 1, false),
        ] {
            assert_eq!(verified.is_revoked(&client(text), version), is_revoked, "{text} {version}");
        }
    }

    #[test]
    fn the_signed_bytes_are_as_specified() {
        let list = RevocationList::sign(&revocations(7, &[("a@example.org/x", 3)]), &key(1)).unwrap();
        let expected = [
            b"\x18Pando 1.0 RevocationList".as_slice(),
            b"\x0bexample.org",
            &7_u64.to_be_bytes(),
            &1_000_u64.to_be_bytes(),
            b"\x18\x0fa@example.org/x",
            &3_u64.to_be_bytes(),
        ]
        .concat();
        let bytes = list.encode().unwrap();
        let signature = key(1).sign(&expected).to_bytes();
        assert_eq!(bytes, [&*expected, &[0x40, 64], &signature].concat());
    }

    #[test]
    fn an_empty_list_is_a_list() {
        let list = revocations(0, &[]);
        assert_eq!(verify(RevocationList::sign(&list, &key(1)).unwrap()), Ok(list));
    }

    #[test]
    fn signatures_by_other_keys_and_of_other_contents_are_refused() {
        let list = forge(|_| ());
        assert_eq!(list.clone().verify(&domain(), &key(2).verifying_key()), Err(RevocationError::Signature));
        for signature in [vec![], vec![0; 63], vec![0; 64], vec![0; 65]] {
            let forged = RevocationList { signature: signature.into(), ..list.clone() };
            assert_eq!(verify(forged), Err(RevocationError::Signature));
        }
        let mut altered = list.clone();
        altered.list.number += 1;
        assert_eq!(verify(altered), Err(RevocationError::Signature));
        let mut shorter = list;
        shorter.list.revocations.pop();
        assert_eq!(verify(shorter), Err(RevocationError::Signature));
    }

    #[test]
    fn signed_lists_that_break_a_rule_are_refused() {
        let other: Domain = "example.com".parse().unwrap();
        let foreign = client("b@example.com/x");
        for (list, rule) in [
            (forge(|list| list.label = Opaque::from("Pando 1.0 Login")), RevocationError::Label),
            (forge(|list| list.domain = other.clone()), RevocationError::OtherDomain(other.clone())),
            (forge(|list| list.revocations.swap(0, 1)), RevocationError::Order),
            (forge(|list| list.revocations[1] = list.revocations[0].clone()), RevocationError::Order),
            (
                forge(|list| list.revocations[1].client = foreign.clone()),
                RevocationError::OtherClient(foreign.clone()),
            ),
            (forge(|list| list.revocations[1].version = 0), RevocationError::Version(0)),
            (forge(|list| list.revocations[1].version = 1 << 63), RevocationError::Version(1 << 63)),
        ] {
            assert_eq!(verify(list), Err(rule));
        }
    }

    #[test]
    fn older_lists_are_refused() {
        let mut known = revocations(7, &[("a@example.org/x", 3)]);
        let unchanged = known.clone();
        let older = revocations(6, &[("a@example.org/x", 9)]);
        assert_eq!(known.replace(older), Err(RevocationError::Older { number: 6, known: 7 }));
        let same_number = revocations(7, &[]);
        assert_eq!(known.replace(same_number), Err(RevocationError::TwoLists(7)));
        let other: Domain = "example.com".parse().unwrap();
        let foreign = Revocations::new(other.clone(), 8, 0, BTreeMap::new()).unwrap();
        assert_eq!(known.replace(foreign), Err(RevocationError::OtherDomain(other)));
        assert_eq!(known, unchanged);

        assert_eq!(known.replace(unchanged), Ok(()));
        let newer = revocations(8, &[("a@example.org/x", 3), ("b@example.org/x", 1)]);
        assert_eq!(known.replace(newer.clone()), Ok(()));
        assert_eq!(known, newer);
    }

    #[test]
    fn lists_that_take_back_a_revocation_are_refused() {
        let mut known = revocations(7, &[("a@example.org/x", 3), ("b@example.org/x", 1)]);
        let unchanged = known.clone();
        for clients in [
            &[][..],
            &[("a@example.org/x", 3)],
            &[("a@example.org/x", 2), ("b@example.org/x", 1)],
            &[("a@example.org/x", 9), ("c@example.org/x", 1)],
        ] {
            assert_eq!(known.replace(revocations(8, clients)), Err(RevocationError::Shrinks(8)));
            assert_eq!(known, unchanged);
        }
        let newer = revocations(8, &[("a@example.org/x", 4), ("b@example.org/x", 1)]);
        assert_eq!(known.replace(newer.clone()), Ok(()));
        assert_eq!(known, newer);
    }

    #[test]
    fn errors_do_not_print_clients() {
        let other = client("b@example.com/x");
        assert!(!RevocationError::OtherClient(other.clone()).to_string().contains(other.as_str()));
    }

    #[test]
    fn revocations_that_cannot_be_listed_are_refused() {
        let of = |text: &str, version| Revocations::new(domain(), 1, 0, [(client(text), version)].into());
        assert_eq!(of("a@example.com/x", 1), Err(RevocationError::OtherClient(client("a@example.com/x"))));
        assert_eq!(of("a@example.org/x", 0), Err(RevocationError::Version(0)));
        assert_eq!(of("a@example.org/x", u64::MAX), Err(RevocationError::Version(u64::MAX)));
    }

    #[test]
    fn malformed_clients_are_refused_while_decoding() {
        let mut bytes = forge(|_| ()).encode().unwrap();
        let place = bytes.windows(15).position(|window| window == b"a@example.org/x").unwrap();
        bytes[place] = b'A';
        assert!(matches!(RevocationList::decode(&bytes), Err(DecodeError::Malformed(_))));
    }

    proptest! {
        #[test]
        fn decoding_any_bytes_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(list) = RevocationList::decode(&bytes) {
                prop_assert_eq!(list.encode().unwrap(), bytes);
            }
        }

        /// Each altered byte makes the list invalid.
        #[test]
        fn altered_lists_are_refused(place in any::<prop::sample::Index>(), change in 1..=255_u8) {
            let mut bytes = forge(|_| ()).encode().unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= change;
            let Ok(list) = RevocationList::decode(&bytes) else { return Ok(()) };
            prop_assert!(verify(list).is_err());
        }
    }
}
