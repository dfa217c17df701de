//! A session, which manages the groups of one client in a store.
//!
//! This module combines the operations of `pando-mls` with a [`Store`]. A session acquires the
//! group's lock, loads the group, runs an operation and merges Commits. The session stores all
//! changes and the application's own rows in one transaction. If the process stops at any point,
//! the application later finds the group and its own rows either in the state before the operation
//! or in the state after it.
//!
//! Sessions do not handle networking or retries, and do not decide when to commit or to join again.
//! Successor groups, which result from a ReInit or a branch, are created and joined with functions
//! of `pando-mls` (`Group::reinitialize`, `Group::join_successor`), and stored with
//! [`Store::persist`].

#[cfg(feature = "async")]
mod async_session;
mod commit_events;
mod error;
mod event;
mod joins;
mod no_rows;
mod operations;
mod proposals;
mod receive;

#[cfg(feature = "async")]
pub use async_session::{AsyncSession, Ended};
pub use error::{AppError, SessionError};
pub use event::{Event, Held, Message, Received, Rejection};
pub use joins::ExternalCommit;
pub use no_rows::no_rows;
pub use operations::Commit;

use crate::backend::Backend;
use crate::group::GroupLock;
use crate::no_signer::NoSigner;
use crate::store::Store;
use crate::transaction::Transaction;
use error::{Failure, signer_of};
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use getrandom::{SysRng, rand_core::UnwrapErr};
use pando_mls::wire::SignaturePublicKey;
use pando_mls::{Client, Context, CryptoRng, Group, GroupId, LocalPolicy, Signer, Unpersisted};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The groups of one client in a store.
///
/// Functions that change a group or create a KeyPackage take a closure as an argument. The closure
/// writes the application's own rows, such as its outbox, its messages and its cursor, in the same
/// transaction. If the closure fails, nothing is stored. [`no_rows`] is a closure that writes
/// nothing. [`Session::acknowledge`] and [`Session::send_outbox`] take no such closure.
///
/// A group is loaded when it is first used, and stays loaded and locked until [`Session::close`].
/// After an error of the store or of the closure, the session drops the group from memory, and
/// loads it again when it is next used.
pub struct Session<B: Backend> {
    store: Store<B>,
    client: Client,
    groups: BTreeMap<GroupId, Loaded>,
    clock: Box<dyn Fn() -> u64 + Send>,
    rng: Box<dyn CryptoRng + Send>,
    local_policy: Option<Box<dyn LocalPolicy + Send>>,
    wait: Duration,
}

/// A group in memory, with its lock.
struct Loaded {
    lock: GroupLock,
    /// The group of which the client is or was a member.
    current: Option<Member>,
    /// The group that our pending external Commit would join.
    joining: Option<Member>,
}

/// A group with the signature key of the client's leaf.
struct Member {
    group: Group,
    signer: Box<dyn Signer>,
}

impl<B: Backend> Session<B> {
    /// Default timeout for acquiring the lock of a group; see [`Session::set_wait`].
    pub const WAIT: Duration = Duration::from_secs(1);

