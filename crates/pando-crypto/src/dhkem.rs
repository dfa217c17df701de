//! DHKEM (RFC 9180, section 4.1) over any Diffie-Hellman group.
//!
//! The authenticated modes are deliberately not implemented, because MLS does not use them.

use crate::algorithms::{Group, Kdf, Secret};
use crate::{CryptoError, HpkeKeyPair, HpkePrivateKey};
use hpke::hybrid_array::Array;
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

/// A private key with its public key.
pub(crate) struct PrivateKey<G: Group> {
    pub(crate) private: Array<u8, G::PrivateLen>,
    pub(crate) public: PublicKey<G>,
}

/// A public key, which can also serve as an encapsulated key.
pub(crate) struct PublicKey<G: Group>(pub(crate) Array<u8, G::PublicLen>);

/// The serialized form of an encapsulated key.
pub(crate) type Encapped<G> = Array<u8, <G as Group>::PublicLen>;

/// The shared secret of the KEM, whose length (`Nsecret` in RFC 9180) is the length of the hash.
pub(crate) type SharedSecret<G> = Secret<<<G as Group>::Kdf as Kdf>::HashLen>;

impl<G: Group> PrivateKey<G> {
    /// Decodes a private key and returns its key pair.
    pub(crate) fn read(private: &[u8]) -> Result<Self, CryptoError> {
        let private = read_private::<G>(private)?;
        let key = G::key(&private).ok_or(CryptoError::InvalidPrivateKey)?;
        let public = G::public(&key).ok_or(CryptoError::InvalidPrivateKey)?;
        Ok(Self { private: (*private).clone(), public: PublicKey(public) })
    }

    /// Performs `DeriveKeyPair` (RFC 9180, section 7.1.3).
    pub(crate) fn derive(ikm: &[u8]) -> Result<Self, CryptoError> {
        let (private, _, public) = derive::<G>(ikm).ok_or(CryptoError::InvalidPrivateKey)?;
        Ok(Self { private: (*private).clone(), public: PublicKey(public) })
    }

    /// Converts this key pair to an [`HpkeKeyPair`].
    pub(crate) fn to_key_pair(&self) -> HpkeKeyPair {
        HpkeKeyPair {
            private: HpkePrivateKey::from(self.private.as_slice()),
            public: self.public.0.as_slice().into(),
        }
    }
}

impl<G: Group> PublicKey<G> {
    /// Decodes and checks a public key.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, CryptoError> {
        let public = Array::try_from(bytes).map_err(|_| CryptoError::InvalidPublicKey)?;
        if G::is_public(&public) { Ok(Self(public)) } else { Err(CryptoError::InvalidPublicKey) }
    }
}

/// Draws `Nsk` random bytes, from which `DeriveKeyPair` derives a fresh key.
pub(crate) fn fresh_ikm<G: Group>(rng: &mut dyn CryptoRng) -> Secret<G::PrivateLen> {
    let mut ikm = Zeroizing::new(Array::default());
    rng.fill_bytes(&mut ikm);
    ikm
}

/// Performs `Encap` with the ephemeral key pair derived from `ikm`. Returns the shared secret and
/// the encapsulated key.
///
/// # Errors
/// Returns [`CryptoError::InvalidPublicKey`] if the recipient's key is not accepted, or
/// [`CryptoError::BrokenRandomness`] if no ephemeral key can be derived.
pub(crate) fn encap<G: Group>(
    recipient: &[u8],
    ikm: &[u8],
) -> Result<(SharedSecret<G>, Encapped<G>), CryptoError> {
    let recipient = Array::try_from(recipient).map_err(|_| CryptoError::InvalidPublicKey)?;
    let (_, key, encapped) = derive::<G>(ikm).ok_or(CryptoError::BrokenRandomness)?;
    let dh = G::dh(&key, &recipient).ok_or(CryptoError::InvalidPublicKey)?;
    Ok((shared_secret::<G>(&dh, &encapped, &recipient)?, encapped))
}

