//! The signed lists of revoked certificates (docs/protocol.md, section 3.1).
//!
//! A new list cuts off the sessions of revoked clients at once. The removals from their groups
//! follow, and are repeated after a crash, because the list of clients to remove is stored together
//! with the list.

use super::Service;
use super::due::DELAY;
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{KeyRange, ScanLimit, Snapshot, Store, Transaction};
use ed25519_dalek::VerifyingKey;
use pando_api::{ClientId, Domain, ProblemCode, RevocationError, RevocationList};

/// The key of the row with the newest list.
const LIST: &[u8] = b"l";
/// The key of the row with the number of this list, so that servers notice a newer list without
/// reading it.
const NUMBER: &[u8] = b"n";
/// The first byte of the keys of revoked clients that are still to be removed from their groups.
const CLIENT: u8 = b'c';
/// The number of clients that are read at a time.
const CLIENTS: usize = 100;

/// Returns the name of the partition of a domain's list.
fn partition(domain: &Domain) -> Vec<u8> {
    [b"r/", domain.as_str().as_bytes()].concat()
}

fn refused(error: &RevocationError) -> Refusal {
    Refusal::new(ProblemCode::Malformed, error.to_string())
}

impl<S: Store> Service<S> {
    /// Reads the stored lists that are newer than the known ones. This must be done before the
    /// first request.
    ///
    /// # Errors
    /// An error of the store, or [`ProblemCode::Internal`] if a stored list is damaged.
    pub async fn load_revocations(&self) -> Result<(), Refusal> {
        for (domain, key) in &self.settings().feeds {
            let known = self.shared.revocations.number(domain);
            let read = move |rows: &dyn Snapshot| {
                let number = rows.get(NUMBER)?.map(|row| decode::<u64>(&row)).transpose()?;
                Ok::<_, Refusal>(if number > known { rows.get(LIST)? } else { None })
            };
            let Some(row) = self.shared.store.read(&partition(domain), read).await? else { continue };
            let revocations = decode::<RevocationList>(&row)?.verify(domain, key);
            let revocations = revocations.map_err(|_| Refusal::corrupt("list of revocations"))?;
            // An even newer list may have arrived in the meantime.
            if self.shared.revocations.number(domain) < Some(revocations.number()) {
                self.shared.revocations.replace(revocations).map_err(|error| refused(&error))?;
            }
        }
        Ok(())
    }

    /// Replaces the list of a domain by a newer one. The same list is accepted, and changes
    /// nothing.
    ///
    /// # Errors
    /// [`ProblemCode::Malformed`] if the domain has no feed, the signature is wrong, or the list
    /// does not follow the present one.
    pub async fn replace_revocations(
        &self,
        domain: &Domain,
        list: RevocationList,
        now: u64,
    ) -> Result<(), Refusal> {
        let unknown = || Refusal::new(ProblemCode::Malformed, "the domain has no feed");
        let key: VerifyingKey = *self.settings().feeds.get(domain).ok_or_else(unknown)?;
        let revocations = list.clone().verify(domain, &key).map_err(|error| refused(&error))?;
        let (newer, of) = (revocations.clone(), domain.clone());
        let work = move |rows: &mut dyn Transaction| {
            let known = rows.get(LIST)?.map(|row| decode::<RevocationList>(&row)).transpose()?;
            let known = known.map(|known| known.verify(&of, &key)).transpose();
            let known = known.map_err(|_| Refusal::corrupt("list of revocations"))?;
            if let Some(mut known) = known.clone() {
                known.replace(newer.clone()).map_err(|error| refused(&error))?;
            }
            for (client, version) in newer.versions() {
                let is_known = known.as_ref().is_some_and(|known| known.is_revoked(client, *version));
                if !is_known {
                    rows.put(&client_key(client), &encode(version)?)?;
                }
            }
            rows.put(LIST, &encode(&list)?)?;
            rows.put(NUMBER, &encode(&newer.number())?)?;
            Ok(rows.set_due(Some(now))?)
        };
        let bytes = revocations.versions().len().saturating_mul(200);
        self.shared.store.write::<_, Refusal>(&partition(domain), bytes, work).await?;
        self.shared.revocations.replace(revocations).map_err(|error| refused(&error))?;
        self.shared.due.notify_one();
        Ok(())
    }

    /// Records that a revoked client is still to be removed from its groups.
    pub(super) async fn queue_revoked(
        &self,
        client: &ClientId,
        version: u64,
        at: u64,
    ) -> Result<(), Refusal> {
        let key = client_key(client);
        let work = move |rows: &mut dyn Transaction| {
            let known = rows.get(&key)?.map(|row| decode::<u64>(&row)).transpose()?;
            rows.put(&key, &encode(&known.map_or(version, |known| known.max(version)))?)?;
            if rows.due()?.is_none_or(|due| at < due) {
                rows.set_due(Some(at))?;
            }
            Ok::<_, Refusal>(())
        };
        self.shared.store.write(&partition(&client.domain()), 200, work).await
    }

    /// Proposes to remove revoked clients from their groups. A client that cannot be removed from
    /// one of its groups delays neither the others nor the removal from its other groups.
    pub(super) async fn run_revocations(&self, partition: &[u8], now: u64) -> Result<(), Refusal> {
        // A change of membership that is copied after this point finds the revocation.
        self.load_revocations().await?;
        let mut range = KeyRange::prefix([CLIENT]);
        loop {
            let page = range.clone();
            let read = move |rows: &dyn Snapshot| {
                let page = rows.scan(&page, ScanLimit::rows(CLIENTS))?;
                let clients = page.rows.iter().map(|row| {
                    let client = client_of(&row.key).ok_or_else(|| Refusal::corrupt("revoked client"))?;
                    Ok::<_, Refusal>((client, decode(&row.value)?))
                });
                clients.collect::<Result<Vec<(ClientId, u64)>, _>>()
            };
            let clients = self.shared.store.read(partition, read).await?;
            let Some((last, _)) = clients.last() else { break };
            range = range.after(&client_key(last));
            let mut removed = Vec::new();
            for (client, version) in clients {
                let mut is_removed = true;
                for group_id in self.groups_of(&client).await? {
                    is_removed &= self.remove_revoked(&group_id, (&client, version), now).await.is_ok();
                }
                if is_removed {
                    removed.push((client, version));
                }
            }
            let work = move |rows: &mut dyn Transaction| {
                // A newer list may have followed in the meantime.
                for (client, version) in &removed {
                    let key = client_key(client);
                    if rows.get(&key)? == Some(encode(version)?) {
                        rows.delete(&key)?;
                    }
                }
                Ok::<_, Refusal>(())
            };
            self.shared.store.write(partition, 0, work).await?;
        }
        let work = move |rows: &mut dyn Transaction| {
            let is_done = rows.scan(&KeyRange::prefix([CLIENT]), ScanLimit::rows(1))?.rows.is_empty();
            rows.set_due((!is_done).then_some(now.saturating_add(DELAY)))?;
            Ok::<_, Refusal>(())
        };
        self.shared.store.write(partition, 0, work).await
    }
}

fn client_key(client: &ClientId) -> Vec<u8> {
    [&[CLIENT], client.as_str().as_bytes()].concat()
}

fn client_of(key: &[u8]) -> Option<ClientId> {
    std::str::from_utf8(key.strip_prefix(&[CLIENT])?).ok()?.parse().ok()
}
