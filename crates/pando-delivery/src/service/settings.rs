//! The settings of a service.

use crate::blob::BlobLimits;
use crate::group::RemoverKey;
use ed25519_dalek::VerifyingKey;
use pando_api::{DeviceIdentities, Domain, PolicyRules, ServerKey, ServerKeys, ServerPublicKey};
use pando_mls::{Client, CryptoProvider, Limits, RustCrypto, Signer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// 30 days in milliseconds.
const MONTH: u64 = 30 * 24 * 60 * 60 * 1_000;

/// The settings of a [`Service`](super::Service).
#[non_exhaustive]
pub struct Settings {
    /// The domain of the server.
    pub domain: Domain,
    /// The key that signs heads.
    pub key: ServerKey,
    /// All keys that have signed heads, the present one included.
    pub keys: ServerKeys,
    /// The keys by which the server proposes removals, one for each signature scheme.
    pub removers: Vec<Box<dyn Signer>>,
    /// The public keys of `removers`.
    pub(super) remover_keys: Vec<RemoverKey>,
    /// The cryptographic backend.
    pub crypto: Arc<dyn CryptoProvider>,
    /// The identity policy of all groups.
    pub identities: Arc<DeviceIdentities>,
    /// The rules of all groups.
    pub(super) rules: PolicyRules,
    /// The settings with which the server makes its proposals. They contain no leaf, so the
    /// identity policy of this client is not used.
    pub(super) client: Client,
    /// The keys that sign the lists of revocations of domains. Default: none.
    pub feeds: BTreeMap<Domain, VerifyingKey>,
    /// The limits of messages and groups.
    pub limits: Limits,
    /// The number of groups whose public state is kept in memory. Default: 1,000.
    pub cached_groups: usize,
    /// The number of bytes of encoded ratchet trees that are kept in memory. Default: 256 MiB.
    pub cached_tree_bytes: usize,
    /// The number of checks of Commits and proposals that run at the same time. Default: 4.
    pub checks: usize,
    /// The number of changes that one transaction of a Commit writes. A Commit with more changes is
    /// written by several transactions, because other groups wait for a long one. At least 1.
    /// Default: 1,000.
    pub changes_at_once: usize,
    /// The limits of blobs. Default: 64 MiB and 30 days.
    pub blobs: BlobLimits,
    /// The time after which an unused Welcome may be deleted, in milliseconds. Default: 30 days.
    pub welcome_lifetime: u64,
}

impl Settings {
    /// Returns settings with default limits. `key` signs heads, `old_keys` have signed heads
    /// before, and `removers` sign proposals to remove clients.
    pub fn new(
        domain: Domain,
        (key, old_keys): (ServerKey, impl IntoIterator<Item = ServerPublicKey>),
        removers: Vec<Box<dyn Signer>>,
        identities: Arc<DeviceIdentities>,
    ) -> Self {
        Self {
            domain,
            keys: [key.public()].into_iter().chain(old_keys).collect(),
            key,
            remover_keys: removers.iter().map(|signer| RemoverKey::of(&**signer, &RustCrypto)).collect(),
            removers,
            crypto: Arc::new(RustCrypto),
            identities,
            rules: PolicyRules,
            client: Client::default(),
            feeds: BTreeMap::new(),
            limits: Limits::default(),
            cached_groups: 1_000,
            cached_tree_bytes: 256 << 20,
            checks: 4,
            changes_at_once: 1_000,
            blobs: BlobLimits { bytes: 64 << 20, lifetime: MONTH },
            welcome_lifetime: MONTH,
        }
    }
}
