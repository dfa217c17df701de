//! The signed lists of revoked certificates (docs/protocol.md, section 3.1).
//!
//! A new list cuts off the sessions of revoked clients at once. The removals from their groups
//! follow, and are repeated after a crash, because the list of clients to remove is stored together
//! with the list.

use super::Service;
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{KeyRange, ScanLimit, Snapshot, Store, Transaction};
use ed25519_dalek::VerifyingKey;
use pando_api::{ClientId, Domain, ProblemCode, RevocationError, RevocationList};

/// The key of the row with the newest list.
const LIST: &[u8] = b"l";
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
    /// Reads the stored lists, which must be done before the first request.
    ///
    /// # Errors
    /// An error of the store, or [`ProblemCode::Internal`] if a stored list is damaged.
    pub async fn load_revocations(&self) -> Result<(), Refusal> {
        for (domain, key) in &self.settings().feeds {
            let read = |rows: &dyn Snapshot| Ok::<_, Refusal>(rows.get(LIST)?);
            let Some(row) = self.shared.store.read(&partition(domain), read).await? else { continue };
            let revocations = decode::<RevocationList>(&row)?.verify(domain, key);
            let revocations = revocations.map_err(|_| Refusal::corrupt("list of revocations"))?;
            self.shared.revocations.replace(revocations).map_err(|error| refused(&error))?;
        }
        Ok(())
    }

    /// Replaces the list of a domain by a newer one. The same list is accepted, and changes nothing.
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
            Ok(rows.set_due(Some(now))?)
        };
        let bytes = revocations.versions().len().saturating_mul(200);
        self.shared.store.write::<_, Refusal>(&partition(domain), bytes, work).await?;
        self.shared.revocations.replace(revocations).map_err(|error| refused(&error))?;
        self.shared.due.notify_one();
        Ok(())
    }

    /// Proposes to remove revoked clients from their groups.
    pub(super) async fn run_revocations(&self, partition: &[u8], now: u64) -> Result<(), Refusal> {
        // A change of membership that is copied after this point finds the revocation.
        self.load_revocations().await?;
        loop {
            let read = |rows: &dyn Snapshot| {
                let page = rows.scan(&KeyRange::prefix([CLIENT]), ScanLimit::rows(CLIENTS))?;
                let clients = page.rows.iter().map(|row| {
                    let client = client_of(&row.key).ok_or_else(|| Refusal::corrupt("revoked client"))?;
                    Ok::<_, Refusal>((client, decode(&row.value)?))
                });
                clients.collect::<Result<Vec<(ClientId, u64)>, _>>()
            };
            let clients = self.shared.store.read(partition, read).await?;
            for (client, version) in &clients {
                for group_id in self.groups_of(client).await? {
                    self.remove_revoked(&group_id, (client, *version), now).await?;
                }
            }
            let is_last = clients.is_empty();
            let work = move |rows: &mut dyn Transaction| {
                // A newer list may have followed in the meantime.
                for (client, version) in &clients {
                    let key = client_key(client);
                    if rows.get(&key)? == Some(encode(version)?) {
                        rows.delete(&key)?;
                    }
                }
                if rows.scan(&KeyRange::prefix([CLIENT]), ScanLimit::rows(1))?.rows.is_empty() {
                    rows.set_due(None)?;
                }
                Ok::<_, Refusal>(())
            };
            self.shared.store.write(partition, 0, work).await?;
            if is_last {
                return Ok(());
            }
        }
    }
}

fn client_key(client: &ClientId) -> Vec<u8> {
    [&[CLIENT], client.as_str().as_bytes()].concat()
}

fn client_of(key: &[u8]) -> Option<ClientId> {
    std::str::from_utf8(key.strip_prefix(&[CLIENT])?).ok()?.parse().ok()
}
