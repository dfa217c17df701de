//! Requests for device certificates (docs/protocol.md, section 3.2).
//!
//! A request proves that the client has the private signature key. Left out on purpose: the
//! version and the validity, which the authority decides, and the authentication of the user, which
//! the authority does by other means.

use crate::id::{ClientId, Domain};
use pando_mls::{
    CipherSuite, CryptoError, CryptoProvider, Encode, EncodeError, Opaque, Signature, SignaturePublicKey,
    Signer,
};
use tls_codec::{Serialize, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The label of the signature.
const LABEL: &str = "Pando 1.0 CertificateRequest";

/// A request for a certificate, signed with the key that is to be certified.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct CertificateRequest {
    /// A cipher suite whose signature scheme is that of the key.
    pub cipher_suite: CipherSuite,
    /// The client.
    pub client: ClientId,
    /// The signature key of the client.
    pub signature_key: SignaturePublicKey,
    /// The signature of the `CertificateRequestTBS`.
    pub signature: Signature,
}

impl Encode for CertificateRequest {}

/// Returns `CertificateRequestTBS`, the input of the signature.
fn to_be_signed(client: &ClientId, signature_key: &SignaturePublicKey) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    Opaque::from(LABEL).tls_serialize(&mut bytes)?;
    client.domain().tls_serialize(&mut bytes)?;
    client.tls_serialize(&mut bytes)?;
    signature_key.tls_serialize(&mut bytes)?;
    Ok(bytes)
}

impl CertificateRequest {
    /// Requests a certificate for the key of a signer.
    ///
    /// # Errors
    /// The error of the signer.
    pub fn sign(
        cipher_suite: CipherSuite,
        client: ClientId,
        signer: &dyn Signer,
    ) -> Result<Self, CryptoError> {
        let signature_key = signer.public_key().clone();
        let signature = signer.sign(&to_be_signed(&client, &signature_key)?)?;
        Ok(Self { cipher_suite, client, signature_key, signature })
    }

    /// Verifies the signature, and that the client is of the domain of the authority.
    ///
    /// # Errors
    /// [`CertificateRequestError`] for the first violated rule.
    pub fn verify(
        &self,
        provider: &dyn CryptoProvider,
        domain: &Domain,
    ) -> Result<(), CertificateRequestError> {
        if self.client.domain() != *domain {
            return Err(CertificateRequestError::OtherDomain(self.client.clone()));
        }
        let suite = provider.suite(self.cipher_suite);
        let suite = suite.ok_or(CertificateRequestError::CipherSuite(self.cipher_suite))?;
        let message = to_be_signed(&self.client, &self.signature_key).map_err(CryptoError::from)?;
        suite.check_signature_public_key(&self.signature_key)?;
        Ok(suite.verify(&self.signature_key, &message, &self.signature)?)
    }
}

/// Reason why a request for a certificate is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateRequestError {
    /// The client is not of the domain of the authority. The text leaves the client out, because
    /// errors may be logged.
    #[error("client is not of the domain of the authority")]
    OtherDomain(ClientId),
    /// The cipher suite is unknown.
    #[error("cipher suite {0} is unknown")]
    CipherSuite(CipherSuite),
    /// The key or the signature is not valid.
    #[error("proof of possession: {0}")]
    Proof(#[from] CryptoError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_mls::{Decode, RustCrypto};
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

    fn signer(suite: CipherSuite, seed: u64) -> Box<dyn Signer> {
        let suite = RustCrypto.suite(suite).unwrap();
        let key = suite.signature_generate_key(&mut ChaCha20Rng::seed_from_u64(seed)).unwrap();
        suite.signer(&key).unwrap()
    }

    fn alice() -> ClientId {
        "alice@example.org/laptop".parse().unwrap()
    }

    fn verify(request: &CertificateRequest) -> Result<(), CertificateRequestError> {
        request.verify(&RustCrypto, &alice().domain())
    }

    #[test]
    fn all_signature_schemes_can_be_proven() {
        for suite in (1..=7).map(CipherSuite) {
            let request = CertificateRequest::sign(suite, alice(), &*signer(suite, 1)).unwrap();
            assert_eq!(verify(&request), Ok(()));
            let bytes = request.encode().unwrap();
            assert_eq!(CertificateRequest::decode(&bytes).unwrap(), request);
        }
    }

    #[test]
    fn the_signed_bytes_are_as_specified() {
        let request = CertificateRequest::sign(SUITE, alice(), &*signer(SUITE, 1)).unwrap();
        let key = &request.signature_key;
        let expected = [
            b"\x1cPando 1.0 CertificateRequest".as_slice(),
            b"\x0bexample.org",
            b"\x18alice@example.org/laptop",
            b"\x20",
            key,
        ]
        .concat();
        let suite = RustCrypto.suite(SUITE).unwrap();
        assert_eq!(suite.verify(key, &expected, &request.signature), Ok(()));
    }

    #[test]
    fn proofs_of_something_else_are_refused() {
        let own = signer(SUITE, 1);
        let request = CertificateRequest::sign(SUITE, alice(), &*own).unwrap();
        let invalid = Err(CertificateRequestError::Proof(CryptoError::InvalidSignature));

        let other =
            CertificateRequest { signature_key: signer(SUITE, 2).public_key().clone(), ..request.clone() };
        assert_eq!(verify(&other), invalid);
        let other =
            CertificateRequest { client: "alice@example.org/phone".parse().unwrap(), ..request.clone() };
        assert_eq!(verify(&other), invalid);
        let label = RustCrypto.suite(SUITE).unwrap().sign_with_label(&*own, LABEL, b"").unwrap();
        assert_eq!(verify(&CertificateRequest { signature: label, ..request.clone() }), invalid);
        let mut altered = request.signature.to_vec();
        altered[0] ^= 1;
        assert_eq!(verify(&CertificateRequest { signature: altered.into(), ..request.clone() }), invalid);

        let elsewhere: ClientId = "alice@example.com/laptop".parse().unwrap();
        let foreign = CertificateRequest::sign(SUITE, elsewhere.clone(), &*own).unwrap();
        assert_eq!(verify(&foreign), Err(CertificateRequestError::OtherDomain(elsewhere.clone())));
        assert!(!verify(&foreign).unwrap_err().to_string().contains(elsewhere.as_str()));
        let unknown = CertificateRequest { cipher_suite: CipherSuite(0xf001), ..request.clone() };
        assert_eq!(verify(&unknown), Err(CertificateRequestError::CipherSuite(CipherSuite(0xf001))));
        let p256 = CertificateRequest {
            cipher_suite: CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256,
            ..request.clone()
        };
        assert_eq!(verify(&p256), Err(CertificateRequestError::Proof(CryptoError::InvalidPublicKey)));
        // A point of low order, for which some signatures are valid for every message.
        let low_order = CertificateRequest { signature_key: [0; 32].as_slice().into(), ..request };
        assert_eq!(verify(&low_order), Err(CertificateRequestError::Proof(CryptoError::InvalidPublicKey)));
    }
}
