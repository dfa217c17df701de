//! What a script is run with: each cipher suite, each way to send handshake messages, and clients in the roles of its
//! actors.

use rand_core::Rng;
use std::collections::{BTreeMap, BTreeSet};

/// How many assignments of a script are tried at most.
const MOST_COMBINATIONS: usize = 100_000;

/// All ways to put one of `clients` into each of `slots`, the last slot changing fastest.
///
/// # Errors
///
/// If there are too many.
pub(crate) fn combinations(clients: &[usize], slots: usize) -> Result<Vec<Vec<usize>>, String> {
    let count = u32::try_from(slots)
        .ok()
        .and_then(|slots| clients.len().checked_pow(slots))
        .filter(|count| *count <= MOST_COMBINATIONS)
        .ok_or_else(|| {
            format!(
                "{slots} actors can be {} clients in more than {MOST_COMBINATIONS} ways; --random takes one",
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

/// One of `clients` for each of `slots`, drawn by lot.
pub(crate) fn random(clients: &[usize], slots: usize, rng: &mut impl Rng) -> Vec<usize> {
    (0..slots).filter_map(|_| pick(clients, rng).copied()).collect()
}

/// One of the items.
pub(crate) fn pick<'a, T>(items: &'a [T], rng: &mut impl Rng) -> Option<&'a T> {
    let index = below(items.len(), rng);
    items.get(index)
}

/// A number below `bound`, and 0 if there is none.
pub(crate) fn below(bound: usize, rng: &mut impl Rng) -> usize {
    let bound = u64::try_from(bound).unwrap_or(u64::MAX);
    let drawn = rng.next_u64().checked_rem(bound).unwrap_or(0);
    usize::try_from(drawn).unwrap_or(0)
}

/// The suites to run, each with the clients that support it.
///
/// # Errors
///
/// If a suite was asked for that nobody supports.
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
