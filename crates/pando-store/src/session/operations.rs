//! Operations that the application starts.

use crate::backend::Backend;
use crate::session::error::{AppError, Failure, SessionError};
use crate::session::event::Event;
use crate::session::receive::merge_pending;
use crate::session::{Loaded, Member, Session, is_lost};
use crate::signers::StoredSigner;
use crate::transaction::Transaction;
use pando_mls::wire::LeafNode;
use pando_mls::{
    ApplicationData, CipherSuite, CommitBuilder, CommitOutput, Context, Credential, CryptoRng, Encode, Group,
    GroupBuilder, GroupError, GroupId, GroupInfoBuilder, KeyPackage, KeyPackageBuilder, LeafTemplate,
    LeftOut, Misuse, MlsMessage, NewLeaf, OutboxId, Proposal, Signer, Suite, Unpersisted,
};

/// A stored Commit, which is pending until the delivery service accepts it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Commit {
    /// The encoded Commit, which must be sent to the delivery service. The group keeps the Welcome
    /// and the GroupInfo of the Commit. [`Session::send_outbox`] sends them after the Commit is
    /// accepted.
    pub message: Vec<u8>,
    /// The encoded Welcome for the clients that the Commit adds, if there are any. Send the Welcome
    /// with the Commit only to a delivery service that delivers it if and only if it accepts the
    /// Commit.
    pub welcome: Option<Vec<u8>>,
    /// The encoded GroupInfo of the new epoch, without the tree, if
    /// [`CommitBuilder::with_group_info`] was called. Send the GroupInfo with the Commit to a
    /// delivery service that follows the group
    /// ([`PublicGroup::merge`](pando_mls::PublicGroup::merge)).
    pub group_info: Option<Vec<u8>>,
    /// The pending proposals that the Commit does not cover, with the reasons.
    pub left_out: Vec<LeftOut>,
}

/// The encoded Commit.
impl AsRef<[u8]> for Commit {
    fn as_ref(&self) -> &[u8] {
        &self.message
    }
}

impl<B: Backend> Session<B> {
    /// Returns the identity with this cipher suite and credential. Creates an identity if the store
    /// contains none.
    ///
    /// # Errors
    /// Returns the errors of [`Session::create_identity`].
    pub fn identity(
        &mut self,
        cipher_suite: CipherSuite,
        credential: Credential,
    ) -> Result<StoredSigner, SessionError> {
        let is_it =
            |stored: &StoredSigner| (stored.cipher_suite, &stored.credential) == (cipher_suite, &credential);
        match self.store.signers()?.into_iter().find(is_it) {
            Some(stored) => Ok(stored),
            None => self.create_identity(cipher_suite, credential),
        }
    }

    /// Creates a signature key for a credential, stores both, and returns them as an identity.
    ///
    /// # Errors
    /// [`SessionError::Group`] with [`Misuse::UnsupportedCipherSuite`]; [`SessionError::Store`].
    pub fn create_identity(
        &mut self,
        cipher_suite: CipherSuite,
        credential: Credential,
    ) -> Result<StoredSigner, SessionError> {
        let suite = self.suite(cipher_suite)?;
        let private_key = suite.signature_generate_key(&mut *self.rng).map_err(GroupError::from)?;
        let mut transaction = self.store.begin()?;
        let public_key = transaction.put_signer(suite, &private_key, &credential)?;
        transaction.commit()?;
        Ok(StoredSigner { cipher_suite, public_key, credential })
    }

    /// Creates a KeyPackage, stores its private keys, and returns it for publication, for instance
    /// as an [`MlsMessage`]. `fill` completes the builder. When the client joins a group with a
    /// Welcome for this KeyPackage, the private keys are deleted.
    ///
    /// # Errors
    /// Returns [`SessionError::Group`] with the errors of [`KeyPackageBuilder::build`]. Other
    /// errors are [`SessionError::NoSigner`], [`SessionError::Store`] and
    /// [`SessionError::Application`].
    pub fn create_key_package(
        &mut self,
        identity: &StoredSigner,
        fill: impl for<'a> FnOnce(KeyPackageBuilder<'a>) -> KeyPackageBuilder<'a>,
        app: impl FnOnce(&mut Transaction<'_, B>, &KeyPackage) -> Result<(), AppError>,
    ) -> Result<KeyPackage, SessionError> {
        self.store_key_package(identity, false, fill, app)
    }

