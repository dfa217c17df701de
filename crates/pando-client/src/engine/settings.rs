//! The settings of an engine.

use super::mistake::Mistake;
use pando_api::{DeviceIdentities, LAST_RESORT_EXTENSION, POLICY_EXTENSION, PolicyRules};
use pando_mls::{AcceptedHandshakes, CipherSuite, Client, GroupConfig};
use std::time::Duration;

/// The settings of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineSettings {
    /// The cipher suite of new groups and KeyPackages.
    pub cipher_suite: CipherSuite,
    /// The seconds for which the server holds back an answer to a read when there is nothing new.
    /// Default: 50.
    pub read_wait: u64,
    /// The milliseconds between two reads without result, at least 100. With a `read_wait`, this
    /// need not be long. Default: 0.
    pub read_interval: u64,
    /// The number of KeyPackages at the server below which the client uploads new ones. Default:
    /// 20.
    pub min_key_packages: u32,
    /// The number of KeyPackages at the server after an upload. Default: 50.
    pub key_packages: u32,
    /// The lifetime of KeyPackages in seconds. Default: 30 days.
    pub key_package_lifetime: u64,
    /// The milliseconds between two counts of the KeyPackages at the server. Default: an hour.
    pub count_interval: u64,
    /// The longest time in milliseconds before this client commits the proposals of others. The
    /// time is random, so that few members commit at once. Default: 5 seconds.
    pub commit_delay: u64,
    /// How long opening an engine waits for another engine to close the store. Default: 1 second.
    pub lock_wait: Duration,
    /// The milliseconds between two acknowledgements of entries of a group. Default: a minute.
    pub acknowledge_interval: u64,
    /// Whether the client joins again by an external Commit, after a Commit that it cannot process
    /// or a gap in the log. Default: no.
    pub rejoins: bool,
    /// The mistake that the engine makes, for tests of the simulation. Default: none.
    #[cfg(feature = "mistakes")]
    pub mistake: Option<Mistake>,
}

impl EngineSettings {
    /// Returns the default settings for a cipher suite.
    #[must_use]
    pub const fn new(cipher_suite: CipherSuite) -> Self {
        Self {
            cipher_suite,
            read_wait: 50,
            read_interval: 0,
            min_key_packages: 20,
            key_packages: 50,
            key_package_lifetime: 30 * 24 * 60 * 60,
            count_interval: 60 * 60 * 1_000,
            commit_delay: 5_000,
            lock_wait: Duration::from_secs(1),
            acknowledge_interval: 60_000,
            rejoins: false,
            #[cfg(feature = "mistakes")]
            mistake: None,
        }
    }
}

impl EngineSettings {
    /// Returns whether the engine makes a mistake.
    #[cfg(feature = "mistakes")]
    pub(super) fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// Returns `false`: the engine makes no mistakes.
    #[cfg(not(feature = "mistakes"))]
    pub(super) const fn makes(&self, _: Mistake) -> bool {
        false
    }
}

/// Returns the settings of MLS for clients of a delivery service: certificates of devices, the
/// policy of groups, and handshakes that the server can read.
#[must_use]
pub fn mls_client(identities: DeviceIdentities) -> Client {
    let config = GroupConfig::default()
        .with_encrypt_handshakes(false)
        .with_accepted_handshakes(AcceptedHandshakes::Public)
        .with_past_epochs(PAST_EPOCHS);
    Client::new(identities)
        .with_rules(PolicyRules)
        .with_extensions([POLICY_EXTENSION, LAST_RESORT_EXTENSION])
        .with_config(config)
}

/// The number of past epochs whose messages a client can decrypt.
const PAST_EPOCHS: usize = 8;
