//! Renewing our leaves: by the schedule of a group's policy, after the last resort was used, and
//! when the client has a new certificate.

use super::identity::find_identity;
use super::lanes::Lane;
use super::rows::Intent;
use super::{Engine, EngineError};
use pando_api::{DeviceCertificate, Digest, Policy};
use pando_mls::{Credential, GroupError, GroupId};
use pando_store::Backend;
use pando_store::session::SessionError;

/// The label of an epoch code.
const CODE_LABEL: &[u8] = b"Pando 1.0 EpochCode";

impl<B: Backend> Engine<B> {
    /// Uses a new certificate of the client, whose signature key is in the store. The engine renews
    /// the client's leaves in all groups and its KeyPackages. The caller lets the client log in
    /// with the new certificate.
    ///
    /// # Errors
    /// [`EngineError::NoIdentity`], [`EngineError::Store`]; [`EngineError::Certificate`] if the
    /// certificate is of another client.
    pub fn use_identity(&mut self, credential: &Credential) -> Result<(), EngineError> {
        let certificate = DeviceCertificate::read(credential);
        let certificate = certificate.map_err(|error| EngineError::Certificate(error.to_string()))?;
        if certificate.client != self.own {
            return Err(EngineError::Certificate(format!("it is of {}", certificate.client)));
        }
        self.identity = find_identity(self.session.store(), credential, self.settings.cipher_suite)?;
        self.is_locked = false;
        self.update_times.clear();
        self.count_time = 0;
        for group_id in self.groups() {
            self.lanes.hasten(&Lane::Write(group_id));
        }
        self.lanes.hasten(&Lane::KeyPackages);
        Ok(())
    }

    /// Returns a code for the present epoch of a group: 30 digits. Members that compare it by other
    /// means see whether they are in the same state of the group. Returns `None` if the client is
    /// not a member.
    ///
    /// # Errors
    /// [`EngineError::Store`], [`EngineError::Session`].
    pub fn epoch_code(&mut self, group_id: &GroupId) -> Result<Option<String>, EngineError> {
        let group = match self.session.group(group_id) {
            Ok(group) => group,
            Err(SessionError::NoGroup(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(authenticator) = group.epoch_authenticator() else { return Ok(None) };
        let digest = Digest::of(&[CODE_LABEL, authenticator.expose()].concat());
        let groups = digest.as_ref().chunks(5).take(6).map(|bytes| {
            let number = bytes.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
            format!("{:05}", number.checked_rem(100_000).unwrap_or(0))
        });
        Ok(Some(groups.collect::<Vec<_>>().join(" ")))
    }

    /// Starts an update of our leaf if one is due.
    pub(super) fn start_due_update(&mut self, group_id: &GroupId, now: u64) -> Result<(), EngineError> {
        let time = match self.update_times.get(group_id) {
            Some(time) => *time,
            None => {
                let time = self.next_update(group_id, now)?;
                self.update_times.insert(group_id.clone(), time);
                time
            }
        };
        if time > now || self.state.operations_of(group_id).next().is_some() {
            return Ok(());
        }
        // The next epoch sets the next time.
        self.update_times.insert(group_id.clone(), u64::MAX);
        let operation = self.put_operation(group_id, Intent::Update);
        if let Some(row) = self.state.operations.get_mut(operation.0) {
            row.is_internal = 1;
        }
        self.write()
    }

    /// Returns when our leaf must be renewed.
    fn next_update(&mut self, group_id: &GroupId, now: u64) -> Result<u64, EngineError> {
        let leaf_time = self.state.group(group_id).map(|row| row.leaf_time).unwrap_or_default();
        if leaf_time == 0 || self.has_old_identity(group_id)? {
            return Ok(now);
        }
        let extensions = &self.session.group(group_id)?.public().context().extensions;
        let interval = Policy::of(extensions).map_or(0, |policy| policy.parameters.update_interval);
        if interval == 0 {
            return Ok(u64::MAX);
        }
        let interval = interval.saturating_mul(1_000);
        // The members of a group do not update at the same time.
        let early = self.rng.below(interval.div_euclid(10));
        Ok(leaf_time.saturating_add(interval).saturating_sub(early))
    }

    /// Returns whether our leaf in a group has another certificate than the client.
    pub(super) fn has_old_identity(&mut self, group_id: &GroupId) -> Result<bool, EngineError> {
        let group = self.session.group(group_id)?;
        let credential = group.public().credential(group.own_leaf());
        let credential = credential.map_err(GroupError::from).map_err(SessionError::from)?;
        Ok(credential.is_some_and(|credential| credential != self.identity.credential))
    }
}
