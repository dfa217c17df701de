//! Counting KeyPackages (docs/protocol.md, section 12).

use super::client_row::ClientRow;
use super::key::Use;
use super::key_package_rows::{MIN_REMAINING, all};
use crate::error::Refusal;
use crate::store::Snapshot;
use pando_api::{ClientId, KeyPackageCount, KeyPackageCounts};
use std::collections::BTreeMap;

/// Counts the KeyPackages of a client that can be served, by cipher suite. Cipher suites without a
/// KeyPackage are left out.
///
/// # Errors
/// [`ProblemCode::Internal`](pando_api::ProblemCode::Internal) if a row is damaged.
pub fn count(rows: &dyn Snapshot, client: &ClientId, now: u64) -> Result<KeyPackageCounts, Refusal> {
    let row = ClientRow::find(rows, client)?;
    if !row.is_some_and(|row| row.has_current_key_packages()) {
        return Ok(KeyPackageCounts::default());
    }
    let mut counts = BTreeMap::new();
    for used in [Use::Once, Use::LastResort] {
        for key_package in all(rows, used, client)? {
            if key_package.expires <= now.saturating_add(MIN_REMAINING) {
                continue;
            }
            let cipher_suite = key_package.suite;
            let empty = KeyPackageCount { cipher_suite, count: 0, has_last_resort: false };
            let count = counts.entry(cipher_suite).or_insert(empty);
            match used {
                Use::Once => count.count = count.count.saturating_add(1),
                Use::LastResort => count.has_last_resort = true,
            }
        }
    }
    Ok(KeyPackageCounts { counts: counts.into_values().collect() })
}
