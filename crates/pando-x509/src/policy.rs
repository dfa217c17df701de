//! The identity policy (RFC 9420, sections 5.3 and 5.3.1).

use crate::algorithm::Algorithm;
use crate::anchor::Anchor;
use crate::certificate::{Parsed, chain};
use crate::config::X509Config;
use crate::constraints::{Constraints, check_addresses, check_kinds};
use crate::name::{Name, names};
use crate::name_kind::NameKind;
use crate::path::{is_in_order, leads_to, time_of_validation};
use crate::profile::{check_issuer, check_leaf};
use crate::{AnchorError, ChainError, Identity};
use pando_crypto::CryptoProvider;
use pando_group::{IdentityError, IdentityPolicy};
use pando_wire::{Certificate, Credential, SignaturePublicKey};
use rustls_pki_types::UnixTime;
use std::collections::BTreeMap;
use x509_cert::TbsCertificate;
use x509_cert::ext::pkix::ExtendedKeyUsage;

/// An identity policy for credentials that are certificate chains to a trust anchor. The crate
/// documentation lists its rules.
#[derive(Debug)]
pub struct X509Identities {
    /// The trust anchors, sorted so that the order in which the application lists them does not
    /// matter.
    anchors: Vec<Anchor>,
    algorithms: Vec<Algorithm>,
    config: X509Config,
}

/// A chain without its trust anchor, whose certificates are in order and are each acceptable when
/// considered alone.
struct Chain<'a> {
    certificates: Vec<Parsed<'a>>,
    /// The name constraints of each certificate in the chain.
    constraints: Vec<Option<Constraints>>,
    /// The trust anchor whose certificate the credential contained, if any.
    included: Option<&'a Anchor>,
}

impl Chain<'_> {
    fn leaf(&self) -> Result<&TbsCertificate, ChainError> {
        self.certificates.first().map(|leaf| &leaf.tbs).ok_or(ChainError::Empty)
    }
}

impl X509Identities {
    /// Creates a policy with the given trust anchors, which are certificates in DER. The order of
    /// the trust anchors does not matter.
    ///
    /// # Errors
    /// Returns [`AnchorError`] if there are no trust anchors, or if one of the certificates cannot
    /// be a trust anchor.
    pub fn new<A: AsRef<[u8]>>(
        provider: &dyn CryptoProvider,
        anchors: impl IntoIterator<Item = A>,
    ) -> Result<Self, AnchorError> {
        let algorithms = Algorithm::all(provider);
        let anchors = anchors.into_iter().enumerate();
        let mut anchors = anchors
            .map(|(index, der)| Anchor::new(index, der.as_ref(), &algorithms))
            .collect::<Result<Vec<_>, _>>()?;
        if anchors.is_empty() {
            return Err(AnchorError::None);
        }
        anchors.sort_by(|one, other| one.der.cmp(&other.der));
        Ok(Self { anchors, algorithms, config: X509Config::default() })
    }

    /// Returns the policy with the given configuration.
    #[must_use]
    pub fn with_config(self, config: X509Config) -> Self {
        Self { config, ..self }
    }

    /// Checks that a credential is a chain from the signature key to a trust anchor. The time `now`
    /// is in seconds since 1970. Without it, there must be a time at which the whole chain was
    /// valid.
    ///
    /// # Errors
    /// Returns the [`ChainError`] for the first rule that the credential violates.
    pub fn check(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), ChainError> {
        let chain = self.read(credential)?;
        let leaf = chain.leaf()?;
        let certified = Algorithm::public_key(&self.algorithms, leaf.subject_public_key_info());
        if certified.as_ref() != Some(key) {
            return Err(ChainError::LeafKey);
        }
        let names = names(leaf, &self.config.identity_kinds)?;
        let now = time_of_validation(&chain.certificates, now)?;
        self.validate_path(&chain, &names, now).map(drop)
    }

    /// Returns the identity that a credential claims. The function [`X509Identities::check`]
    /// verifies that claim, and a group calls it for all its members. This function verifies
    /// signatures only if trust anchors with the same subject have different keys.
    ///
    /// # Errors
    /// Returns [`ChainError`] if the credential is not a well-formed chain, contains no identifying
    /// name, or does not lead to a trust anchor.
    pub fn identify(&self, credential: &Credential) -> Result<Identity, ChainError> {
        let chain = self.read(credential)?;
        let names = names(chain.leaf()?, &self.config.identity_kinds)?;
        let mut anchors = self.anchors_above(&chain);
        let first = anchors.next().ok_or(ChainError::UnknownIssuer)?;
        let anchor = if anchors.all(|other| other.id == first.id) {
            first
        } else {
            let time = time_of_validation(&chain.certificates, None)?;
            self.validate_path(&chain, &names, time)?
        };
        Identity::new(&anchor.id, &chain.certificates, names).map_err(|_| ChainError::Malformed(0))
    }

