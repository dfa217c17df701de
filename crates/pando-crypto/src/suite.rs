//! A cipher suite that provides the labelled operations of RFC 9420.

use crate::{
    AeadKey, AeadNonce, CryptoError, HpkeKeyPair, HpkeMessage, Primitives, SecretBytes, SignedMessage, Signer,
};
use pando_wire::{
    Encode, HashReference, HpkeCiphertext, HpkePublicKey, KeyPackage, KeyPackageRef, ProposalRef, Signature,
    SignaturePublicKey, vector_header,
};
use rand_core::CryptoRng;
use std::fmt;
use std::ops::Deref;

/// The prefix of every label (sections 5.1.2, 5.1.3 and 8).
const LABEL_PREFIX: &[u8] = b"MLS 1.0 ";

/// A provider's implementation of a cipher suite, which provides the labelled operations and
/// dereferences to the [`Primitives`].
#[derive(Clone, Copy)]
pub struct Suite(&'static dyn Primitives);

impl Suite {
    /// Creates a cipher suite from its primitives.
    #[must_use]
    pub const fn new(primitives: &'static dyn Primitives) -> Self {
        Self(primitives)
    }

    /// Computes `RefHash(label, value) = Hash(RefHashInput)` (section 5.2). No prefix is added to
    /// the label.
    ///
    /// # Errors
    /// Returns [`CryptoError::Encode`] if the value is too long.
    pub fn ref_hash(self, label: &str, value: &[u8]) -> Result<HashReference, CryptoError> {
        let label = label.as_bytes();
        let digest = self.hash(&[
            vector_header(label.len())?.as_ref(),
            label,
            vector_header(value.len())?.as_ref(),
            value,
        ]);
        Ok(HashReference::from(&*digest))
    }

    /// Computes `MakeKeyPackageRef` (section 5.2).
    ///
    /// # Errors
    /// Returns [`CryptoError::Encode`] if the KeyPackage is too long.
    pub fn key_package_ref(self, key_package: &KeyPackage) -> Result<KeyPackageRef, CryptoError> {
        self.ref_hash("MLS 1.0 KeyPackage Reference", &key_package.encode()?)
    }

    /// Computes `MakeProposalRef` (section 5.2) of an encoded AuthenticatedContent that contains a
    /// Proposal.
    ///
    /// # Errors
    /// Returns [`CryptoError::Encode`] if the content is too long.
    pub fn proposal_ref(self, authenticated_content: &[u8]) -> Result<ProposalRef, CryptoError> {
        self.ref_hash("MLS 1.0 Proposal Reference", authenticated_content)
    }

    /// Computes `ExpandWithLabel(secret, label, context, length)` (section 8), and returns `length`
    /// bytes.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidLength`] if the length exceeds 65,535 or 255 times `KDF.Nh`,
    /// or if the secret is shorter than `KDF.Nh`.
    pub fn expand_with_label(
        self,
        secret: &[u8],
        label: &str,
        context: &[u8],
        length: usize,
    ) -> Result<SecretBytes, CryptoError> {
        let label = label.as_bytes();
        let label_len = LABEL_PREFIX.len().saturating_add(label.len());
        let length_field = u16::try_from(length).map_err(|_| CryptoError::InvalidLength)?.to_be_bytes();
        let (label_header, context_header) = (vector_header(label_len)?, vector_header(context.len())?);
        // Encode the KDFLabel.
        let info: [&[u8]; 6] =
            [&length_field, label_header.as_ref(), LABEL_PREFIX, label, context_header.as_ref(), context];
        self.expand(secret, &info, length)
    }

    /// Computes `ExpandWithLabel(secret, label, context, length)` (section 8) for each triple of
    /// label, context and length.
    ///
    /// One call is faster than separate calls of [`Suite::expand_with_label`], because the HMAC key
    /// is set up only once.
    ///
    /// # Errors
    /// Returns the same errors as [`Suite::expand_with_label`].
    pub fn expand_with_labels<const N: usize>(
        self,
        secret: &[u8],
        outputs: [(&str, &[u8], usize); N],
    ) -> Result<[SecretBytes; N], CryptoError> {
        let mut infos = Vec::with_capacity(N);
        for (label, context, length) in outputs {
            let length_field = u16::try_from(length).map_err(|_| CryptoError::InvalidLength)?.to_be_bytes();
            // Encode the KDFLabel.
            infos.push([length_field.as_slice(), &labelled(label, context)?].concat());
        }
        let infos: Vec<_> =
            infos.iter().zip(outputs).map(|(info, (.., length))| (info.as_slice(), length)).collect();
        self.expand_many(secret, &infos)?.try_into().map_err(|_| CryptoError::InvalidLength)
    }

    /// Computes `DeriveSecret(secret, label)` (section 8), and returns `KDF.Nh` bytes.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidLength`] if the secret is shorter than `KDF.Nh`.
    pub fn derive_secret(self, secret: &[u8], label: &str) -> Result<SecretBytes, CryptoError> {
        self.expand_with_label(secret, label, &[], self.hash_len())
    }

    /// Computes `DeriveTreeSecret(secret, label, generation, length)` (section 9.1), and returns
    /// `length` bytes.
    ///
    /// # Errors
    /// Returns the same errors as [`Suite::expand_with_label`].
    pub fn derive_tree_secret(
        self,
        secret: &[u8],
        label: &str,
        generation: u32,
        length: usize,
    ) -> Result<SecretBytes, CryptoError> {
        self.expand_with_label(secret, label, &generation.to_be_bytes(), length)
    }

    /// Expands one secret into an AEAD key and a nonce, with the labels "key" and "nonce" (sections
    /// 6.3.2 and 12.4.3.1).
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidLength`] if the secret is shorter than `KDF.Nh`.
    pub fn expand_key_and_nonce(
        self,
        secret: &[u8],
        context: &[u8],
    ) -> Result<(AeadKey, AeadNonce), CryptoError> {
        let outputs = [("key", context, self.aead_key_len()), ("nonce", context, self.aead_nonce_len())];
        let [key, nonce] = self.expand_with_labels(secret, outputs)?;
        Ok((key.into(), nonce.into()))
    }

    /// Computes `SignWithLabel(., label, content)` (section 5.1.2).
    ///
    /// # Errors
    /// Returns the error of the signer, or [`CryptoError::Encode`] if the content is too long.
    pub fn sign_with_label(
        self,
        signer: &dyn Signer,
        label: &str,
        content: &[u8],
    ) -> Result<Signature, CryptoError> {
        signer.sign(&labelled(label, content)?)
    }

    /// Performs `VerifyWithLabel(public, label, content, signature)` (section 5.1.2).
    ///
    /// # Errors
    /// Returns the same errors as [`Primitives::verify`], or [`CryptoError::Encode`] if the content
    /// is too long.
    pub fn verify_with_label(
        self,
        public: &SignaturePublicKey,
        label: &str,
        content: &[u8],
        signature: &Signature,
    ) -> Result<(), CryptoError> {
        self.verify(public, &labelled(label, content)?, signature)
    }

    /// Performs `VerifyWithLabel` for each of many signatures, with the same label.
    ///
    /// # Errors
    /// Returns the position of the first rejected signature, together with the reason.
    pub fn verify_batch_with_label(
        self,
        label: &str,
        contents: &[SignedMessage<'_>],
    ) -> Result<(), (usize, CryptoError)> {
        let messages = contents
            .iter()
            .enumerate()
            .map(|(position, signed)| labelled(label, signed.message).map_err(|error| (position, error)))
            .collect::<Result<Vec<_>, _>>()?;
        let signed: Vec<_> = contents
            .iter()
            .zip(&messages)
            .map(|(signed, message)| SignedMessage { message, ..*signed })
            .collect();
        self.verify_batch(&signed)
    }

    /// Performs `EncryptWithLabel(public, label, context, plaintext)` (section 5.1.3).
    ///
    /// # Errors
    /// Returns the same errors as [`Primitives::hpke_seal`], or [`CryptoError::Encode`] if the
    /// context is too long.
    pub fn encrypt_with_label(
        self,
        public: &HpkePublicKey,
        label: &str,
        context: &[u8],
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<HpkeCiphertext, CryptoError> {
        self.hpke_seal(public, &labelled(label, context)?, &[], plaintext, rng)
    }

    /// Performs `EncryptWithLabel(public, label, context, plaintext)` (section 5.1.3) for each
    /// message, with the same label and context.
    ///
    /// # Errors
    /// Returns the same errors as [`Primitives::hpke_seal_many`], or [`CryptoError::Encode`] with
    /// position 0 if the context is too long.
    pub fn encrypt_with_label_to_many(
        self,
        label: &str,
        context: &[u8],
        messages: &[HpkeMessage<'_>],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<HpkeCiphertext>, (usize, CryptoError)> {
        let info = labelled(label, context).map_err(|error| (0, error))?;
        self.hpke_seal_many(&info, messages, rng)
    }

    /// Performs `DecryptWithLabel(private, label, context, kem_output, ciphertext)` (section
    /// 5.1.3).
    ///
    /// # Errors
    /// Returns the same errors as [`Primitives::hpke_open`], or [`CryptoError::Encode`] if the
    /// context is too long.
    pub fn decrypt_with_label(
        self,
        key_pair: &HpkeKeyPair,
        label: &str,
        context: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<SecretBytes, CryptoError> {
        self.hpke_open(key_pair, &labelled(label, context)?, &[], ciphertext)
    }

    /// Verifies a MAC in constant time. A MAC of the wrong length does not match.
    #[must_use]
    pub fn verify_mac(self, key: &[u8], parts: &[&[u8]], mac: &[u8]) -> bool {
        self.mac(key, parts).matches(mac)
    }

    /// Returns the string of `KDF.Nh` zero bytes that the key schedule calls `0` (section 8).
    #[must_use]
    pub fn zero_secret(self) -> SecretBytes {
        SecretBytes::from(vec![0; self.hash_len()])
    }
}

impl Deref for Suite {
    type Target = dyn Primitives;

    fn deref(&self) -> &(dyn Primitives + 'static) {
        self.0
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Suite({})", self.cipher_suite())
    }
}

impl PartialEq for Suite {
    fn eq(&self, other: &Self) -> bool {
        self.cipher_suite() == other.cipher_suite()
    }
}

impl Eq for Suite {}

/// Encodes SignContent, EncryptContext, or the fields of KDFLabel after the length. All three
/// consist of the label with its prefix, followed by the content.
fn labelled(label: &str, content: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let label_len = LABEL_PREFIX.len().saturating_add(label.len());
    let (label_header, content_header) = (vector_header(label_len)?, vector_header(content.len())?);
    Ok([label_header.as_ref(), LABEL_PREFIX, label.as_bytes(), content_header.as_ref(), content].concat())
}
