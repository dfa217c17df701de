//! The individual secrets in stored rows, as they are found by an attacker that copies a disk.

#![allow(dead_code, clippy::unwrap_used, reason = "a panic fails the test; each test reads a part")]

use pando_mls::wire::read_vector_header;
use pando_mls::{Decode, EpochRow, GroupContext, MlsMessage, ReInit, RowKey, Rows, SecretBytes, SecretId};

/// A secret, together with the key of its row.
pub(crate) struct Stored {
    pub(crate) key: RowKey,
    pub(crate) name: &'static str,
    pub(crate) secret: SecretBytes,
}

/// The names of an epoch's secrets, in the order in which they are stored.
const MEMBER: [&str; 7] = [
    "sender_data_secret",
    "exporter_secret",
    "external_secret",
    "membership_key",
    "resumption_psk",
    "epoch_authenticator",
    "init_secret",
];

/// Reads the next byte string of a row without copying it.
fn next<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let (len, rest) = read_vector_header(bytes).unwrap();
    let (value, behind) = rest.split_at(len);
    *bytes = behind;
    value
}

/// Returns the rows that our pending Commit will write when it is merged.
fn pending(mut bytes: &[u8]) -> Rows {
    bytes = MlsMessage::decode_prefix(bytes).unwrap().1;
    // Skip the hash of the previous state, the proposals, and the leaves that the Commit adds and
    // removes.
    for _ in 0..4 {
        next(&mut bytes);
    }
    bytes = Option::<ReInit>::decode_prefix(bytes).unwrap().1;
    // Skip the old leaves.
    next(&mut bytes);
    let (mut changes, mut rows) = (next(&mut bytes), Rows::new());
    while !changes.is_empty() {
        let key = RowKey::from_bytes(next(&mut changes)).unwrap();
        let (present, rest) = changes.split_at(1);
        changes = rest;
        if present == [1] {
            rows.insert(key, next(&mut changes).into());
        }
    }
    rows
}

/// Returns all secrets in some rows. Public contents are left out: trees, contexts, proposals and
/// messages.
pub(crate) fn secrets(rows: &Rows) -> Vec<Stored> {
    let mut found = Vec::new();
    for (key, row) in rows {
        let mut put = |name, secret: &[u8]| {
            if !secret.is_empty() {
                found.push(Stored { key: *key, name, secret: secret.into() });
            }
        };
        let mut bytes = row.expose();
        match key {
            RowKey::Member => {
                // The row begins with the index of the leaf.
                bytes = &bytes[4..];
                for name in MEMBER {
                    put(name, next(&mut bytes));
                }
                assert!(bytes.is_empty(), "the secrets of a member do not match the list");
            }
            RowKey::PrivateKey(_) => put("private key", bytes),
            RowKey::ResumptionPsk(_) => put("resumption_psk", bytes),
            RowKey::OwnUpdate(_) => put("private key of an Update", next(&mut bytes)),
            RowKey::Epoch(_, EpochRow::Past) => {
                let (_, rest) = GroupContext::decode_prefix(bytes).unwrap();
                bytes = &rest[4..];
                put("sender_data_secret", next(&mut bytes));
            }
            RowKey::Epoch(_, EpochRow::Secret(SecretId::Node(_))) => put("tree_node_secret", bytes),
            RowKey::Epoch(_, EpochRow::Secret(SecretId::Ratchet(..))) => {
                put("ratchet_secret", bytes.get(4..).unwrap_or_default());
            }
            RowKey::Epoch(_, EpochRow::Secret(SecretId::Message(..))) => {
                // The nonces of all cipher suites have 12 bytes.
                put("ratchet_nonce", &bytes[..12]);
                put("ratchet_key", &bytes[12..]);
            }
            RowKey::PendingCommit => found.extend(secrets(&pending(bytes))),
            RowKey::Public
            | RowKey::Tree(_)
            | RowKey::Proposal(_)
            | RowKey::OwnProposal(_)
            | RowKey::OpenedCommit(_)
            | RowKey::Outbox(_)
            | RowKey::ExternalJoin
            | RowKey::State
            | RowKey::Epoch(_, EpochRow::Leaf(_)) => {}
        }
    }
    found
}
