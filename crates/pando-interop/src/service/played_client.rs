//! The clients that the service plays. These clients are members and future members of groups, each
//! with a name, a signature key and pre-shared keys.

use super::decode::encode;
use super::failure::{Failure, Outcome};
use pando_mls::{
    Capabilities, CipherSuite, Client, Context, Credential, CredentialType, CryptoRng, Extensions,
    GroupConfig, GroupId, KeyPackageBundle, KeyPackageTemplate, LeafIndex, LeafTemplate, Lifetime, PskStore,
    PskValue, SecretBytes, SignaturePrivateKey, Signer, SourceError, Suite, Tree,
};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::default().with_rules(pando_mls::AdmitAll));

/// Lifetime of a KeyPackage, in seconds.
const LIFETIME: u64 = 28 * 24 * 60 * 60;

/// A client that the service plays.
pub(super) struct PlayedClient {
    pub(super) suite: Suite,
    pub(super) identity: Vec<u8>,
    pub(super) signer: Box<dyn Signer>,
    pub(super) psks: Psks,
    pub(super) config: GroupConfig,
}

/// The external pre-shared keys of a client, indexed by their identifiers.
#[derive(Default)]
pub(super) struct Psks(BTreeMap<Vec<u8>, SecretBytes>);

/// The parts of a KeyPackage bundle, encoded for a response.
pub(super) struct Published {
    pub(super) key_package: Vec<u8>,
    pub(super) init_priv: Vec<u8>,
    pub(super) encryption_priv: Vec<u8>,
}

impl PlayedClient {
    /// Creates a client with a new signature key. Returns the client and the private key.
    pub(super) fn new(
        suite: Suite,
        identity: Vec<u8>,
        rng: &mut dyn CryptoRng,
    ) -> Outcome<(Self, SignaturePrivateKey)> {
        let key = suite.signature_generate_key(rng)?;
        let (signer, psks, config) = (suite.signer(&key)?, Psks::default(), GroupConfig::default());
        Ok((Self { suite, identity, signer, psks, config }, key))
    }

    /// Sets whether the client encrypts Commits and proposals.
    pub(super) fn encrypting(self, encrypt_handshakes: bool) -> Self {
        Self { config: self.config.with_encrypt_handshakes(encrypt_handshakes), ..self }
    }

    pub(super) fn credential(&self) -> Credential {
        Credential::Basic { identity: self.identity.as_slice().into() }
    }

    /// Returns the context of this client, which every operation requires.
    pub(super) fn cx(&self) -> Context<'_> {
        CLIENT.at(now(), &*self.signer).with_psks(&self.psks).with_config(self.config)
    }

    /// Returns the leaf of this client. It lists all cipher suites, because a reinitialization may
    /// change the suite of the group.
    pub(super) fn leaf(&self) -> LeafTemplate {
        LeafTemplate {
            credential: self.credential(),
            capabilities: Capabilities::new(CipherSuite::ALL, [CredentialType::BASIC]),
            extensions: Extensions::default(),
        }
    }

    pub(super) fn key_package(&self, rng: &mut dyn CryptoRng) -> Outcome<KeyPackageBundle> {
        let LeafTemplate { credential, capabilities, extensions } = self.leaf();
        let now = now();
        let template = KeyPackageTemplate {
            credential,
            capabilities,
            lifetime: Lifetime::starting_at(now, LIFETIME),
            leaf_extensions: extensions,
            extensions: Extensions::default(),
        };
        Ok(KeyPackageBundle::new(self.suite, template, &*self.signer, rng)?)
    }
}

impl Published {
    pub(super) fn new(bundle: &KeyPackageBundle) -> Outcome<Self> {
        Ok(Self {
            key_package: encode(bundle.key_package.clone())?,
            init_priv: bundle.init_key_pair.private.expose().to_vec(),
            encryption_priv: bundle.leaf_key_pair.private.expose().to_vec(),
        })
    }
}

impl Psks {
    pub(super) fn insert(&mut self, psk_id: Vec<u8>, secret: Vec<u8>) {
        self.0.insert(psk_id, secret.into());
    }
}

impl PskStore for Psks {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(self.0.get(psk_id).map(|secret| secret.expose().into()))
    }

    /// Returns `None`, because the only resumption PSKs are those that the groups hold themselves.
    fn resumption(&self, _: &GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }
}

/// Returns the leaf index of the first member with the given identity.
pub(super) fn member(tree: &Tree, identity: &[u8]) -> Outcome<LeafIndex> {
    let wanted = Credential::Basic { identity: identity.into() };
    let mut members = tree.members().filter_map(Result::ok);
    // Reading a leaf cannot fail, because the tree is in memory.
    let found =
        members.find(|leaf| tree.credential(*leaf).is_ok_and(|found| found.as_ref() == Some(&wanted)));
    found.ok_or_else(|| Failure::state(format!("no member has the identity {}", identity.escape_ascii())))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