    /// Creates a last-resort KeyPackage (section 16.8), which the delivery service hands out when
    /// it has no other KeyPackage of the client. Joining with a Welcome does not delete the private
    /// keys. These keys are kept until the KeyPackage expires or the application deletes it. In all
    /// other respects, this function works like [`Session::create_key_package`].
    ///
    /// # Errors
    /// Returns the errors of [`Session::create_key_package`].
    pub fn create_last_resort_key_package(
        &mut self,
        identity: &StoredSigner,
        fill: impl for<'a> FnOnce(KeyPackageBuilder<'a>) -> KeyPackageBuilder<'a>,
        app: impl FnOnce(&mut Transaction<'_, B>, &KeyPackage) -> Result<(), AppError>,
    ) -> Result<KeyPackage, SessionError> {
        self.store_key_package(identity, true, fill, app)
    }

    fn store_key_package(
        &mut self,
        identity: &StoredSigner,
        is_last_resort: bool,
        fill: impl for<'a> FnOnce(KeyPackageBuilder<'a>) -> KeyPackageBuilder<'a>,
        app: impl FnOnce(&mut Transaction<'_, B>, &KeyPackage) -> Result<(), AppError>,
    ) -> Result<KeyPackage, SessionError> {
        let now = self.now();
        let suite = self.suite(identity.cipher_suite)?;
        let signer = self.signer(identity.cipher_suite, identity)?;
        let cx = self.client.at(now, &*signer);
        let bundle = fill(self.key_package(&cx, identity)).build(&mut *self.rng)?;
        let mut transaction = self.store.begin()?;
        transaction.insert_key_package(suite, &bundle, is_last_resort)?;
        app(&mut transaction, &bundle.key_package).map_err(SessionError::Application)?;
        transaction.commit()?;
        Ok(bundle.key_package)
    }

