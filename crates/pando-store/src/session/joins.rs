//! Joining groups with Welcomes and with external Commits.

use crate::backend::Backend;
use crate::former_groups::OldWelcome;
use crate::group::GroupLock;
use crate::key_packages::StoredKeyPackage;
use crate::session::error::{AppError, Failure, SessionError};
use crate::session::event::{Event, Held, Received, Rejection};
use crate::session::receive::unapplied;
use crate::session::{Loaded, Member, Session};
use crate::signers::StoredSigner;
use crate::transaction::Transaction;
use pando_mls::{
    Encode, ExternalJoin, Group, GroupError, GroupId, GroupInfo, Invitation, LeafTemplate, Missing, Misuse,
    MlsMessage, MlsMessageBody, Signer, SourceError, Unpersisted, Violation, Welcome,
};

/// A stored external Commit, which is pending until the delivery service accepts it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExternalCommit {
    /// The group that the client joins.
    pub group_id: GroupId,
    /// The encoded Commit, which must be sent to the delivery service.
    pub message: Vec<u8>,
    /// The encoded GroupInfo of the epoch that the Commit begins, without the tree. Send it with
    /// the Commit to a delivery service that follows the group
    /// ([`PublicGroup::merge`](pando_mls::PublicGroup::merge)).
    pub group_info: Vec<u8>,
}

/// The encoded Commit.
impl AsRef<[u8]> for ExternalCommit {
    fn as_ref(&self) -> &[u8] {
        &self.message
    }
}

