//! Clients that can join groups. Each client is derived from a number, so that inactive clients
//! need no memory.

use crate::Crypto;
use pando_crypto::Signer;
use pando_mls::{
    Capabilities, Client, Context, Credential, CredentialType, Encode, Extensions, GroupConfig,
    KeyPackageBundle, KeyPackageTemplate, LeafTemplate, Lifetime, Limits, Padding,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::sync::LazyLock;

static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);

/// A client with a name and a signature key.
#[allow(missing_debug_implementations, reason = "for benchmarks only")]
pub struct TestClient {
    crypto: Crypto,
    number: u32,
    /// The private signature key.
    pub signer: Box<dyn Signer>,
}

impl TestClient {
    /// Returns the client with the given number. The result is the same in every run.
    #[must_use]
    pub fn new(crypto: Crypto, number: u32) -> Self {
        let mut rng = generator(number, 1);
        let signer = crypto.suite.signer(&crypto.suite.signature_generate_key(&mut rng).unwrap()).unwrap();
        Self { crypto, number, signer }
    }

    /// Returns the context in which this client's operations run.
    #[must_use]
    pub fn cx(&self) -> Context<'_> {
        CLIENT.without_clock(&*self.signer).with_crypto(self.crypto.provider).with_config(config())
    }

    /// Returns the contents of this client's leaf, which are minimal and include an identity of 16
    /// bytes.
    #[must_use]
    pub fn template(&self) -> LeafTemplate {
        LeafTemplate {
            credential: Credential::Basic { identity: format!("{:016}", self.number).into_bytes().into() },
            capabilities: Capabilities::new([self.crypto.suite.cipher_suite()], [CredentialType::BASIC]),
            extensions: Extensions::default(),
        }
    }

    /// Returns this client's KeyPackage and its private keys. The result is the same in every run.
    #[must_use]
    pub fn bundle(&self) -> KeyPackageBundle {
        let LeafTemplate { credential, capabilities, extensions } = self.template();
        let template = KeyPackageTemplate {
            credential,
            capabilities,
            lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
            leaf_extensions: extensions,
            extensions: Extensions::default(),
        };
        let mut rng = generator(self.number, 2);
        KeyPackageBundle::new(self.crypto.suite, template, &*self.signer, &mut rng).unwrap()
    }
}

/// Returns the encoded KeyPackages of the clients with the given numbers.
#[must_use]
pub fn key_packages(crypto: Crypto, numbers: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    let key_package = |number| TestClient::new(crypto, number).bundle().key_package.encode().unwrap();
    numbers.into_par_iter().map(key_package).collect()
}

/// Returns the random number generator for a client's number and a purpose from 1 to 5. Different
/// generators produce different keys, and [`crate::rng`] differs from all of them.
pub(crate) fn generator(number: u32, purpose: u64) -> ChaCha20Rng {
    let mut rng = ChaCha20Rng::seed_from_u64(number.into());
    rng.set_stream(purpose);
    rng
}

/// Returns the default settings, but without limits and with the message formats that other
/// implementations use by default, which are public handshake messages without padding.
fn config() -> GroupConfig {
    let limits = Limits::default()
        .with_message_bytes(usize::MAX)
        .with_tree_bytes(usize::MAX)
        .with_leaves(u32::MAX)
        .with_group_id_bytes(usize::MAX)
        .with_pending_proposals(usize::MAX)
        .with_pending_proposal_bytes(usize::MAX)
        .with_new_member_proposals(usize::MAX)
        .with_proposals_not_admitted(usize::MAX)
        .with_opened_commit_bytes(usize::MAX);
    GroupConfig::default().with_encrypt_handshakes(false).with_padding(Padding::None).with_limits(limits)
}
