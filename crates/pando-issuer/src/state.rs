//! The record of issued versions: `authority.json`.

use crate::error::IssuerError;
use crate::files::{Access, Folder};
use pando_api::{ClientId, Domain};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name of the file, which makes a folder an authority.
pub(crate) const FILE: &str = "authority.json";

/// The format of the folder.
const FORMAT: u32 = 1;

/// The domain, and the issued versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    format: u32,
    pub(crate) domain: Domain,
    /// The highest version that was issued for each client.
    pub(crate) versions: BTreeMap<ClientId, u64>,
}

impl State {
    pub(crate) const fn new(domain: Domain) -> Self {
        Self { format: FORMAT, domain, versions: BTreeMap::new() }
    }

    /// Reads the record.
    pub(crate) fn read(folder: &Folder) -> Result<Self, IssuerError> {
        let malformed = |why: String| IssuerError::Malformed { path: folder.path(FILE), why };
        let bytes = folder.read(FILE, Access::Public)?;
        let state: Self = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        if state.format == FORMAT {
            Ok(state)
        } else {
            Err(malformed(format!("format {} is unknown", state.format)))
        }
    }

    /// Writes the record.
    pub(crate) fn write(&self, folder: &Folder) -> Result<(), IssuerError> {
        let bytes = serde_json::to_vec_pretty(self);
        let bytes = bytes.map_err(|error| IssuerError::Encoding(error.to_string()))?;
        folder.write(FILE, &bytes, Access::Public)
    }
}
