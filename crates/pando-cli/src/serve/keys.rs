//! The keys of a server, each in a private file that the first start makes.

use super::error::ServeError;
use super::files;
use pando_api::ServerKey;
use pando_delivery::http::TokenKey;
use pando_mls::{CipherSuite, CryptoProvider, RustCrypto, SignaturePrivateKey, Signer};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::path::Path;
use zeroize::Zeroizing;

/// The signature schemes of MLS by the names of their code points in TLS, each with a cipher suite
/// that has the scheme.
const SCHEMES: [(&str, CipherSuite); 5] = [
    ("ed25519", CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519),
    ("ecdsa_secp256r1_sha256", CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256),
    ("ecdsa_secp384r1_sha384", CipherSuite::MLS_256_DHKEMP384_AES256GCM_SHA384_P384),
    ("ecdsa_secp521r1_sha512", CipherSuite::MLS_256_DHKEMP521_AES256GCM_SHA512_P521),
    ("ed448", CipherSuite::MLS_256_DHKEMX448_AES256GCM_SHA512_ED448),
];

/// The keys of a server.
pub(crate) struct Keys {
    /// Signs heads of logs.
    pub(crate) head: ServerKey,
    /// Authenticates nonces and tokens.
    pub(crate) token: TokenKey,
    /// Sign proposals to remove clients, by signature scheme.
    pub(crate) removers: Vec<(&'static str, Box<dyn Signer>)>,
}

impl Keys {
    /// Reads the keys in a folder, and makes those that do not exist.
    pub(crate) fn open(folder: &Path) -> Result<Self, ServeError> {
        files::create_folder(folder)?;
        let head = ServerKey::from_secret(&secret(&folder.join("head.key"))?);
        let token = TokenKey::from_secret(&secret(&folder.join("token.key"))?);
        let removers = SCHEMES.into_iter().map(|(name, suite)| {
            let path = folder.join(format!("remover-{name}.key"));
            Ok((name, remover(&path, suite)?))
        });
        Ok(Self { head, token, removers: removers.collect::<Result<_, ServeError>>()? })
    }
}

/// Reads or makes a key of 32 bytes.
fn secret(path: &Path) -> Result<Zeroizing<[u8; 32]>, ServeError> {
    let make = || Ok(Zeroizing::new(random()?.to_vec()));
    let (bytes, _) = files::private(path, make)?;
    let mut key = Zeroizing::new([0; 32]);
    if bytes.len() != key.len() {
        return Err(ServeError::Key(path.to_owned()));
    }
    key.copy_from_slice(&bytes);
    Ok(key)
}

/// Reads or makes a signature key.
fn remover(path: &Path, suite: CipherSuite) -> Result<Box<dyn Signer>, ServeError> {
    let suite = RustCrypto.suite(suite).ok_or_else(|| ServeError::Key(path.to_owned()))?;
    let make = || {
        let mut rng = ChaCha20Rng::from_seed(*random()?);
        Ok(Zeroizing::new(suite.signature_generate_key(&mut rng)?.expose().to_vec()))
    };
    let (bytes, _) = files::private(path, make)?;
    suite.signer(&SignaturePrivateKey::from(bytes.as_slice())).map_err(|_| ServeError::Key(path.to_owned()))
}

/// Returns random bytes of the operating system.
pub(crate) fn random() -> Result<Zeroizing<[u8; 32]>, ServeError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(ServeError::Random)?;
    Ok(bytes)
}