    /// Creates a group with the client as its only member.
    ///
    /// # Errors
    /// - [`SessionError::Group`] with the errors of [`GroupBuilder::build`].
    /// - [`SessionError::NoSigner`], [`SessionError::Application`].
    /// - [`SessionError::Store`] with [`StoreError::Occupied`](crate::StoreError::Occupied) if the
    ///   client is in a group with this identifier.
    pub fn create_group(
        &mut self,
        builder: GroupBuilder,
        identity: &StoredSigner,
        app: impl FnOnce(&mut Transaction<'_, B>, &GroupId) -> Result<(), AppError>,
    ) -> Result<(), SessionError> {
        let (group_id, now) = (builder.group_id().clone(), self.now());
        let signer = self.signer(identity.cipher_suite, identity)?;
        let created = {
            let cx = self.client.at(now, &*signer);
            let bundle = self.key_package(&cx, identity).build(&mut *self.rng)?;
            builder.build(bundle, &cx, &mut *self.rng)?
        };
        self.load(&group_id)?;
        let group = self.persist(&group_id, created, |transaction, _, _| {
            app(transaction, &group_id).map_err(Failure::Application)
        })?;
        if let Some(loaded) = self.groups.get_mut(&group_id) {
            loaded.current = Some(Member { group, signer });
        }
        Ok(())
    }

    /// Runs an operation on a group, and stores its changes. If the operation merges a Commit in
    /// place of our external Commit, the external Commit is abandoned. `app` receives the result,
    /// and writes the application's rows.
    ///
    /// # Errors
    /// - [`SessionError::Group`] with the error of the operation.
    /// - [`SessionError::NoGroup`], and [`SessionError::NoSigner`] when the group is loaded.
    /// - [`SessionError::Store`], [`SessionError::Application`].
    pub fn operate<T>(
        &mut self,
        group_id: &GroupId,
        operation: impl FnOnce(&mut Group, &Context<'_>, &mut dyn CryptoRng) -> Result<Unpersisted<T>, GroupError>,
        app: impl FnOnce(&mut Transaction<'_, B>, &T) -> Result<(), AppError>,
    ) -> Result<T, SessionError> {
        self.load_stored(group_id)?;
        let now = self.now();
        let Self { store, client, groups, rng, .. } = self;
        let Some(Loaded { current: Some(member), joining, .. }) = groups.get_mut(group_id) else {
            return Err(SessionError::NoGroup(group_id.clone()));
        };
        let cx = client.at(now, &*member.signer).with_psks(store).with_groups(store);
        let before = member.group.epoch();
        let unpersisted = operation(&mut member.group, &cx, &mut **rng)?;
        let is_lost = member.group.epoch() > before && is_lost(&member.group, joining.as_ref());
        let result = self.persist(group_id, unpersisted, |transaction, lock, result| {
            if is_lost {
                transaction.abandon_join(lock)?;
            }
            app(transaction, result).map_err(Failure::Application)
        })?;
        self.drop_lost_join(group_id, is_lost);
        self.renew_signer(group_id);
        Ok(result)
    }

    /// Encrypts application data, and returns the encoded message. `app` also receives the message,
    /// so that it can store the message in the application's outbox.
    ///
    /// # Errors
    /// Returns the errors of [`Session::operate`] and [`Group::encrypt`].
    pub fn send<'d>(
        &mut self,
        group_id: &GroupId,
        data: impl Into<ApplicationData<'d>>,
        app: impl FnOnce(&mut Transaction<'_, B>, &[u8]) -> Result<(), AppError>,
    ) -> Result<Vec<u8>, SessionError> {
        let encrypt = |group: &mut Group, cx: &Context<'_>, rng: &mut dyn CryptoRng| {
            group.encrypt(data, cx, rng)?.try_map(|message| Ok(message.encode()?))
        };
        self.operate(group_id, encrypt, |transaction, bytes| app(transaction, bytes))
    }

    /// Creates a Commit, which is pending until the delivery service accepts it. `fill` completes
    /// the builder. The Commit also covers the pending proposals. `app` receives the Commit, so
    /// that it can store the Commit in the application's outbox.
    ///
    /// # Errors
    /// Returns the errors of [`Session::operate`] and [`CommitBuilder::build`].
    pub fn commit(
        &mut self,
        group_id: &GroupId,
        fill: impl for<'a> FnOnce(CommitBuilder<'a>) -> CommitBuilder<'a>,
        app: impl FnOnce(&mut Transaction<'_, B>, &Commit) -> Result<(), AppError>,
    ) -> Result<Commit, SessionError> {
        let commit = |group: &mut Group, cx: &Context<'_>, rng: &mut dyn CryptoRng| {
            fill(group.commit()).build(cx, rng)?.try_map(encode_commit)
        };
        self.operate(group_id, commit, app)
    }

    /// Creates a Commit that gives our leaf the credential and the signature key of `identity`. The
    /// leaf keeps its extensions and capabilities, and the type of the credential is added to the
    /// capabilities. After the Commit is accepted, the client signs with the new key. In all other
    /// respects, this function works like [`Session::commit`].
    ///
    /// # Errors
    /// Returns the errors of [`Session::commit`], or [`SessionError::NoSigner`] if the store does
    /// not have the identity's signature key for the cipher suite of the group.
    pub fn commit_identity(
        &mut self,
        group_id: &GroupId,
        identity: &StoredSigner,
        fill: impl for<'a> FnOnce(CommitBuilder<'a>) -> CommitBuilder<'a>,
        app: impl FnOnce(&mut Transaction<'_, B>, &Commit) -> Result<(), AppError>,
    ) -> Result<Commit, SessionError> {
        let cipher_suite = self.group(group_id)?.public().suite().cipher_suite();
        let (signer, credential) = (self.signer(cipher_suite, identity)?, identity.credential.clone());
        let commit = |group: &mut Group, cx: &Context<'_>, rng: &mut dyn CryptoRng| {
            let own = group.own_leaf();
            let leaf = group.public().tree().leaf(own)?.ok_or(Misuse::NotAMember(own))?;
            let LeafNode { mut capabilities, extensions, .. } = leaf;
            if !capabilities.credentials.contains(&credential.credential_type()) {
                capabilities.credentials.push(credential.credential_type());
            }
            let template = LeafTemplate { credential, capabilities, extensions };
            let new_leaf = NewLeaf { template, signer: &*signer };
            fill(group.commit()).new_leaf(new_leaf).build(cx, rng)?.try_map(encode_commit)
        };
        self.operate(group_id, commit, app)
    }

