//! Logins, KeyPackages, inboxes and lists of groups (docs/protocol.md, sections 6.1, 10, 12 and
//! 13).

use super::Service;
use crate::account::{self, CheckedUpload, Claim, group_list, inbox, sessions};
use crate::error::Refusal;
use crate::group::{Caller, JoinerWelcome, summary};
use crate::store::{Snapshot, Store, Transaction};
use pando_api::{
    ClaimKeyPackages, ClaimedKeyPackages, ClientId, DeviceCertificate, GroupList, InboxEntry, InboxPage,
    KeyPackageCounts, ProblemCode, UploadKeyPackages, UserId,
};
use pando_mls::GroupId;
use std::collections::BTreeSet;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

/// The most Welcomes of a page of an inbox.
const INBOX_ENTRIES: usize = 100;

/// The most groups of a list. A user in more groups reads the others by their invitations.
const GROUPS: usize = 10_000;

/// The number of accounts that are read at the same time.
const READS_AT_ONCE: usize = 256;

impl<S: Store> Service<S> {
    /// Records a login that was verified. `nonce` is valid until `expires`.
    ///
    /// # Errors
    /// See [`sessions::record_login`].
    pub async fn record_login(
        &self,
        caller: &Caller,
        (nonce, expires): (Vec<u8>, u64),
        now: u64,
    ) -> Result<(), Refusal> {
        let client = caller.clone();
        let work =
            move |rows: &mut dyn Transaction| sessions::record_login(rows, &client, (&nonce, expires), now);
        self.shared.store.write(&account::partition(&caller.user()), 200, work).await
    }

    /// Returns whether the certificate of a session is revoked.
    #[must_use]
    pub fn is_revoked(&self, caller: &Caller) -> bool {
        self.shared.revocations.is_revoked(&caller.client, caller.version)
    }

    /// Refuses certificates below the highest version that the server knows of their clients.
    pub(super) async fn check_versions(
        &self,
        certificates: impl IntoIterator<Item = &DeviceCertificate>,
    ) -> Result<(), Refusal> {
        if self.superseded(certificates).await?.is_empty() {
            Ok(())
        } else {
            Err(Refusal::new(ProblemCode::CertificateSuperseded, ""))
        }
    }

    /// Returns the clients of those certificates that are below the highest version that the server
    /// knows of their clients.
    pub(super) async fn superseded(
        &self,
        certificates: impl IntoIterator<Item = &DeviceCertificate>,
    ) -> Result<BTreeSet<ClientId>, Refusal> {
        // Each read waits for a thread of the store, so many Adds would take long one by one.
        let (mut reads, mut superseded) = (JoinSet::new(), BTreeSet::new());
        let mut ended = |read: Option<Result<Result<Option<ClientId>, Refusal>, JoinError>>| {
            let client = read.transpose().map_err(|error| Refusal::internal(&error))?.transpose()?;
            superseded.extend(client.flatten());
            Ok::<_, Refusal>(())
        };
        for DeviceCertificate { client, version, .. } in certificates {
            if reads.len() >= READS_AT_ONCE {
                ended(reads.join_next().await)?;
            }
            let (service, client, version) = (self.clone(), client.clone(), *version);
            reads.spawn(async move {
                match service.check_version(&client, version).await {
                    Ok(()) => Ok(None),
                    Err(refusal) if refusal.is(ProblemCode::CertificateSuperseded) => Ok(Some(client)),
                    Err(refusal) => Err(refusal),
                }
            });
        }
        while !reads.is_empty() {
            ended(reads.join_next().await)?;
        }
        Ok(superseded)
    }

    /// Refuses a session that began before a login with a higher version. A thief may have the keys
    /// of such a session. A method with a caller calls this function first, or does the same in its
    /// transaction.
    ///
    /// # Errors
    /// [`ProblemCode::CertificateSuperseded`], or an error of the store.
    pub async fn check_session(&self, caller: &Caller) -> Result<(), Refusal> {
        self.check_version(&caller.client, caller.version).await
    }

    async fn check_version(&self, client: &ClientId, version: u64) -> Result<(), Refusal> {
        let (partition, client) = (account::partition(&client.user()), client.clone());
        let read = move |rows: &dyn Snapshot| sessions::known_version(rows, &client);
        let known = self.shared.store.read(&partition, read).await?;
        if known.is_some_and(|known| version < known) {
            return Err(Refusal::new(ProblemCode::CertificateSuperseded, ""));
        }
        Ok(())
    }

    /// Stores KeyPackages of the caller.
    ///
    /// # Errors
    /// See [`CheckedUpload::check`] and [`CheckedUpload::write`].
    pub async fn upload_key_packages(
        &self,
        caller: &Caller,
        request: UploadKeyPackages,
        now: u64,
    ) -> Result<(), Refusal> {
        let client = caller.clone();
        let check =
            self.run_check(move |shared| CheckedUpload::check((&shared.environment(now), &client), &request));
        let checked = check.await?;
        let (bytes, work) = (checked.size(), move |rows: &mut dyn Transaction| checked.write(rows, now));
        self.shared.store.write(&account::partition(&caller.user()), bytes, work).await
    }

