//! The authority for development, which issues device certificates for the domain `localhost`.

use super::error::ServeError;
use super::keys::random;
use pando_api::Domain;
use pando_issuer::Authority;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::fs;
use std::path::Path;

/// Opens the authority in a folder, and makes it if there is none. `now` is in seconds since 1970.
/// The caller drops it soon, because other programs that issue certificates need its lock.
pub(crate) fn open(folder: &Path, domain: &Domain, now: u64) -> Result<Authority, ServeError> {
    if !folder.exists() {
        // The authority is made under another name, so a crash leaves no part of one behind.
        let new = folder.with_extension("new");
        if new.exists() {
            fs::remove_dir_all(&new).map_err(ServeError::file("remove", &new))?;
        }
        let mut rng = ChaCha20Rng::from_seed(*random()?);
        drop(Authority::create(&new, domain.clone(), now, &mut rng)?);
        fs::rename(&new, folder).map_err(ServeError::file("create", folder))?;
    }
    Ok(Authority::open(folder)?)
}
