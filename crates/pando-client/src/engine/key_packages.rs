//! Our KeyPackages at the server (docs/protocol.md, section 12).
//!
//! The client uploads KeyPackages when the server has few, and with the first upload one of last
//! resort. An upload is stored and sent unchanged until it is accepted, so the server is never left
//! without KeyPackages by a crash: old ones stay until new ones are there.

use super::lanes::Lane;
use super::purpose::Purpose;
use super::{Engine, EngineError, Mistake};
use crate::operation::Operation;
use pando_api::{KeyPackageCounts, LastResort, UploadKeyPackages};
use pando_mls::{Decode, Encode, Extension, Extensions, KeyPackage, Lifetime};
use pando_store::session::{SessionError, no_rows};
use pando_store::{Backend, KEY_PACKAGE_GRACE};

/// The seconds by which the lifetime of a KeyPackage begins early, for clocks that differ.
const EARLY: u64 = 60 * 60;

/// The milliseconds before new KeyPackages are made after a refused upload, the first time and at
/// most.
const FIRST_WAIT: u64 = 10_000;
const LONGEST_WAIT: u64 = 60 * 60 * 1_000;

impl<B: Backend> Engine<B> {
    /// Returns the next call about our KeyPackages.
    pub(super) fn next_key_packages(
        &mut self,
        now: u64,
    ) -> Result<Option<(Lane, Purpose, Operation)>, EngineError> {
        if !self.lanes.is_free(&Lane::KeyPackages, now) {
            return Ok(None);
        }
        if let Some(upload) = self.state.client().upload {
            let operation = Operation::UploadKeyPackages(upload);
            return Ok(Some((Lane::KeyPackages, Purpose::UploadKeyPackages, operation)));
        }
        if self.count_time > now || self.settings.key_packages == 0 {
            return Ok(None);
        }
        Ok(Some((Lane::KeyPackages, Purpose::CountKeyPackages, Operation::CountKeyPackages)))
    }

    /// Makes KeyPackages if the server has few.
    pub(super) fn take_counts(&mut self, counts: &KeyPackageCounts) -> Result<(), EngineError> {
        let now = self.now();
        self.count_time = now.saturating_add(self.settings.count_interval);
        self.lanes.delay(&Lane::KeyPackages, self.count_time);
        let suite = self.settings.cipher_suite;
        let count = counts.counts.iter().find(|count| count.cipher_suite == suite);
        let number = count.map(|count| count.count).unwrap_or_default();
        let is_used = self.state.client().needs_last_resort == 1;
        let has_last_resort = count.is_some_and(|count| count.has_last_resort) && !is_used;
        let is_enough =
            number >= self.settings.min_key_packages || self.settings.makes(Mistake::UploadsKeyPackagesOnce);
        if is_enough && has_last_resort {
            return Ok(());
        }
        if self.settings.makes(Mistake::DeletesOldKeyPackages) {
            self.delete_key_packages()?;
        }
        let seconds = now.div_euclid(1_000);
        let mut transaction = self.session.store_mut().begin()?;
        transaction.remove_expired(seconds, KEY_PACKAGE_GRACE)?;
        transaction.commit()?;
        let lifetime = Lifetime {
            not_before: seconds.saturating_sub(EARLY),
            not_after: seconds.saturating_add(self.settings.key_package_lifetime),
        };
        let mut key_packages = Vec::new();
        for _ in number..self.settings.key_packages {
            let created = self.session.create_key_package(
                &self.identity,
                move |builder| builder.lifetime(lifetime),
                no_rows,
            );
            key_packages.push(created?.encode()?.into());
        }
        let last_resort = if has_last_resort {
            Vec::new()
        } else {
            let extension = Extension::new(&LastResort)?;
            let extensions = Extensions(vec![extension]);
            let created = self.session.create_last_resort_key_package(
                &self.identity,
                move |builder| builder.lifetime(lifetime).extensions(extensions),
                no_rows,
            );
            created?.encode()?
        };
        let upload = UploadKeyPackages { key_packages, last_resort: last_resort.into() };
        self.state.change_client(|client| client.upload = Some(upload));
        self.lanes.hasten(&Lane::KeyPackages);
        self.write()
    }

    /// Ends an upload that the server has accepted.
    pub(super) fn end_upload(&mut self) -> Result<(), EngineError> {
        self.refused_uploads = 0;
        self.state.change_client(|client| {
            let upload = client.upload.take();
            if upload.is_some_and(|upload| !upload.last_resort.is_empty()) {
                client.needs_last_resort = 0;
            }
        });
        self.write()
    }

    /// Drops an upload that the server has refused, for instance because the KeyPackages have
    /// expired while the client was offline, or because its certificate is about to expire. The
    /// client makes new ones after a time that grows with each refusal.
    pub(super) fn drop_upload(&mut self) -> Result<(), EngineError> {
        let wait = FIRST_WAIT.checked_shl(self.refused_uploads).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        self.refused_uploads = self.refused_uploads.saturating_add(1).min(16);
        self.count_time = self.now().saturating_add(wait);
        self.lanes.delay(&Lane::KeyPackages, self.count_time);
        let Some(upload) = self.state.change_client(|client| client.upload.take()) else {
            return self.write();
        };
        let refused: Vec<_> = upload
            .key_packages
            .iter()
            .chain([&upload.last_resort])
            .filter_map(|bytes| KeyPackage::decode(bytes).ok())
            .collect();
        let Self { session, state, .. } = self;
        let stored = session.store().key_packages()?;
        let mut transaction = session.store_mut().begin()?;
        for one in stored.iter().filter(|one| refused.contains(&one.bundle.key_package)) {
            transaction.remove_key_package(&one.reference)?;
        }
        state.write(&mut transaction).map_err(SessionError::Application)?;
        Ok(transaction.commit()?)
    }
}