    /// Counts the KeyPackages of the caller.
    ///
    /// # Errors
    /// See [`account::count`].
    pub async fn count_key_packages(&self, caller: &Caller, now: u64) -> Result<KeyPackageCounts, Refusal> {
        self.check_session(caller).await?;
        let client = caller.client.clone();
        let read = move |rows: &dyn Snapshot| account::count(rows, &client, now);
        self.shared.store.read(&account::partition(&caller.user()), read).await
    }

    /// Claims KeyPackages of a user's clients.
    ///
    /// # Errors
    /// See [`Claim::write`].
    pub async fn claim_key_packages(
        &self,
        caller: &Caller,
        request: ClaimKeyPackages,
        now: u64,
    ) -> Result<ClaimedKeyPackages, Refusal> {
        self.check_session(caller).await?;
        let claim = Claim::new(caller, request)?;
        let (partition, service) = (account::partition(&claim.user()), self.clone());
        let work = move |rows: &mut dyn Transaction| {
            let revocations = &service.shared.revocations;
            claim.write(rows, &|client, version| revocations.is_revoked(client, version), now)
        };
        self.shared.store.write(&partition, 20_000, work).await
    }

    /// Returns a receiver that changes after each new entry of an inbox of the user's clients. The
    /// caller obtains it before it reads the inbox.
    #[must_use]
    pub fn watch_inbox(&self, user: &UserId) -> watch::Receiver<()> {
        self.shared.wakeups.watch(&account::partition(user))
    }

    /// Returns the Welcomes in the caller's inbox after `after`, up to about `bytes` bytes, and at
    /// least one if there is one.
    ///
    /// # Errors
    /// An error of the store, or [`ProblemCode::Internal`] if a row is damaged.
    pub async fn read_inbox(
        &self,
        caller: &Caller,
        (after, bytes): (u64, usize),
        now: u64,
    ) -> Result<InboxPage, Refusal> {
        self.check_session(caller).await?;
        let client = caller.client.clone();
        let read = move |rows: &dyn Snapshot| inbox::read(rows, &client, (after, INBOX_ENTRIES), now);
        let pointers = self.shared.store.read(&account::partition(&caller.user()), read).await?;
        let (mut page, mut size) = (InboxPage::default(), 0_usize);
        for pointer in pointers {
            let (seq, pointer) = (pointer.seq, pointer.pointer);
            let (client, group_seq) = (caller.client.clone(), pointer.group_seq);
            let read = move |rows: &dyn Snapshot| JoinerWelcome::read(rows, group_seq, &client);
            // A Welcome may expire a moment before the entry that points to it.
            let Some(JoinerWelcome { tree_hash, welcome }) = self.read_group(&pointer.group_id, read).await?
            else {
                continue;
            };
            size = size.saturating_add(welcome.len());
            if size > bytes && !page.entries.is_empty() {
                break;
            }
            let inbox::WelcomePointer { group_id, group_seq, expires } = pointer;
            page.entries.push(InboxEntry { seq, group_id, group_seq, expires, tree_hash, welcome });
        }
        Ok(page)
    }

    /// Removes an entry from the caller's inbox.
    ///
    /// # Errors
    /// See [`inbox::remove`].
    pub async fn remove_inbox_entry(&self, caller: &Caller, seq: u64) -> Result<(), Refusal> {
        self.check_session(caller).await?;
        let client = caller.client.clone();
        let work = move |rows: &mut dyn Transaction| inbox::remove(rows, &client, seq);
        self.shared.store.write(&account::partition(&caller.user()), 0, work).await
    }

    /// Returns the groups in which a client of the caller's user is a member.
    ///
    /// # Errors
    /// An error of the store, or [`ProblemCode::Internal`] if a row is damaged.
    pub async fn list_groups(&self, caller: &Caller) -> Result<GroupList, Refusal> {
        self.check_session(caller).await?;
        let read = move |rows: &dyn Snapshot| group_list::list(rows, None, GROUPS);
        let page = self.shared.store.read(&account::partition(&caller.user()), read).await?;
        let mut list = GroupList::default();
        for group in page.groups {
            let (client, id) = (caller.clone(), group.group_id.clone());
            let read = move |rows: &dyn Snapshot| summary(rows, &id, &client);
            // The list is a copy, which may be behind the group.
            list.groups.extend(self.read_group(&group.group_id, read).await?);
        }
        Ok(list)
    }

    /// Returns the groups in which a client is a member.
    pub(super) async fn groups_of(&self, client: &ClientId) -> Result<Vec<GroupId>, Refusal> {
        let (partition, mut groups, mut after) = (account::partition(&client.user()), Vec::new(), None);
        loop {
            let read = move |rows: &dyn Snapshot| group_list::list(rows, after.as_ref(), 1_000);
            let page = self.shared.store.read(&partition, read).await?;
            after = page.groups.last().map(|group| group.group_id.clone());
            let of_client = page.groups.into_iter().filter(|group| group.clients.contains(client));
            groups.extend(of_client.map(|group| group.group_id));
            if !page.has_more {
                return Ok(groups);
            }
        }
    }
}