    /// Creates a session of `client` on `store` that uses the clock and the random generator of the
    /// operating system.
    ///
    /// This function is not available on `wasm32-unknown-unknown`, which has no clock. Use
    /// [`Session::with_sources`] there.
    ///
    /// A session acquires the lock of a group when it first uses the group. Two sessions of one
    /// store must therefore not use the same group at the same time.
    ///
    /// # Panics
    /// Operations that need randomness panic if the operating system provides none.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    pub fn new(store: Store<B>, client: Client) -> Self {
        use std::time::UNIX_EPOCH;
        // A clock before 1970 counts as 0, which is before the lifetime of any usual KeyPackage.
        let clock = || UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs());
        Self::with_sources(store, client, clock, UnwrapErr(SysRng))
    }

    /// Creates a session of `client` on `store` that reads the time from `clock`, in seconds since
    /// 1970, and randomness from the cryptographic generator `rng`.
    pub fn with_sources(
        store: Store<B>,
        client: Client,
        clock: impl Fn() -> u64 + Send + 'static,
        rng: impl CryptoRng + Send + 'static,
    ) -> Self {
        let (clock, rng) = (Box::new(clock), Box::new(rng));
        let (groups, local_policy) = (BTreeMap::new(), None);
        Self { store, client, groups, clock, rng, local_policy, wait: Self::WAIT }
    }

    /// Sets the timeout for acquiring the lock of a group.
    pub const fn set_wait(&mut self, wait: Duration) {
        self.wait = wait;
    }

    /// Sets the policy that advises whether to merge other members' Commits. By default, there is
    /// no such policy, and the session merges all valid Commits.
    pub fn set_local_policy(&mut self, local_policy: Option<Box<dyn LocalPolicy + Send>>) {
        self.local_policy = local_policy;
    }

    /// Returns the store.
    pub const fn store(&self) -> &Store<B> {
        &self.store
    }

    /// Returns the store, for writing records that belong to no group. Do not write a group with
    /// the returned store while the session has the group loaded. Otherwise, the session's next
    /// operation on that group would fail with [`StoreError::Stale`](crate::StoreError::Stale).
    pub const fn store_mut(&mut self) -> &mut Store<B> {
        &mut self.store
    }

    /// Returns the client's settings.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Returns a group of the client for reading, for instance its members, its epoch, its exported
    /// secrets or its outbox. The client may have been removed from the group.
    ///
    /// # Errors
    /// - [`SessionError::NoGroup`] if the group is not stored.
    /// - [`SessionError::Store`] or [`SessionError::Group`] if the group cannot be loaded.
    /// - [`SessionError::NoSigner`].
    pub fn group(&mut self, group_id: &GroupId) -> Result<&Group, SessionError> {
        let loaded = self.load_stored(group_id)?;
        match &loaded.current {
            Some(member) => Ok(&member.group),
            None => Err(SessionError::NoGroup(group_id.clone())),
        }
    }

    /// Returns the group of our pending external Commit, or `None` if no external Commit is
    /// pending.
    ///
    /// # Errors
    /// Returns the errors of [`Session::group`].
    pub fn joining(&mut self, group_id: &GroupId) -> Result<Option<&Group>, SessionError> {
        match self.load_stored(group_id) {
            Ok(loaded) => Ok(loaded.joining.as_ref().map(|member| &member.group)),
            Err(SessionError::NoGroup(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a group from memory, and releases its lock.
    pub fn close(&mut self, group_id: &GroupId) {
        self.groups.remove(group_id);
    }

    /// Closes all groups, and returns the store.
    pub fn into_store(self) -> Store<B> {
        self.store
    }

    /// Returns the current time, in seconds since 1970.
    fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Returns a group with its lock, and loads the group if it is not in memory. If the group is
    /// not stored, `current` and `joining` are `None`.
    fn load(&mut self, group_id: &GroupId) -> Result<&mut Loaded, SessionError> {
        // This does not use `if let Some(loaded) = get_mut()`, because its borrow would also last
        // for the other branch.
        if !self.groups.contains_key(group_id) {
            let lock = self.store.lock(group_id, self.wait)?;
            let current = match self.store.source(&lock)? {
                Some(source) => Some(self.member(|cx| Group::open(source, cx))?),
                None => None,
            };
            let joining = match self.store.load_joining(&lock)? {
                Some(rows) => Some(self.member(|cx| Group::load(&rows, cx))?),
                None => None,
            };
            self.groups.insert(group_id.clone(), Loaded { lock, current, joining });
        }
        self.groups.get_mut(group_id).ok_or_else(|| SessionError::NoGroup(group_id.clone()))
    }

    /// Returns a stored group with its lock. If the group is not stored, releases its lock.
    fn load_stored(&mut self, group_id: &GroupId) -> Result<&mut Loaded, SessionError> {
        let loaded = self.load(group_id)?;
        if loaded.current.is_none() && loaded.joining.is_none() {
            self.close(group_id);
        }
        self.groups.get_mut(group_id).ok_or_else(|| SessionError::NoGroup(group_id.clone()))
    }

    /// Drops the group of our external Commit from memory, after the Commit was abandoned in the
    /// store.
    fn drop_lost_join(&mut self, group_id: &GroupId, is_lost: bool) {
        if is_lost && let Some(loaded) = self.groups.get_mut(group_id) {
            loaded.joining = None;
        }
    }

    /// Loads a group, and the signature key of the client's leaf in it.
    fn member(
        &self,
        load: impl FnOnce(&Context<'_>) -> Result<Group, pando_mls::GroupError>,
    ) -> Result<Member, SessionError> {
        // Loading a group creates no signatures.
        let group = load(&self.client.without_clock(&NoSigner(SignaturePublicKey::default())))?;
        let signer = signer_of(&self.store, &group)?;
        Ok(Member { group, signer })
    }

    /// Stores the changes of an operation and the application's rows, and returns the result. Drops
    /// the group from memory after an error.
    fn persist<T>(
        &mut self,
        group_id: &GroupId,
        unpersisted: Unpersisted<T>,
        app: impl FnOnce(&mut Transaction<'_, B>, &GroupLock, &T) -> Result<(), Failure>,
    ) -> Result<T, SessionError> {
        let Some(Loaded { lock, .. }) = self.groups.get(group_id) else {
            return Err(SessionError::NoGroup(group_id.clone()));
        };
        let stored =
            self.store.persist(lock, unpersisted, |transaction, result| app(transaction, lock, result));
        stored.map_err(|failed| {
            self.groups.remove(group_id);
            failed.error.into()
        })
    }
}

/// Returns whether our external Commit has lost to another Commit, because the client's current
/// group has reached the epoch of the external Commit.
fn is_lost(current: &Group, joining: Option<&Member>) -> bool {
    joining.is_some_and(|joining| joining.group.epoch() <= current.epoch())
}

impl<B: Backend> fmt::Debug for Session<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("store", &self.store)
            .field("groups", &self.groups.keys())
            .finish_non_exhaustive()
    }
}
