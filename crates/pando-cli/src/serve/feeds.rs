//! Revocation lists in files, which the server reads again when they change.

use super::config::FeedFile;
use super::error::ServeError;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ed25519_dalek::VerifyingKey;
use pando_api::{Domain, RevocationList};
use pando_delivery::http::{Clock, SystemClock};
use pando_delivery::service::Service;
use pando_delivery::store::Store;
use pando_mls::Decode;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// The interval in which a file is read.
const INTERVAL: Duration = Duration::from_secs(5);

/// The list of a domain.
pub(crate) struct Feed {
    pub(crate) domain: Domain,
    pub(crate) key: VerifyingKey,
    pub(crate) list: PathBuf,
}

impl Feed {
    /// Reads the settings of a feed.
    pub(crate) fn new(file: FeedFile) -> Result<Self, ServeError> {
        let FeedFile { domain, key, list } = file;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(key).ok();
        let key = bytes.and_then(|bytes| VerifyingKey::try_from(bytes.as_slice()).ok());
        let key = key.ok_or_else(|| ServeError::FeedKey(domain.clone()))?;
        Ok(Self { domain, key, list })
    }

    /// Passes the list in the file to the service. Returns the bytes of the file.
    pub(crate) async fn load<S: Store>(&self, service: &Service<S>) -> Result<Vec<u8>, ServeError> {
        let bytes = fs::read(&self.list).map_err(ServeError::file("read", &self.list))?;
        self.apply(service, &bytes).await?;
        Ok(bytes)
    }

    /// Passes each new list to the service. `known` are the bytes of the present list. If a list is
    /// refused, or the file cannot be read, this is reported once, and the present list stays.
    pub(crate) async fn follow<S: Store>(self, service: Service<S>, known: Vec<u8>) {
        let mut known = Some(known);
        loop {
            tokio::time::sleep(INTERVAL).await;
            let read = fs::read(&self.list);
            let has_changed = read.as_ref().ok() != known.as_ref();
            let result = match &read {
                Ok(bytes) if has_changed => self.apply(&service, bytes).await,
                Err(error) if has_changed => Err(ServeError::file("read", &self.list)(error.kind().into())),
                _ => Ok(()),
            };
            if let Err(error) = result {
                crate::complain(&format!("revocations of {}: {error}", self.domain));
            }
            known = read.ok();
        }
    }

    async fn apply<S: Store>(&self, service: &Service<S>, bytes: &[u8]) -> Result<(), ServeError> {
        let list = RevocationList::decode(bytes).map_err(pando_delivery::Refusal::from)?;
        Ok(service.replace_revocations(&self.domain, list, SystemClock.now()).await?)
    }
}
