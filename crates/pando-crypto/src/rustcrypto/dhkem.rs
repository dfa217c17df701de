//! DHKEM (RFC 9180, section 4.1) over any Diffie-Hellman group, as a KEM for the crate `hpke`.
//!
//! Left out on purpose: the authenticated modes, which MLS does not use.

use hkdf::{Hkdf, HkdfExtract};
use hmac::EagerHash;
use hpke::hybrid_array::{Array, ArraySize};
use hpke::kem::{Kem, SharedSecret};
use hpke::{Deserializable, HpkeError, Serializable};
use rand_core::CryptoRng;
use sha2::digest::OutputSizeUser;
use std::fmt;
use std::marker::PhantomData;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

/// A Diffie-Hellman group with the KDF that RFC 9180 pairs it with.
pub(super) trait Group: Sized + 'static {
    /// `Nsk`: the length of a private key.
    type PrivateLen: ArraySize;
    /// `Npk`: the length of a public key.
    type PublicLen: ArraySize;
    /// `Ndh`: the length of a shared point.
    type SharedLen: ArraySize;
    /// The hash of the KDF. Its output length is `Nsecret`.
    type Hash: EagerHash;
    /// The number of the KEM.
    const KEM_ID: u16;

    /// Brings a private key into the one form in which it is kept and written (RFC 9180, section 7.1.2).
    fn clamp(_: &mut Array<u8, Self::PrivateLen>) {
        // On the NIST curves, a private key is a number and has no other form.
    }

    /// Whether these bytes are a private key.
    fn is_private(private: &Array<u8, Self::PrivateLen>) -> bool;

    /// Whether these bytes are a public key, in its one encoding.
    fn is_public(public: &Array<u8, Self::PublicLen>) -> bool;

    /// The private key for which `expand(label, info)` gives candidates (RFC 9180, section 7.1.3).
    fn derive(expand: impl Fn(&[u8], &[u8], &mut [u8])) -> Option<Array<u8, Self::PrivateLen>>;

    /// The public key of a private key.
    fn public(private: &Array<u8, Self::PrivateLen>) -> Option<Array<u8, Self::PublicLen>>;

    /// Diffie-Hellman. `None` if a key is malformed or the result is the neutral element.
    fn dh(
        private: &Array<u8, Self::PrivateLen>,
        public: &Array<u8, Self::PublicLen>,
    ) -> Option<Array<u8, Self::SharedLen>>;
}

/// DHKEM over `G`.
pub(super) struct Dhkem<G>(PhantomData<G>);

/// A private key, with the public key that belongs to it.
pub(super) struct PrivateKey<G: Group> {
    private: Array<u8, G::PrivateLen>,
    public: PublicKey<G>,
}

/// A public key, also in the role of an encapsulated key.
pub(super) struct PublicKey<G: Group>(Array<u8, G::PublicLen>);

impl<G: Group> PrivateKey<G> {
    /// The key pair of a private key and its public key, which is believed.
    pub(super) fn with_public(private: &[u8], public: &[u8]) -> Result<Self, HpkeError> {
        let private = private_from_bytes::<G>(private)?;
        Ok(Self { private, public: PublicKey::from_bytes(public)? })
    }

    pub(super) fn public(&self) -> &PublicKey<G> {
        &self.public
    }
}

impl<G: Group> Dhkem<G> {
    /// The secret that both sides extract from what they share (`ExtractAndExpand`).
    fn shared_secret(
        dh: Array<u8, G::SharedLen>,
        encapped: &PublicKey<G>,
        recipient: &PublicKey<G>,
    ) -> Result<SharedSecret<Self>, HpkeError> {
        let dh = Zeroizing::new(dh);
        let prk = labeled_extract::<G>(b"eae_prk", &dh);
        let mut secret = SharedSecret::<Self>::default();
        let kem_context: [&[u8]; 2] = [&encapped.0, &recipient.0];
        labeled_expand::<G>(&prk, b"shared_secret", &kem_context, &mut secret.0)?;
        Ok(secret)
    }

    /// `DeriveKeyPair`.
    pub(super) fn derive(ikm: &[u8]) -> Result<PrivateKey<G>, HpkeError> {
        let prk = labeled_extract::<G>(b"dkp_prk", ikm);
        let private = G::derive(|label, info, out| {
            // The output is one key long, far below the limit: it cannot fail.
            let _ = labeled_expand::<G>(&prk, label, &[info], out);
        });
        let mut private = private.ok_or(HpkeError::ValidationError)?;
        G::clamp(&mut private);
        let public = G::public(&private).ok_or(HpkeError::ValidationError)?;
        Ok(PrivateKey { private, public: PublicKey(public) })
    }

    /// A fresh key pair: `DeriveKeyPair` of random bytes.
    pub(super) fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Result<PrivateKey<G>, HpkeError> {
        let mut ikm = Zeroizing::new(Array::<u8, G::PrivateLen>::default());
        rng.fill_bytes(&mut ikm);
        Self::derive(&ikm)
    }
}

