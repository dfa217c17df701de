//! A cipher suite that counts its operations.

use pando_crypto::{
    AeadKey, AeadNonce, CryptoError, CryptoProvider, CryptoRng, Digest, HpkeKeyPair, HpkeMessage,
    HpkePrivateKey, Primitives, RustCrypto, SecretBytes, SignaturePrivateKey, Signer, Suite,
};
use pando_wire::{CipherSuite, HpkeCiphertext, HpkePublicKey, KemOutput, Signature, SignaturePublicKey};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

static HASHES: AtomicU64 = AtomicU64::new(0);
static HASHED: AtomicU64 = AtomicU64::new(0);
static CURVE: AtomicU64 = AtomicU64::new(0);
/// A lock that each counting test holds, so that only one of them runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// The cost of an operation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    /// The number of hashes and MACs computed.
    pub(crate) hashes: u64,
    /// The number of bytes that are hashed or encrypted. Hashing for MACs, keys and signatures is
    /// included.
    pub(crate) hashed: u64,
    /// The number of operations on an elliptic curve: key checks, signature verifications and HPKE
    /// operations.
    pub(crate) curve: u64,
    /// The number of allocated bytes, whether or not they are freed again.
    pub(crate) allocated: u64,
}

fn hashed(parts: &[&[u8]]) {
    count(&HASHED, parts.iter().map(|part| part.len() as u64).sum());
}

fn now() -> Work {
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Work { hashes: read(&HASHES), hashed: read(&HASHED), curve: read(&CURVE), allocated: 0 }
}

/// Returns the cost of an operation together with its result. Allocations on other threads are not
/// counted.
pub(crate) fn work<T>(operation: impl FnOnce() -> T) -> (Work, T) {
    let before = now();
    let mut result = None;
    let memory = allocation_counter::measure(|| result = Some(operation()));
    let after = now();
    let work = Work {
        hashes: after.hashes - before.hashes,
        hashed: after.hashed - before.hashed,
        curve: after.curve - before.curve,
        allocated: memory.bytes_total,
    };
    (work, result.unwrap())
}

/// Cipher suite 1 with counters.
pub(crate) struct Counting;

impl CryptoProvider for Counting {
    fn suite(&self, cipher_suite: CipherSuite) -> Option<Suite> {
        (cipher_suite == CipherSuite::ALL[0]).then(suite)
    }
}

pub(crate) fn suite() -> Suite {
    Suite::new(&Counting)
}

fn inner() -> Suite {
    RustCrypto.suite(CipherSuite::ALL[0]).unwrap()
}

impl Primitives for Counting {
    fn hash(&self, parts: &[&[u8]]) -> Digest {
        count(&HASHES, 1);
        hashed(parts);
        inner().hash(parts)
    }

    fn cipher_suite(&self) -> CipherSuite {
        inner().cipher_suite()
    }

    fn hash_len(&self) -> usize {
        inner().hash_len()
    }

    fn aead_key_len(&self) -> usize {
        inner().aead_key_len()
    }

    fn aead_nonce_len(&self) -> usize {
        inner().aead_nonce_len()
    }

    fn aead_tag_len(&self) -> usize {
        inner().aead_tag_len()
    }

    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest {
        count(&HASHES, 1);
        hashed(parts);
        inner().mac(key, parts)
    }

    fn extract(&self, salt: &[u8], ikm: &[u8]) -> SecretBytes {
        hashed(&[salt, ikm]);
        inner().extract(salt, ikm)
    }

    fn expand(&self, secret: &[u8], info: &[&[u8]], len: usize) -> Result<SecretBytes, CryptoError> {
        hashed(info);
        inner().expand(secret, info, len)
    }

    fn aead_seal(
        &self,
        key: &AeadKey,
        nonce: &AeadNonce,
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        hashed(&[aad, plaintext]);
        inner().aead_seal(key, nonce, aad, plaintext)
    }

    fn aead_open(
        &self,
        key: &AeadKey,
        nonce: &AeadNonce,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        hashed(&[aad, ciphertext]);
        inner().aead_open(key, nonce, aad, ciphertext)
    }

    fn hpke_derive_key_pair(&self, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        count(&CURVE, 1);
        inner().hpke_derive_key_pair(ikm)
    }

    fn hpke_generate_key_pair(&self, rng: &mut dyn CryptoRng) -> Result<HpkeKeyPair, CryptoError> {
        inner().hpke_generate_key_pair(rng)
    }

    fn hpke_key_pair(&self, private: HpkePrivateKey) -> Result<HpkeKeyPair, CryptoError> {
        inner().hpke_key_pair(private)
    }

    fn check_hpke_public_key(&self, public: &HpkePublicKey) -> Result<(), CryptoError> {
        count(&CURVE, 1);
        inner().check_hpke_public_key(public)
    }

    fn hpke_seal(
        &self,
        public: &HpkePublicKey,
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<HpkeCiphertext, CryptoError> {
        count(&CURVE, 1);
        hashed(&[info, aad, plaintext]);
        inner().hpke_seal(public, info, aad, plaintext, rng)
    }

    fn hpke_seal_many(
        &self,
        info: &[u8],
        messages: &[HpkeMessage<'_>],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<HpkeCiphertext>, (usize, CryptoError)> {
        count(&CURVE, messages.len() as u64);
        hashed(&[info]);
        messages.iter().for_each(|message| hashed(&[message.plaintext]));
        inner().hpke_seal_many(info, messages, rng)
    }

    fn hpke_open(
        &self,
        key_pair: &HpkeKeyPair,
        info: &[u8],
        aad: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<SecretBytes, CryptoError> {
        count(&CURVE, 1);
        hashed(&[info, aad, &ciphertext.ciphertext]);
        inner().hpke_open(key_pair, info, aad, ciphertext)
    }

    fn hpke_send_export(
        &self,
        public: &HpkePublicKey,
        info: &[u8],
        exporter_context: &[u8],
        len: usize,
        rng: &mut dyn CryptoRng,
    ) -> Result<(KemOutput, SecretBytes), CryptoError> {
        inner().hpke_send_export(public, info, exporter_context, len, rng)
    }

    fn hpke_receive_export(
        &self,
        key_pair: &HpkeKeyPair,
        kem_output: &KemOutput,
        info: &[u8],
        exporter_context: &[u8],
        len: usize,
    ) -> Result<SecretBytes, CryptoError> {
        inner().hpke_receive_export(key_pair, kem_output, info, exporter_context, len)
    }

    fn signature_generate_key(&self, rng: &mut dyn CryptoRng) -> Result<SignaturePrivateKey, CryptoError> {
        inner().signature_generate_key(rng)
    }

    fn signer(&self, private: &SignaturePrivateKey) -> Result<Box<dyn Signer>, CryptoError> {
        inner().signer(private)
    }

    fn check_signature_public_key(&self, public: &SignaturePublicKey) -> Result<(), CryptoError> {
        inner().check_signature_public_key(public)
    }

    fn verify(
        &self,
        public: &SignaturePublicKey,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), CryptoError> {
        count(&CURVE, 1);
        hashed(&[message]);
        inner().verify(public, message, signature)
    }
}
