//! The delivery service: the requests of docs/protocol.md over a [`Store`].
//!
//! Each method of [`Service`] reads a snapshot, checks the request with the functions of
//! [`group`](crate::group) and [`account`](crate::account), and writes in one transaction, or
//! decides in one transaction about a Commit whose rows are written in parts. The checks run
//! outside of the store's threads, so that a Commit that takes long to check does not delay other
//! groups.
//!
//! The work that follows from a Commit is not a part of its transaction: copying changes of
//! membership to the accounts, and proposing removals again. The partition of the group is due
//! until the work is done; see [`Service::run_due`].
//!
//! # Left out on purpose
//!
//! Clocks and randomness, which are arguments. The authentication of requests, which the caller has
//! done. Waiting: [`Service::watch_group`] returns a receiver, and the caller waits.

mod accounts;
mod blobs;
mod check;
mod due;
mod groups;
mod partition;
mod public_groups;
mod reading;
mod relays;
mod removals;
mod reports;
mod revocation_feeds;
mod revocations;
mod rows;
mod settings;
mod trees;
mod wakeups;

pub use blobs::BlobUpload;
pub use settings::Settings;

use crate::error::Refusal;
use crate::group::{Appended, Environment, Moment, partition};
use crate::store::Store;
use pando_api::{LogId, Receipt, ServerKey};
use pando_mls::GroupId;
use public_groups::PublicGroups;
use revocations::RevocationTable;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{Mutex, Notify, Semaphore, watch};
use trees::Trees;
use wakeups::Wakeups;

/// The delivery service of a domain.
///
/// Clones share everything, so each task has a clone.
pub struct Service<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    store: Arc<S>,
    settings: Settings,
    groups: PublicGroups,
    trees: Trees,
    revocations: RevocationTable,
    wakeups: Wakeups,
    /// Bounds the checks that run at the same time.
    checks: Arc<Semaphore>,
    /// The turn to apply a part of a Commit.
    parts: Mutex<()>,
    /// Wakes the task that runs the work that is due.
    due: Notify,
}

impl<S> Clone for Service<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S> fmt::Debug for Service<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("domain", &self.shared.settings.domain).finish_non_exhaustive()
    }
}

impl<S: Store> Service<S> {
    /// Returns a service. [`Service::load_revocations`] must be called before the first request.
    #[must_use]
    pub fn new(store: S, settings: Settings) -> Self {
        let checks = Arc::new(Semaphore::new(settings.checks));
        let shared = Shared {
            store: Arc::new(store),
            groups: PublicGroups::new(settings.cached_groups),
            trees: Trees::new(settings.cached_tree_bytes),
            revocations: RevocationTable::default(),
            wakeups: Wakeups::default(),
            checks,
            parts: Mutex::new(()),
            due: Notify::new(),
            settings,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Returns the settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Returns the store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    /// Returns a receiver that changes after each new entry of a group's log. The caller obtains it
    /// before it reads the log, so that it misses no entry.
    #[must_use]
    pub fn watch_group(&self, group_id: &GroupId) -> watch::Receiver<()> {
        self.shared.wakeups.watch(&partition(group_id))
    }

    /// Waits until there is work that is due. The caller then calls [`Service::run_due`].
    pub async fn wait_for_due(&self) {
        self.shared.due.notified().await;
    }

    fn log(&self, group_id: &GroupId) -> LogId {
        LogId { domain: self.settings().domain.clone(), group_id: group_id.clone() }
    }

    fn moment(&self, now: u64) -> Moment {
        Moment { now, incarnation: self.shared.store.incarnation() }
    }

    fn key(&self) -> &ServerKey {
        &self.settings().key
    }

    /// Signs the receipt of an entry.
    fn receipt(&self, appended: Appended) -> Result<Receipt, Refusal> {
        appended.receipt(self.key())
    }
}

impl<S> Shared<S> {
    /// Returns what the checks of handshakes need.
    fn environment(&self, now: u64) -> Environment<'_> {
        let settings = &self.settings;
        Environment {
            domain: &settings.domain,
            keys: &settings.keys,
            removers: &settings.remover_keys,
            crypto: &*settings.crypto,
            identities: &*settings.identities,
            rules: &settings.rules,
            limits: settings.limits,
            admission: &self.revocations,
            now,
        }
    }
}