/// Performs `Decap` with a prepared private key and the corresponding public key, which is trusted.
///
/// # Errors
/// Returns [`CryptoError::DecryptionFailed`] if the encapsulated key is not a valid public key.
pub(crate) fn decap<G: Group>(
    key: &G::Key,
    public: &Array<u8, G::PublicLen>,
    encapped: &[u8],
) -> Result<SharedSecret<G>, CryptoError> {
    let encapped = Array::try_from(encapped).map_err(|_| CryptoError::DecryptionFailed)?;
    let dh = G::dh(key, &encapped).ok_or(CryptoError::DecryptionFailed)?;
    shared_secret::<G>(&dh, &encapped, public)
}

/// Decodes a private key and clamps it. Checks only the length of the key.
pub(crate) fn read_private<G: Group>(bytes: &[u8]) -> Result<Secret<G::PrivateLen>, CryptoError> {
    let mut private = Zeroizing::new(Array::<u8, G::PrivateLen>::default());
    if bytes.len() != private.len() {
        return Err(CryptoError::InvalidPrivateKey);
    }
    private.copy_from_slice(bytes);
    G::clamp(&mut private);
    Ok(private)
}

/// Computes `LabeledExtract(salt, label, ikm)` (RFC 9180, section 4).
pub(crate) fn labeled_extract<K: Kdf>(
    suite_id: &[u8],
    salt: &[u8],
    label: &[u8],
    ikm: &[u8],
) -> Secret<K::HashLen> {
    K::extract(salt, &[b"HPKE-v1", suite_id, label, ikm])
}

/// Computes `LabeledExpand(prk, label, info, out.len())` (RFC 9180, section 4).
///
/// # Errors
/// Returns [`CryptoError::InvalidLength`] if `out` is longer than 255 times `Nh`.
pub(crate) fn labeled_expand<K: Kdf>(
    suite_id: &[u8],
    prk: &K::Prk,
    label: &[u8],
    info: [&[u8]; 2],
    out: &mut [u8],
) -> Result<(), CryptoError> {
    let len = u16::try_from(out.len()).map_err(|_| CryptoError::InvalidLength)?.to_be_bytes();
    let [first, second] = info;
    K::expand(prk, &[&len, b"HPKE-v1", suite_id, label, first, second], out)
}

/// The output of `DeriveKeyPair`: the private key, the prepared private key, and the public key.
type Derived<G> = (Secret<<G as Group>::PrivateLen>, <G as Group>::Key, Array<u8, <G as Group>::PublicLen>);

fn derive<G: Group>(ikm: &[u8]) -> Option<Derived<G>> {
    let suite_id = suite_id::<G>();
    let prk = G::Kdf::prk(&labeled_extract::<G::Kdf>(&suite_id, &[], b"dkp_prk", ikm)).ok()?;
    let (private, key) = G::derive(|label, info, out| {
        // The expansion cannot fail, because the output has the length of one key, which is far
        // below the limit.
        let _ = labeled_expand::<G::Kdf>(&suite_id, &prk, label, [info, &[]], out);
    })?;
    let public = G::public(&key)?;
    Some((private, key, public))
}

/// Performs `ExtractAndExpand` (RFC 9180, section 4.1).
fn shared_secret<G: Group>(
    dh: &[u8],
    encapped: &Array<u8, G::PublicLen>,
    recipient: &Array<u8, G::PublicLen>,
) -> Result<SharedSecret<G>, CryptoError> {
    let suite_id = suite_id::<G>();
    let prk = G::Kdf::prk(&labeled_extract::<G::Kdf>(&suite_id, &[], b"eae_prk", dh))?;
    let mut secret = SharedSecret::<G>::default();
    labeled_expand::<G::Kdf>(&suite_id, &prk, b"shared_secret", [encapped, recipient], &mut secret)?;
    Ok(secret)
}

fn suite_id<G: Group>() -> [u8; 5] {
    let [high, low] = G::KEM_ID.to_be_bytes();
    [b'K', b'E', b'M', high, low]
}

impl<G: Group> Clone for PrivateKey<G> {
    fn clone(&self) -> Self {
        Self { private: self.private.clone(), public: self.public.clone() }
    }
}

impl<G: Group> Drop for PrivateKey<G> {
    fn drop(&mut self) {
        self.private.zeroize();
    }
}

impl<G: Group> Clone for PublicKey<G> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
