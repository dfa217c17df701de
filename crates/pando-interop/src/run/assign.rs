//! Chooses the settings of each run of a script: the cipher suite, the wire format of handshake
//! messages, and the assignment of clients to actors.

use rand_core::Rng;
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of assignments of clients to the actors of a script.
const MOST_COMBINATIONS: usize = 100_000;

/// Returns all ways to assign one of `clients` to each of `slots`. The last slot changes fastest.
///
/// # Errors
///
/// Returns an error if there are more than [`MOST_COMBINATIONS`] assignments.
pub(crate) fn combinations(clients: &[usize], slots: usize) -> Result<Vec<Vec<usize>>, String> {
    let count = u32::try_from(slots)
        .ok()
        .and_then(|slots| clients.len().checked_pow(slots))
        .filter(|count| *count <= MOST_COMBINATIONS)
        .ok_or_else(|| {
            format!(
                "{slots} actors and {} clients have more than {MOST_COMBINATIONS} assignments; use --random for one",
                clients.len()
            )
        })?;
    let mut all = Vec::with_capacity(count);
    all.push(Vec::new());
    for _ in 0..slots {
        all = all
            .into_iter()
            .flat_map(|head: Vec<usize>| {
                clients.iter().map(move |client| {
                    let mut longer = head.clone();
                    longer.push(*client);
                    longer
                })
            })
            .collect();
    }
    Ok(all)
}

/// Returns one randomly chosen client for each of `slots`.
pub(crate) fn random(clients: &[usize], slots: usize, rng: &mut impl Rng) -> Vec<usize> {
    (0..slots).filter_map(|_| pick(clients, rng).copied()).collect()
}

/// Returns a randomly chosen item, or `None` if there are no items.
pub(crate) fn pick<'a, T>(items: &'a [T], rng: &mut impl Rng) -> Option<&'a T> {
    let index = below(items.len(), rng);
    items.get(index)
}

/// Returns a random number below `bound`, or 0 if `bound` is 0.
pub(crate) fn below(bound: usize, rng: &mut impl Rng) -> usize {
    let bound = u64::try_from(bound).unwrap_or(u64::MAX);
    let drawn = rng.next_u64().checked_rem(bound).unwrap_or(0);
    usize::try_from(drawn).unwrap_or(0)
}

/// Returns the cipher suites to run, each with the clients that support it.
///
/// # Errors
///
/// Returns an error if no client supports one of the requested suites.
pub(crate) fn suites(
    supported: &[&BTreeSet<u32>],
    wanted: &[u32],
) -> Result<BTreeMap<u32, Vec<usize>>, String> {
    let mut all: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (client, suites) in supported.iter().enumerate() {
        for suite in *suites {
            all.entry(*suite).or_default().push(client);
        }
    }
    if let Some(missing) = wanted.iter().find(|suite| !all.contains_key(suite)) {
        return Err(format!("none of the clients supports cipher suite {missing}"));
    }
    if !wanted.is_empty() {
        all.retain(|suite, _| wanted.contains(suite));
    }
    Ok(all)
}
