//! The policy (RFC 9420, sections 5.3 and 5.3.1).

use crate::algorithm::Algorithm;
use crate::anchor::Anchor;
use crate::certificate::{Parsed, chain};
use crate::config::X509Config;
use crate::constraints::{Constraints, check_addresses};
use crate::path::{is_in_order, leads_to, time_of_validation};
use crate::profile::{check_issuer, check_leaf};
use crate::{AnchorError, ChainError, Identity};
use pando_crypto::CryptoProvider;
use pando_group::{IdentityError, IdentityPolicy};
use pando_wire::{Certificate, Credential, SignaturePublicKey};
use x509_cert::TbsCertificate;
use x509_cert::ext::pkix::ExtendedKeyUsage;

/// Credentials are chains of certificates that lead to a trust anchor. The crate's documentation says what is
/// checked.
#[derive(Debug)]
pub struct X509Identities {
    anchors: Vec<Anchor>,
    algorithms: Vec<Algorithm>,
    config: X509Config,
}

impl X509Identities {
    /// A policy with these trust anchors, which are certificates in DER.
    ///
    /// # Errors
    /// [`AnchorError`] if there is none, or if one of them cannot be one.
    pub fn new<A: AsRef<[u8]>>(
        provider: &dyn CryptoProvider,
        anchors: impl IntoIterator<Item = A>,
    ) -> Result<Self, AnchorError> {
        let algorithms = Algorithm::all(provider);
        let anchors = anchors.into_iter().enumerate();
        let anchors = anchors
            .map(|(index, der)| Anchor::new(index, der.as_ref(), &algorithms))
            .collect::<Result<Vec<_>, _>>()?;
        if anchors.is_empty() {
            return Err(AnchorError::None);
        }
        Ok(Self { anchors, algorithms, config: X509Config::default() })
    }

    /// The same with another configuration.
    #[must_use]
    pub fn with_config(self, config: X509Config) -> Self {
        Self { config, ..self }
    }

    /// Checks that a credential is a chain that leads from the signature key to a trust anchor. `now` is in
    /// seconds since 1970; without it, the chain must have been valid at some time.
    ///
    /// # Errors
    /// [`ChainError`] with what is wrong.
    pub fn check(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), ChainError> {
        let certificates = chain(credential)?;
        self.is_within_limits(certificates)?;
        let (certificates, included) = self.without_anchor(certificates);
        let is_repeated = |anchor: &Anchor| certificates.iter().any(|other| *other.cert_data == *anchor.der);
        if included.is_some_and(is_repeated) {
            return Err(ChainError::NameTwice(certificates.len()));
        }
        let parsed = (0..).zip(certificates).map(|(index, certificate)| Parsed::of_chain(index, certificate));
        let parsed = parsed.collect::<Result<Vec<_>, _>>()?;

        is_in_order(&parsed)?;
        let constraints = (0..).zip(&parsed).map(|(index, Parsed { tbs, .. })| self.may_be_used(index, tbs));
        let constraints = constraints.collect::<Result<Vec<_>, _>>()?;
        let leaf = parsed.first().ok_or(ChainError::Empty)?;
        let certified = Algorithm::public_key(&self.algorithms, leaf.tbs.subject_public_key_info());
        if certified.as_ref() != Some(key) {
            return Err(ChainError::LeafKey);
        }
        Identity::of_certificate(&leaf.tbs)?;

        let now = time_of_validation(&parsed, now)?;
        let top = parsed.last().ok_or(ChainError::Empty)?;
        // Trust anchors may share a name. If the chain has one, it must be that one.
        let anchors = self.anchors.iter().filter(|anchor| {
            anchor.subject == *top.tbs.issuer() && included.is_none_or(|included| included.der == anchor.der)
        });
        let mut error = match included {
            Some(_) => ChainError::Order(certificates.len()),
            None => ChainError::UnknownIssuer,
        };
        for anchor in anchors {
            let constraints = constraints.iter().chain([&anchor.constraints]).map(Option::as_ref);
            let path = check_addresses(&parsed, constraints)
                .and_then(|()| leads_to(&self.algorithms, anchor, &parsed, now));
            match path {
                Ok(()) => return Ok(()),
                Err(why) => error = why,
            }
        }
        Err(error)
    }

    fn is_within_limits(&self, certificates: &[Certificate]) -> Result<(), ChainError> {
        if certificates.len() > self.config.max_certificates {
            return Err(ChainError::TooMany(certificates.len()));
        }
        let lengths = certificates.iter().map(|certificate| certificate.cert_data.len());
        let bytes = lengths.fold(0_usize, usize::saturating_add);
        if bytes > self.config.max_bytes { Err(ChainError::TooLarge(bytes)) } else { Ok(()) }
    }

    /// The chain without its last certificate if that is a trust anchor, which need not be there.
    fn without_anchor<'a>(&self, certificates: &'a [Certificate]) -> (&'a [Certificate], Option<&Anchor>) {
        match certificates.split_last() {
            Some((last, rest)) if !rest.is_empty() => {
                let anchor = self.anchors.iter().find(|anchor| *anchor.der == *last.cert_data);
                (if anchor.is_some() { rest } else { certificates }, anchor)
            }
            _ => (certificates, None),
        }
    }

    /// Checks what a certificate may be used for. Returns its constraints on names.
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
        // webpki knows one purpose at a time.
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

    /// Whom the credential names; nothing if that is nobody, whom nobody succeeds.
    fn identity(&self, credential: &Credential) -> Vec<u8> {
        Identity::of(credential).map(|identity| identity.to_bytes()).unwrap_or_default()
    }

    /// Whether both name the same.
    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
        Identity::of(old).is_ok_and(|old| Identity::of(new) == Ok(old))
    }
}
