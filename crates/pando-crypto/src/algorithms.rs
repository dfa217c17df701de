//! The algorithms of a cipher suite. Each backend implements these traits with its own library.
//! `composed.rs` builds a suite from them, and `dhkem.rs` and `hpke.rs` build HPKE from them.

use crate::{
    AeadKey, AeadNonce, CryptoError, Digest, SecretBytes, SignaturePrivateKey, SignedMessage, Signer,
    parallel,
};
use hpke::hybrid_array::{Array, ArraySize};
use pando_wire::{Signature, SignaturePublicKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// Secret bytes whose length is known at compile time.
pub(crate) type Secret<N> = Zeroizing<Array<u8, N>>;

/// A hash function, with HMAC and HKDF over it.
pub(crate) trait Kdf: 'static {
    /// `Nh`: the length of the hash.
    type HashLen: ArraySize;
    /// A pseudorandom key, prepared for any number of expansions.
    type Prk;
    /// The HKDF identifier of this hash (RFC 9180, section 7.2).
    const KDF_ID: u16;

    /// Returns the hash of the concatenation of `parts`.
    fn hash(parts: &[&[u8]]) -> Digest;

    /// Returns the HMAC of the concatenation of `parts`.
    fn mac(key: &[u8], parts: &[&[u8]]) -> Digest;

    /// Performs `Extract` on the concatenation of `ikm`.
    fn extract(salt: &[u8], ikm: &[&[u8]]) -> Secret<Self::HashLen>;

    /// Prepares a pseudorandom key.
    ///
    /// # Errors
    /// [`CryptoError::InvalidLength`] if it is shorter than `Nh`.
    fn prk(prk: &[u8]) -> Result<Self::Prk, CryptoError>;

    /// Performs `Expand` with the concatenation of `info`.
    ///
    /// # Errors
    /// [`CryptoError::InvalidLength`] if `out` is longer than 255 times the hash.
    fn expand(prk: &Self::Prk, info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError>;
}

/// A Diffie-Hellman group with the KDF of its KEM in RFC 9180. In all cipher suites of RFC 9420,
/// that is also the KDF of the suite.
pub(crate) trait Group: Sized + 'static {
    /// `Nsk`: the length of a private key.
    type PrivateLen: ArraySize;
    /// `Npk`: the length of a public key.
    type PublicLen: ArraySize;
    /// `Ndh`: the length of a shared point.
    type SharedLen: ArraySize;
    /// The KDF.
    type Kdf: Kdf;
    /// A prepared private key.
    type Key;
    /// The identifier of the KEM (RFC 9180, section 7.1).
    const KEM_ID: u16;

    /// Converts a private key to its canonical form (RFC 9180, section 7.1.2), in which it is kept
    /// and serialized.
    fn clamp(_: &mut Array<u8, Self::PrivateLen>) {
        // On the NIST curves, a private key is a number and has no other form.
    }

    /// Prepares a clamped private key; `None` if the bytes are not a private key.
    fn key(private: &Array<u8, Self::PrivateLen>) -> Option<Self::Key>;

    /// Returns whether these bytes are the canonical encoding of a public key.
    fn is_public(public: &Array<u8, Self::PublicLen>) -> bool;

    /// Derives the clamped private key for which `expand(label, info)` gives candidates (RFC 9180,
    /// section 7.1.3).
    fn derive(expand: impl Fn(&[u8], &[u8], &mut [u8])) -> Option<(Secret<Self::PrivateLen>, Self::Key)>;

    /// Returns the public key of a private key; `None` if the library fails.
    fn public(key: &Self::Key) -> Option<Array<u8, Self::PublicLen>>;

    /// Performs Diffie-Hellman. Returns `None` if [`Group::is_public`] is false, or if the result
    /// is the neutral element.
    fn dh(key: &Self::Key, public: &Array<u8, Self::PublicLen>) -> Option<Secret<Self::SharedLen>>;
}

/// Derives a private key on a NIST curve. Only the bits in `mask` of its first byte are used (RFC
/// 9180, section 7.1.3).
pub(crate) fn derive_candidate<G: Group>(
    mask: u8,
    expand: impl Fn(&[u8], &[u8], &mut [u8]),
) -> Option<(Secret<G::PrivateLen>, G::Key)> {
    (0..=u8::MAX).find_map(|counter| {
        let mut candidate = Zeroizing::new(Array::<u8, G::PrivateLen>::default());
        expand(b"candidate", &[counter], &mut candidate);
        if let Some(first) = candidate.first_mut() {
            *first &= mask;
        }
        G::key(&candidate).map(|key| (candidate, key))
    })
}

/// An AEAD with nonces of 96 bits. [`Primitives`](crate::Primitives) describes the errors.
pub(crate) trait Aead: 'static {
    /// The identifier of the AEAD (RFC 9180, section 7.3).
    const AEAD_ID: u16;
    /// `Nk`: the length of a key.
    const KEY_LEN: usize;

    fn seal(key: &AeadKey, nonce: &AeadNonce, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError>;

    fn open(
        key: &AeadKey,
        nonce: &AeadNonce,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError>;
}

/// `Nn`: the nonce length of every AEAD.
pub(crate) const NONCE_LEN: usize = 12;

/// `Nt`: the tag length of every AEAD, by which a ciphertext is longer than its plaintext.
pub(crate) const TAG_LEN: usize = 16;

/// A signature scheme. [`Primitives`](crate::Primitives) describes the functions and the accepted
/// inputs.
pub(crate) trait SignatureScheme: 'static {
    fn generate(rng: &mut dyn CryptoRng) -> Result<SignaturePrivateKey, CryptoError>;
    fn signer(private: &SignaturePrivateKey) -> Result<Box<dyn Signer>, CryptoError>;
    fn check(public: &SignaturePublicKey) -> Result<(), CryptoError>;
    fn verify(public: &SignaturePublicKey, message: &[u8], signature: &Signature) -> Result<(), CryptoError>;

    fn verify_batch(messages: &[SignedMessage<'_>]) -> Result<(), (usize, CryptoError)> {
        let verdicts =
            parallel::map(messages, |signed| Self::verify(signed.public, signed.message, signed.signature));
        let mut verdicts = verdicts.into_iter().enumerate();
        verdicts.try_for_each(|(position, verdict)| verdict.map_err(|error| (position, error)))
    }
}
