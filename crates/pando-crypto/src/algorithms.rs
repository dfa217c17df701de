//! The algorithms of which a cipher suite is put together. Each backend implements these traits with its own
//! library; `composed.rs` makes a suite of them, `dhkem.rs` and `hpke.rs` make HPKE of them.

use crate::{
    AeadKey, AeadNonce, CryptoError, Digest, SecretBytes, SignaturePrivateKey, SignedMessage, Signer,
    parallel,
};
use hpke::hybrid_array::{Array, ArraySize};
use pando_wire::{Signature, SignaturePublicKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// Secret bytes of a length that is known when this is compiled.
pub(crate) type Secret<N> = Zeroizing<Array<u8, N>>;

/// A hash function, with HMAC and HKDF over it.
pub(crate) trait Kdf: 'static {
    /// `Nh`: the length of the hash.
    type HashLen: ArraySize;
    /// A pseudorandom key, ready to be expanded any number of times.
    type Prk;
    /// The number of HKDF over this hash (RFC 9180, section 7.2).
    const KDF_ID: u16;

    /// The hash of the concatenation of `parts`.
    fn hash(parts: &[&[u8]]) -> Digest;

    /// HMAC of the concatenation of `parts`.
    fn mac(key: &[u8], parts: &[&[u8]]) -> Digest;

    /// `Extract` of the concatenation of `ikm`.
    fn extract(salt: &[u8], ikm: &[&[u8]]) -> Secret<Self::HashLen>;

    /// Makes a pseudorandom key ready.
    ///
    /// # Errors
    /// [`CryptoError::InvalidLength`] if it is shorter than `Nh`.
    fn prk(prk: &[u8]) -> Result<Self::Prk, CryptoError>;

    /// `Expand` with the concatenation of `info`.
    ///
    /// # Errors
    /// [`CryptoError::InvalidLength`] if `out` is longer than 255 times the hash.
    fn expand(prk: &Self::Prk, info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError>;
}

/// A Diffie-Hellman group with the KDF that RFC 9180 pairs it with, which in all cipher suites of RFC 9420 is
/// that of the suite.
pub(crate) trait Group: Sized + 'static {
    /// `Nsk`: the length of a private key.
    type PrivateLen: ArraySize;
    /// `Npk`: the length of a public key.
    type PublicLen: ArraySize;
    /// `Ndh`: the length of a shared point.
    type SharedLen: ArraySize;
    /// The KDF.
    type Kdf: Kdf;
    /// A private key, ready for use.
    type Key;
    /// The number of the KEM (RFC 9180, section 7.1).
    const KEM_ID: u16;

    /// Brings a private key into the one form in which it is kept and written (RFC 9180, section 7.1.2).
    fn clamp(_: &mut Array<u8, Self::PrivateLen>) {
        // On the NIST curves, a private key is a number and has no other form.
    }

    /// Makes a private key ready, once it is clamped; `None` if these bytes are none.
    fn key(private: &Array<u8, Self::PrivateLen>) -> Option<Self::Key>;

    /// Whether these bytes are a public key, in its one encoding.
    fn is_public(public: &Array<u8, Self::PublicLen>) -> bool;

    /// The private key for which `expand(label, info)` gives candidates (RFC 9180, section 7.1.3), clamped.
    fn derive(expand: impl Fn(&[u8], &[u8], &mut [u8])) -> Option<(Secret<Self::PrivateLen>, Self::Key)>;

    /// The public key of a private key. `None` if the library fails.
    fn public(key: &Self::Key) -> Option<Array<u8, Self::PublicLen>>;

    /// Diffie-Hellman. `None` if [`Group::is_public`] does not hold, or the result is the neutral element.
    fn dh(key: &Self::Key, public: &Array<u8, Self::PublicLen>) -> Option<Secret<Self::SharedLen>>;
}

/// Derives a private key on a NIST curve, of whose first byte only the bits of `mask` are used (RFC 9180,
/// section 7.1.3).
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

/// An AEAD with nonces of 96 bits; see [`Primitives`](crate::Primitives) for the errors.
pub(crate) trait Aead: 'static {
    /// The number of the AEAD (RFC 9180, section 7.3).
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

/// `Nn`: the length of a nonce of every AEAD.
pub(crate) const NONCE_LEN: usize = 12;

/// `Nt`: how much longer a ciphertext is than its plaintext, with every AEAD.
pub(crate) const TAG_LEN: usize = 16;

/// A signature scheme; see [`Primitives`](crate::Primitives) for what each function does and accepts.
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