    /// Parses a chain and checks all rules that do not depend on the time, the signature key or the
    /// trust anchor.
    fn read<'a>(&'a self, credential: &'a Credential) -> Result<Chain<'a>, ChainError> {
        let certificates = chain(credential)?;
        self.is_within_limits(certificates)?;
        let (certificates, included) = self.without_anchor(certificates);
        let is_repeated = |anchor: &Anchor| certificates.iter().any(|other| *other.cert_data == *anchor.der);
        if included.is_some_and(is_repeated) {
            return Err(ChainError::NameTwice(certificates.len()));
        }
        let certificates = (0..).zip(certificates);
        let certificates = certificates.map(|(index, certificate)| Parsed::of_chain(index, certificate));
        let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
        is_in_order(&certificates)?;
        let constraints =
            (0..).zip(&certificates).map(|(index, Parsed { tbs, .. })| self.may_be_used(index, tbs));
        let constraints = constraints.collect::<Result<_, _>>()?;
        Ok(Chain { certificates, constraints, included })
    }

    /// Returns the first trust anchor to which the path is valid.
    fn validate_path(
        &self,
        chain: &Chain<'_>,
        names: &BTreeMap<Name, NameKind>,
        time: UnixTime,
    ) -> Result<&Anchor, ChainError> {
        let mut error = match chain.included {
            Some(_) => ChainError::Order(chain.certificates.len()),
            None => ChainError::UnknownIssuer,
        };
        for anchor in self.anchors_above(chain) {
            let constraints = chain.constraints.iter().chain([&anchor.constraints]).map(Option::as_ref);
            let constraints: Vec<_> = constraints.collect();
            let path = check_kinds(names, &constraints)
                .and_then(|()| check_addresses(&chain.certificates, &constraints))
                .and_then(|()| leads_to(&self.algorithms, anchor, &chain.certificates, time));
            match path {
                Ok(()) => return Ok(anchor),
                Err(why) => error = why,
            }
        }
        Err(error)
    }

    /// Returns the trust anchors at which a chain may end. Several trust anchors may have the same
    /// name. If the chain includes the certificate of one of them, only that one is returned.
    fn anchors_above(&self, chain: &Chain<'_>) -> impl Iterator<Item = &Anchor> {
        let issuer = chain.certificates.last().map(|top| top.tbs.issuer());
        self.anchors.iter().filter(move |anchor| {
            Some(&anchor.subject) == issuer
                && chain.included.is_none_or(|included| included.der == anchor.der)
        })
    }

    fn is_within_limits(&self, certificates: &[Certificate]) -> Result<(), ChainError> {
        if certificates.len() > self.config.max_certificates {
            return Err(ChainError::TooMany(certificates.len()));
        }
        let lengths = certificates.iter().map(|certificate| certificate.cert_data.len());
        let bytes = lengths.fold(0_usize, usize::saturating_add);
        if bytes > self.config.max_bytes { Err(ChainError::TooLarge(bytes)) } else { Ok(()) }
    }

    /// Returns the chain without its last certificate if that certificate is a trust anchor, which
    /// a chain may or may not include.
    fn without_anchor<'a>(&self, certificates: &'a [Certificate]) -> (&'a [Certificate], Option<&Anchor>) {
        match certificates.split_last() {
            Some((last, rest)) if !rest.is_empty() => {
                let anchor = self.anchors.iter().find(|anchor| *anchor.der == *last.cert_data);
                (if anchor.is_some() { rest } else { certificates }, anchor)
            }
            _ => (certificates, None),
        }
    }

    /// Checks the usage of a certificate, and returns its name constraints.
    fn may_be_used(
        &self,
        index: usize,
        certificate: &TbsCertificate,
    ) -> Result<Option<Constraints>, ChainError> {
        let constraints = if index == 0 {
            check_leaf(certificate).map(|()| None)
        } else {
            check_issuer(certificate).map_err(|flaw| flaw.of_certificate(index))
        }?;
        // Check the purposes here, because `webpki` supports only one purpose at a time.
        let purposes =
            certificate.get_extension::<ExtendedKeyUsage>().map_err(|_| ChainError::Malformed(index))?;
        match purposes {
            Some((_, purposes)) if !purposes.0.iter().any(|id| self.config.key_purposes.contains(id)) => {
                Err(ChainError::KeyPurpose(index))
            }
            _ => Ok(constraints),
        }
    }
}

impl IdentityPolicy for X509Identities {
    fn validate(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), IdentityError> {
        Ok(self.check(credential, key, now)?)
    }

    /// Returns the identity if [all members must have different
    /// identities](X509Config::unique_identities).
    fn client_id(&self, credential: &Credential) -> Option<Vec<u8>> {
        let identity = self.config.unique_identities.then(|| self.identify(credential))?;
        identity.ok().map(|identity| identity.to_bytes())
    }

    /// Returns the identity, or an empty value if the credential has no identity. A credential
    /// without an identity cannot replace any other credential.
    fn identity(&self, credential: &Credential) -> Vec<u8> {
        self.identify(credential).map(|identity| identity.to_bytes()).unwrap_or_default()
    }

    /// Returns whether both credentials have the same identity.
    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
        self.identify(old).is_ok_and(|old| self.identify(new) == Ok(old))
    }
}