impl<B: Backend> Session<B> {
    /// Joins a group with an encoded Welcome. `tree` is the ratchet tree as exported by a member,
    /// and is required if the Welcome contains no tree. The same transaction deletes the KeyPackage
    /// for which the Welcome was created, or counts its use if it is one of last resort.
    ///
    /// The result has the same meaning as that of [`Session::receive`]. If a pre-shared key or the
    /// tree is missing, the Welcome is held.
    ///
    /// # Errors
    /// Returns the errors of [`Session::receive`], or [`SessionError::WrongMessage`] if `welcome`
    /// is not a Welcome.
    pub fn join(
        &mut self,
        welcome: &[u8],
        tree: Option<&[u8]>,
        app: impl FnOnce(&mut Transaction<'_, B>, &Received) -> Result<(), AppError>,
    ) -> Result<Received, SessionError> {
        match self.client.config().limits.decode(welcome) {
            Ok(MlsMessage { body: MlsMessageBody::Welcome(welcome) }) => {
                self.take_welcome(&welcome, tree, app)
            }
            Ok(_) => Err(SessionError::WrongMessage),
            Err(error) => self.record(Received::Rejected(Rejection::Group(error)), app),
        }
    }

    /// Joins a group with a decoded Welcome.
    pub(super) fn take_welcome(
        &mut self,
        welcome: &Welcome,
        tree: Option<&[u8]>,
        app: impl FnOnce(&mut Transaction<'_, B>, &Received) -> Result<(), AppError>,
    ) -> Result<Received, SessionError> {
        let Some(stored) = self.store.key_package_for(welcome)? else {
            let rejection = Rejection::Group(Missing::WelcomeSecrets.into());
            return self.record(Received::Rejected(rejection), app);
        };
        let signer = match self.signer_for(&stored) {
            Ok(signer) => signer,
            // This is not an error, because anyone can send a Welcome for a KeyPackage, and an
            // error would block the messages after it.
            Err(SessionError::NoSigner(key)) => {
                return self.record(Received::Rejected(Rejection::NoSigner(key)), app);
            }
            Err(error) => return Err(error),
        };
        let joined = match self.accept_welcome(welcome, &stored, tree, &*signer) {
            Ok(joined) => joined,
            Err(error) if error.is_storage() => return Err(error.into()),
            Err(error) => return self.record(unapplied(error), app),
        };
        let Some((joined, joined_event)) = joined else {
            return self.record(Received::Held(Held::StillInGroup), app);
        };
        let (group_id, epoch) = (joined.peek().group_id().clone(), joined.peek().epoch());
        if self.store.is_old_welcome(&group_id, epoch, stored.sequence)? {
            drop(joined);
            return self.record(Received::Rejected(Rejection::OldWelcome), app);
        }
        let received = Received::applied(&group_id, vec![joined_event]);
        self.load(&group_id)?;
        let group = self.persist(&group_id, joined, |transaction, lock, _| {
            transaction.use_key_package(lock, &stored.reference, OldWelcome::Refuse)?;
            app(transaction, &received).map_err(Failure::Application)
        })?;
        if let Some(loaded) = self.groups.get_mut(&group_id) {
            loaded.current = Some(Member { group, signer });
        }
        Ok(received)
    }

    /// Verifies a Welcome, and returns the group with its event. Returns `None` if the client is in
    /// the group at an earlier epoch, because the Commits that remove the client and add it again
    /// have not arrived yet.
    fn accept_welcome(
        &self,
        welcome: &Welcome,
        stored: &StoredKeyPackage,
        tree: Option<&[u8]>,
        signer: &dyn Signer,
    ) -> Result<Option<(Unpersisted<Group>, Event)>, GroupError> {
        let cx = self.client.at(self.now(), signer).with_psks(&self.store).with_groups(&self.store);
        let invitation = Invitation::open(welcome, &stored.bundle, &cx)?;
        let offer = invitation.mix_psks(&cx)?;
        let verified = match offer.verify(tree, &cx) {
            Ok(verified) => verified,
            Err(GroupError::Violation(Violation::AlreadyInGroup)) => {
                let stored = self.store.stored_group(offer.group_id()).map_err(SourceError::new)?;
                return match stored {
                    Some(stored) if stored.context.epoch < offer.epoch() => Ok(None),
                    _ => Err(Violation::AlreadyInGroup.into()),
                };
            }
            Err(error) => return Err(error),
        };
        let (state, inviter) = (verified.state(), verified.inviter());
        let event = Event::Joined { group_id: state.group_id().clone(), epoch: state.epoch(), inviter };
        Ok(Some((verified.accept(&cx)?, event)))
    }

    /// Returns the signature key of a stored KeyPackage.
    fn signer_for(&self, stored: &StoredKeyPackage) -> Result<Box<dyn Signer>, SessionError> {
        let key_package = &stored.bundle.key_package;
        let key = &key_package.leaf_node.signature_key;
        let suite = self.client.crypto().suite(key_package.cipher_suite);
        let signer = match suite {
            Some(suite) => self.store.signer(suite, key)?,
            None => None,
        };
        signer.ok_or_else(|| SessionError::NoSigner(key.clone()))
    }

    /// Creates an external Commit, with which the client joins a group, or rejoins it after a
    /// removal or the loss of its state. `tree` is the ratchet tree as exported by a member, and is
    /// required if the GroupInfo contains no tree. `fill` completes the builder. The Commit removes
    /// the leaf that has the identity's signature key, if there is such a leaf.
    ///
    /// If the signature key was lost together with the store, name the client's former leaf with
    /// [`ExternalJoin::replace_leaf`]. Otherwise, that leaf stays in the group. A
    /// [`PublicGroup`](pando_mls::PublicGroup) of the GroupInfo lists the members.
    ///
    /// This call abandons an earlier external Commit that is still pending. Do not call it before
    /// the delivery service has refused the earlier Commit.
    ///
    /// The new group is kept in addition to the client's current group ([`Session::joining`]). The
    /// new group is pending until [`Session::receive`] receives our Commit from the delivery
    /// service, or until [`Session::accept_join`] is called.
    ///
    /// `app` receives the Commit, so that it can store the Commit in the application's outbox.
    ///
    /// # Errors
    /// - [`SessionError::Group`] with the errors of [`ExternalJoin::build`].
    /// - [`SessionError::WrongMessage`] if `group_info` is not a GroupInfo.
    /// - [`SessionError::NoSigner`], [`SessionError::Store`], [`SessionError::Application`].
    pub fn join_externally(
        &mut self,
        group_info: &[u8],
        tree: Option<&[u8]>,
        identity: &StoredSigner,
        fill: impl for<'a> FnOnce(ExternalJoin<'a>) -> ExternalJoin<'a>,
        app: impl FnOnce(&mut Transaction<'_, B>, &ExternalCommit) -> Result<(), AppError>,
    ) -> Result<ExternalCommit, SessionError> {
        let group_info = self.decode_group_info(group_info)?;
        let signer = self.signer(group_info.group_context.cipher_suite, identity)?;
        let template = self.leaf_template(identity);
        let now = self.now();
        let (built, next) = {
            let cx = self.client.at(now, &*signer).with_psks(&self.store).with_groups(&self.store);
            let join = ExternalJoin::new(&group_info, template).tree(tree).replace_own_leaf();
            let built = fill(join).build(&cx, &mut *self.rng)?;
            let next = built.peek().0.group_info().without_tree().build(&cx)?;
            (built, MlsMessage::from(next).encode().map_err(GroupError::from)?)
        };
        let group_id = group_info.group_context.group_id;
        let message = built.peek().1.encode().map_err(GroupError::from)?;
        let commit = ExternalCommit { group_id: group_id.clone(), message, group_info: next };
        self.load(&group_id)?;
        let (group, _) = self.persist(&group_id, built, |transaction, _, _| {
            app(transaction, &commit).map_err(Failure::Application)
        })?;
        if let Some(loaded) = self.groups.get_mut(&group_id) {
            loaded.joining = Some(Member { group, signer });
        }
        Ok(commit)
    }

    /// Deletes the group of our external Commit, after the delivery service has refused it. The
    /// client's current group does not change.
    ///
    /// # Errors
    /// [`SessionError::NoGroup`], [`SessionError::Store`], [`SessionError::Application`].
    pub fn abandon_join(
        &mut self,
        group_id: &GroupId,
        app: impl FnOnce(&mut Transaction<'_, B>, &GroupId) -> Result<(), AppError>,
    ) -> Result<(), SessionError> {
        self.change_stored(group_id, |transaction, lock| Ok(transaction.abandon_join(lock)?), app)
    }

    /// Changes the stored rows of a group without loading the group. This function also works for
    /// damaged groups. Drops the group from memory, even after an error.
    pub(super) fn change_stored(
        &mut self,
        group_id: &GroupId,
        change: impl FnOnce(&mut Transaction<'_, B>, &GroupLock) -> Result<(), SessionError>,
        app: impl FnOnce(&mut Transaction<'_, B>, &GroupId) -> Result<(), AppError>,
    ) -> Result<(), SessionError> {
        let lock = match self.groups.remove(group_id) {
            Some(loaded) => loaded.lock,
            None => self.store.lock(group_id, self.wait)?,
        };
        if !self.store.contains(group_id)? && !self.store.joining()?.contains(group_id) {
            return Err(SessionError::NoGroup(group_id.clone()));
        }
        let mut transaction = self.store.begin()?;
        change(&mut transaction, &lock)?;
        app(&mut transaction, group_id).map_err(SessionError::Application)?;
        Ok(transaction.commit()?)
    }

    /// Merges our external Commit, after the delivery service has accepted it. The group of the
    /// external Commit replaces the client's current group.
    ///
    /// # Errors
    /// Returns [`SessionError::Group`] with [`Misuse::NoPendingCommit`] if no external Commit is
    /// pending. Other errors are [`SessionError::NoGroup`], [`SessionError::Store`] and
    /// [`SessionError::Application`].
    pub fn accept_join(
        &mut self,
        group_id: &GroupId,
        app: impl FnOnce(&mut Transaction<'_, B>, &[Event]) -> Result<(), AppError>,
    ) -> Result<Vec<Event>, SessionError> {
        let Loaded { current, joining: Some(member), .. } = self.load_stored(group_id)? else {
            return Err(GroupError::from(Misuse::NoPendingCommit).into());
        };
        let mut events = vec![Event::JoinAccepted { epoch: member.group.epoch() }];
        let merged = member.group.merge_pending()?;
        // The Delta is not stored, because all rows of the replaced group are deleted anyway.
        if let Some(current) = current
            && current.group.pending_commit().is_some()
        {
            events.push(Event::OwnCommitLost(current.group.clear_pending().peek().clone()));
        }
        let merged = merged.map(|()| events);
        let events = self.persist(group_id, merged, |transaction, _, events| {
            app(transaction, events).map_err(Failure::Application)
        })?;
        if let Some(loaded) = self.groups.get_mut(group_id) {
            loaded.current = loaded.joining.take();
        }
        // A pending join that was loaded after a restart has no signer yet.
        self.renew_signer(group_id);
        Ok(events)
    }

    fn decode_group_info(&self, bytes: &[u8]) -> Result<GroupInfo, SessionError> {
        match self.client.config().limits.decode(bytes)?.body {
            MlsMessageBody::GroupInfo(group_info) => Ok(*group_info),
            _ => Err(SessionError::WrongMessage),
        }
    }

    /// Returns the contents of a new leaf: the identity's credential and the client's capabilities.
    fn leaf_template(&self, identity: &StoredSigner) -> LeafTemplate {
        let capabilities = self.client.capabilities(identity.credential.credential_type());
        LeafTemplate {
            credential: identity.credential.clone(),
            capabilities,
            extensions: pando_mls::Extensions::default(),
        }
    }
}