    /// Enters the epoch of our pending Commit, after the delivery service has accepted it. Call
    /// [`Session::send_outbox`] afterwards, to send the Commit's Welcome. For an external Commit,
    /// call [`Session::accept_join`] instead.
    ///
    /// # Errors
    /// Returns [`SessionError::Group`] with [`Misuse::NoPendingCommit`] if no Commit is pending.
    /// Other errors are [`SessionError::NoGroup`], [`SessionError::Store`] and
    /// [`SessionError::Application`].
    pub fn accept_commit(
        &mut self,
        group_id: &GroupId,
        app: impl FnOnce(&mut Transaction<'_, B>, &[Event]) -> Result<(), AppError>,
    ) -> Result<Vec<Event>, SessionError> {
        let Loaded { current, joining, .. } = self.load_stored(group_id)?;
        let Some(member) = current else {
            return Err(SessionError::NoGroup(group_id.clone()));
        };
        let merged = merge_pending(&mut member.group)?;
        let is_lost = is_lost(&member.group, joining.as_ref());
        let merged = merged.map(|mut events| {
            events.extend(is_lost.then_some(Event::JoinLost));
            events
        });
        let events = self.persist(group_id, merged, |transaction, lock, events| {
            if is_lost {
                transaction.abandon_join(lock)?;
            }
            app(transaction, events).map_err(Failure::Application)
        })?;
        self.drop_lost_join(group_id, is_lost);
        self.renew_signer(group_id);
        Ok(events)
    }

    /// Drops our pending Commit, which the delivery service has refused, and returns the proposals
    /// that it carried by value.
    ///
    /// Do not call this function if the Commit may have been accepted, for instance after a lost
    /// reply. In that case, the client could not process its own Commit, and would have to rejoin.
    /// Also do not call this function if another Commit was accepted, because [`Session::receive`]
    /// then drops our Commit.
    ///
    /// # Errors
    /// Returns the errors of [`Session::operate`].
    pub fn drop_commit(
        &mut self,
        group_id: &GroupId,
        app: impl FnOnce(&mut Transaction<'_, B>, &[Proposal]) -> Result<(), AppError>,
    ) -> Result<Vec<Proposal>, SessionError> {
        let clear = |group: &mut Group, _: &Context<'_>, _: &mut dyn CryptoRng| Ok(group.clear_pending());
        self.operate(group_id, clear, |transaction, proposals| app(transaction, proposals))
    }

    /// Sends the encoded Welcomes and GroupInfos of our accepted Commits ([`Group::outbox`]). Each
    /// of these messages is deleted from the outbox after `send` has succeeded for it. Does nothing
    /// if the group is not stored.
    ///
    /// If the process stops before the deletion of a message is stored, the message is sent again.
    /// The delivery service and the joiners must therefore accept duplicates.
    ///
    /// # Errors
    /// Returns [`SessionError::Application`] with the first error of `send`. The message that
    /// failed and the messages after it stay in the outbox. Other errors are
    /// [`SessionError::Store`], and [`SessionError::Group`] if the group cannot be loaded.
    pub fn send_outbox(
        &mut self,
        group_id: &GroupId,
        mut send: impl FnMut(&[u8]) -> Result<(), AppError>,
    ) -> Result<(), SessionError> {
        for (id, message) in self.outbox(group_id)? {
            send(&message).map_err(SessionError::Application)?;
            self.acknowledge(group_id, id)?;
        }
        Ok(())
    }

    /// Returns our encoded pending Commit, so that it can be sent again after a restart. If an
    /// external Commit is pending ([`Session::joining`]), returns the external Commit. Returns
    /// `None` if no Commit is pending.
    ///
    /// # Errors
    /// Returns the errors of [`Session::group`].
    pub fn pending_commit(&mut self, group_id: &GroupId) -> Result<Option<Vec<u8>>, SessionError> {
        let Loaded { current, joining, .. } = self.load_stored(group_id)?;
        let member = joining.as_ref().or(current.as_ref());
        let message = member.and_then(|member| member.group.pending_commit());
        Ok(message.map(Encode::encode).transpose().map_err(GroupError::from)?)
    }

    /// Returns the encoded Welcomes and GroupInfos of our accepted Commits that have not been
    /// acknowledged yet ([`Group::outbox`]). Applications that send these messages asynchronously
    /// need this function. Returns an empty list if the group is not stored.
    ///
    /// # Errors
    /// Returns [`SessionError::Store`], or [`SessionError::Group`] if the group cannot be loaded.
    pub fn outbox(&mut self, group_id: &GroupId) -> Result<Vec<(OutboxId, Vec<u8>)>, SessionError> {
        let member = match self.load_stored(group_id) {
            Ok(Loaded { current: Some(member), .. }) => member,
            Ok(_) | Err(SessionError::NoGroup(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(member.group.outbox().map(|(id, message)| (id, message.to_vec())).collect())
    }

    /// Deletes a message from the group's outbox, after the delivery service has accepted it.
    ///
    /// # Errors
    /// Returns the errors of [`Session::operate`].
    pub fn acknowledge(&mut self, group_id: &GroupId, id: OutboxId) -> Result<(), SessionError> {
        let acknowledge =
            |group: &mut Group, _: &Context<'_>, _: &mut dyn CryptoRng| Ok(group.acknowledge(id));
        self.operate(group_id, acknowledge, |_, ()| Ok(()))
    }

    /// Deletes a group and all its rows. The client remains a member of the group, so propose its
    /// removal before this call.
    ///
    /// # Errors
    /// [`SessionError::NoGroup`], [`SessionError::Store`], [`SessionError::Application`].
    pub fn delete_group(
        &mut self,
        group_id: &GroupId,
        app: impl FnOnce(&mut Transaction<'_, B>, &GroupId) -> Result<(), AppError>,
    ) -> Result<(), SessionError> {
        self.change_stored(group_id, |transaction, lock| Ok(transaction.delete_group(lock)?), app)
    }

    /// Returns the encoded GroupInfo of a group in its current epoch, for a client that joins with
    /// an external Commit. `fill` completes the builder.
    ///
    /// # Errors
    /// Returns [`SessionError::Group`] with the errors of [`GroupInfoBuilder::build`]. Other errors
    /// are [`SessionError::NoGroup`] and [`SessionError::Store`].
    pub fn group_info(
        &mut self,
        group_id: &GroupId,
        fill: impl for<'a> FnOnce(GroupInfoBuilder<'a>) -> GroupInfoBuilder<'a>,
    ) -> Result<Vec<u8>, SessionError> {
        self.load_stored(group_id)?;
        let Some(Loaded { current: Some(member), .. }) = self.groups.get(group_id) else {
            return Err(SessionError::NoGroup(group_id.clone()));
        };
        let cx = self.client.at(self.now(), &*member.signer);
        let group_info = fill(member.group.group_info()).build(&cx)?;
        Ok(MlsMessage::from(group_info).encode().map_err(GroupError::from)?)
    }

    /// Returns the signature key of an identity for a cipher suite. The key must be stored for this
    /// suite, because the session will look it up by the suite of the group.
    pub(super) fn signer(
        &self,
        cipher_suite: CipherSuite,
        identity: &StoredSigner,
    ) -> Result<Box<dyn Signer>, SessionError> {
        let suite = self.suite(cipher_suite)?;
        let signer = self.store.signer(suite, &identity.public_key)?;
        signer.ok_or_else(|| SessionError::NoSigner(identity.public_key.clone()))
    }

    /// Returns the builder of a KeyPackage with the client's capabilities.
    fn key_package<'a>(&self, cx: &Context<'a>, identity: &StoredSigner) -> KeyPackageBuilder<'a> {
        let StoredSigner { cipher_suite, credential, .. } = identity;
        let capabilities = self.client.capabilities(credential.credential_type());
        cx.key_package(*cipher_suite, credential.clone()).capabilities(capabilities)
    }

    fn suite(&self, cipher_suite: CipherSuite) -> Result<Suite, SessionError> {
        let suite = self.client.crypto().suite(cipher_suite);
        suite.ok_or_else(|| GroupError::from(Misuse::UnsupportedCipherSuite).into())
    }
}

/// Encodes the messages of a Commit.
fn encode_commit(output: CommitOutput) -> Result<Commit, GroupError> {
    let CommitOutput { message, welcome, group_info, left_out, .. } = output;
    let welcome = welcome.map(|welcome| MlsMessage::from(welcome).encode()).transpose()?;
    let group_info = group_info.map(|group_info| MlsMessage::from(group_info).encode()).transpose()?;
    Ok(Commit { message: message.encode()?, welcome, group_info, left_out })
}
