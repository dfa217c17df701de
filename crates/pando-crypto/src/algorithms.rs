//! The algorithms of a cipher suite. Each backend implements these traits with its own library. The
//! module `composed` builds a cipher suite from them, and the modules `dhkem` and `hpke` build HPKE
//! from them.

use crate::{
    AeadKey, AeadNonce, CryptoError, Digest, SecretBytes, SignaturePrivateKey, SignedMessage, Signer,
    parallel,
};
use hpke::hybrid_array::{Array, ArraySize};
use pando_wire::{Signature, SignaturePublicKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// A secret byte string whose length is known at compile time.
pub(crate) type Secret<N> = Zeroizing<Array<u8, N>>;

/// A hash function, with the HMAC and the HKDF that are based on it.
pub(crate) trait Kdf: 'static {
    /// The length of the hash, called `Nh` in RFC 9180.
    type HashLen: ArraySize;
    /// A pseudorandom key that is prepared for any number of expansions.
    type Prk;
    /// The HKDF identifier of this hash (RFC 9180, section 7.2).
    const KDF_ID: u16;

    /// Returns the hash of the concatenation of `parts`.
    fn hash(parts: &[&[u8]]) -> Digest;

    /// Returns the HMAC of the concatenation of `parts`.
    fn mac(key: &[u8], parts: &[&[u8]]) -> Digest;

    /// Performs `Extract` on the concatenation of the parts in `ikm`.
    fn extract(salt: &[u8], ikm: &[&[u8]]) -> Secret<Self::HashLen>;

    /// Prepares a pseudorandom key for expansions.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidLength`] if the key is shorter than `Nh`.
    fn prk(prk: &[u8]) -> Result<Self::Prk, CryptoError>;

    /// Performs `Expand` with the concatenation of the parts in `info`.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidLength`] if `out` is longer than 255 times `Nh`.
    fn expand(prk: &Self::Prk, info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError>;
}

/// A Diffie-Hellman group, with the KDF that RFC 9180 uses in the KEM over this group. In all
/// cipher suites of RFC 9420, the suite uses the same KDF.
pub(crate) trait Group: Sized + 'static {
    /// The length of a private key, called `Nsk` in RFC 9180.
    type PrivateLen: ArraySize;
    /// The length of a public key, called `Npk` in RFC 9180.
    type PublicLen: ArraySize;
    /// The length of a Diffie-Hellman result, called `Ndh` in RFC 9180.
    type SharedLen: ArraySize;
    /// The KDF of the KEM.
    type Kdf: Kdf;
    /// A private key that is prepared for use.
    type Key;
    /// The identifier of the KEM (RFC 9180, section 7.1).
    const KEM_ID: u16;

    /// Converts a private key to the canonical form (RFC 9180, section 7.1.2) in which it is stored
    /// and serialized.
    fn clamp(_: &mut Array<u8, Self::PrivateLen>) {
        // On the NIST curves, a private key is a number, which has only one form.
    }

    /// Prepares a clamped private key, or returns `None` if the bytes are not a private key.
    fn key(private: &Array<u8, Self::PrivateLen>) -> Option<Self::Key>;

    /// Returns whether the bytes are the canonical encoding of a valid public key.
    fn is_public(public: &Array<u8, Self::PublicLen>) -> bool;

    /// Derives a clamped private key by calling `expand(label, info)`, if necessary for several
    /// candidates (RFC 9180, section 7.1.3).
    fn derive(expand: impl Fn(&[u8], &[u8], &mut [u8])) -> Option<(Secret<Self::PrivateLen>, Self::Key)>;

    /// Returns the public key that belongs to a private key, or `None` if the library fails.
    fn public(key: &Self::Key) -> Option<Array<u8, Self::PublicLen>>;

    /// Performs Diffie-Hellman. Returns `None` if [`Group::is_public`] rejects the public key, or
    /// if the result is the neutral element.
    fn dh(key: &Self::Key, public: &Array<u8, Self::PublicLen>) -> Option<Secret<Self::SharedLen>>;
}

/// Derives a private key on a NIST curve. In the first byte of each candidate, only the bits in
/// `mask` are used (RFC 9180, section 7.1.3).
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

/// An AEAD with 96-bit nonces. The trait [`Primitives`](crate::Primitives) describes the errors of
/// its functions.
pub(crate) trait Aead: 'static {
    /// The identifier of the AEAD (RFC 9180, section 7.3).
    const AEAD_ID: u16;
    /// The length of a key, called `Nk` in RFC 9180.
    const KEY_LEN: usize;

    fn seal(key: &AeadKey, nonce: &AeadNonce, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError>;

    fn open(
        key: &AeadKey,
        nonce: &AeadNonce,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError>;
}

/// The length of the nonces of every AEAD, called `Nn` in RFC 9180.
pub(crate) const NONCE_LEN: usize = 12;

/// The length of the tags of every AEAD, called `Nt` in RFC 9180. A ciphertext is longer than its
/// plaintext by this length.
pub(crate) const TAG_LEN: usize = 16;

/// A signature scheme. The trait [`Primitives`](crate::Primitives) describes its functions and the
/// inputs that they accept.
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