impl<G: Group> Kem for Dhkem<G> {
    type PublicKey = PublicKey<G>;
    type PrivateKey = PrivateKey<G>;
    type EncappedKey = PublicKey<G>;
    type NSecret = <<G::Hash as EagerHash>::Core as OutputSizeUser>::OutputSize;

    const KEM_ID: u16 = G::KEM_ID;

    fn sk_to_pk(private: &PrivateKey<G>) -> PublicKey<G> {
        private.public.clone()
    }

    #[expect(clippy::expect_used, reason = "fails with a chance below 2^-8000, and we never call it")]
    fn derive_keypair(ikm: &[u8]) -> (PrivateKey<G>, PublicKey<G>) {
        let private = Self::derive(ikm).expect("one of 256 candidates is a private key");
        let public = private.public.clone();
        (private, public)
    }

    fn encap_with_rng(
        recipient: &PublicKey<G>,
        sender: Option<(&PrivateKey<G>, &PublicKey<G>)>,
        rng: &mut impl CryptoRng,
    ) -> Result<(SharedSecret<Self>, PublicKey<G>), HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::EncapError);
        }
        let ephemeral = Self::generate(rng)?;
        let dh = G::dh(&ephemeral.private, &recipient.0).ok_or(HpkeError::EncapError)?;
        let secret = Self::shared_secret(dh, &ephemeral.public, recipient)?;
        Ok((secret, ephemeral.public.clone()))
    }

    fn decap(
        recipient: &PrivateKey<G>,
        sender: Option<&PublicKey<G>>,
        encapped: &PublicKey<G>,
    ) -> Result<SharedSecret<Self>, HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::DecapError);
        }
        let dh = G::dh(&recipient.private, &encapped.0).ok_or(HpkeError::DecapError)?;
        Self::shared_secret(dh, encapped, &recipient.public)
    }
}

/// `LabeledExtract("", label, ikm)` with the KEM's suite identifier.
fn labeled_extract<G: Group>(label: &[u8], ikm: &[u8]) -> Hkdf<G::Hash> {
    let mut extract = HkdfExtract::<G::Hash>::new(None);
    for part in [b"HPKE-v1", suite_id::<G>().as_slice(), label, ikm] {
        extract.input_ikm(part);
    }
    let (mut prk, hkdf) = extract.finalize();
    prk.zeroize();
    hkdf
}

/// `LabeledExpand(prk, label, info, len)` with the KEM's suite identifier.
fn labeled_expand<G: Group>(
    prk: &Hkdf<G::Hash>,
    label: &[u8],
    info: &[&[u8]],
    out: &mut [u8],
) -> Result<(), HpkeError> {
    let len = u16::try_from(out.len()).map_err(|_| HpkeError::KdfOutputTooLong)?.to_be_bytes();
    let suite_id = suite_id::<G>();
    let head: [&[u8]; 4] = [&len, b"HPKE-v1", &suite_id, label];
    let parts: Vec<&[u8]> = head.into_iter().chain(info.iter().copied()).collect();
    prk.expand_multi_info(&parts, out).map_err(|_| HpkeError::KdfOutputTooLong)
}

fn suite_id<G: Group>() -> [u8; 5] {
    let [high, low] = G::KEM_ID.to_be_bytes();
    [b'K', b'E', b'M', high, low]
}

fn private_from_bytes<G: Group>(bytes: &[u8]) -> Result<Array<u8, G::PrivateLen>, HpkeError> {
    let mut private = Array::<u8, G::PrivateLen>::default();
    if bytes.len() != private.len() {
        return Err(HpkeError::IncorrectInputLength(private.len(), bytes.len()));
    }
    private.copy_from_slice(bytes);
    G::clamp(&mut private);
    if G::is_private(&private) {
        Ok(private)
    } else {
        private.zeroize();
        Err(HpkeError::ValidationError)
    }
}

impl<G: Group> Serializable for PrivateKey<G> {
    type OutputSize = G::PrivateLen;

    fn write_exact(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.private);
    }
}

impl<G: Group> Deserializable for PrivateKey<G> {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        let private = private_from_bytes::<G>(bytes)?;
        let public = G::public(&private).ok_or(HpkeError::ValidationError)?;
        Ok(Self { private, public: PublicKey(public) })
    }
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

impl<G: Group> ConstantTimeEq for PrivateKey<G> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.private.as_slice().ct_eq(other.private.as_slice())
    }
}

impl<G: Group> Serializable for PublicKey<G> {
    type OutputSize = G::PublicLen;

    fn write_exact(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.0);
    }
}

impl<G: Group> Deserializable for PublicKey<G> {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        let mut public = Array::<u8, G::PublicLen>::default();
        if bytes.len() != public.len() {
            return Err(HpkeError::IncorrectInputLength(public.len(), bytes.len()));
        }
        public.copy_from_slice(bytes);
        if G::is_public(&public) { Ok(Self(public)) } else { Err(HpkeError::ValidationError) }
    }
}

impl<G: Group> Clone for PublicKey<G> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<G: Group> fmt::Debug for PublicKey<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<G: Group> PartialEq for PublicKey<G> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<G: Group> Eq for PublicKey<G> {}
