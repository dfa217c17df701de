//! Receiving messages.

use crate::backend::Backend;
use crate::session::commit_events::{commit_events, end_event, remover};
use crate::session::error::{AppError, Failure, SessionError, signer_of};
use crate::session::event::{Event, Held, Message, Received, Rejection};
use crate::session::{Loaded, Member, Session};
use crate::transaction::Transaction;
use pando_mls::wire::ContentType;
use pando_mls::{
    Advice, Context, FramingError, Group, GroupError, GroupId, GroupState, LocalPolicy, Misuse, MlsMessage,
    MlsMessageBody, Processed, RuleError, Staged, Unpersisted,
};

impl<B: Backend> Session<B> {
    /// Processes a message from the delivery service, which is either a message of a group or a
    /// Welcome that contains the ratchet tree. Merges Commits, but does not join successor groups;
    /// see the [module documentation](crate::session).
    ///
    /// A client that reads its own messages back from the delivery service does not need replies.
    /// This function accepts our Commit when the delivery service returns it. After our Commit was
    /// accepted, call [`Session::send_outbox`]. If another Commit is merged in place of ours, this
    /// function drops our Commit. This function treats our external Commit in the same way.
    ///
    /// `app` writes the application's rows, such as its cursor, in the transaction that stores all
    /// changes. The closure is called for all three kinds of results. Pass a message that is
    /// [`Received::Held`] to the session again later. Until then, either do not advance the cursor,
    /// or store the message in the application.
    ///
    /// # Errors
    /// All errors are failures of this client: [`SessionError::Store`],
    /// [`SessionError::Application`], [`SessionError::NoSigner`], and [`SessionError::Group`] if
    /// stored rows could not be read. The message can be received again. Nothing is stored, unless
    /// the commit of the transaction has failed; see [`SessionError`].
    pub fn receive(
        &mut self,
        bytes: &[u8],
        app: impl FnOnce(&mut Transaction<'_, B>, &Received) -> Result<(), AppError>,
    ) -> Result<Received, SessionError> {
        let message = match self.client.config().limits.decode(bytes) {
            Ok(message) => message,
            Err(error) => return self.record(Received::Rejected(Rejection::Group(error)), app),
        };
        let group_id = match (&message.body, message.group_id()) {
            (MlsMessageBody::Welcome(welcome), _) => return self.take_welcome(welcome, None, app),
            (MlsMessageBody::PublicMessage(_) | MlsMessageBody::PrivateMessage(_), Some(group_id)) => {
                group_id.clone()
            }
            _ => {
                let rejection = Rejection::Group(Misuse::WrongMessage.into());
                return self.record(Received::Rejected(rejection), app);
            }
        };
        let loaded = self.load(&group_id)?;
        match (&loaded.current, &loaded.joining) {
            (None, None) => {
                self.close(&group_id);
                self.record(Received::Held(Held::NoGroup(group_id)), app)
            }
            (_, Some(joining)) if joining.group.is_pending(&message) => self
                .accept_join(&group_id, |transaction, events| {
                    app(transaction, &Received::applied(&group_id, events.to_vec()))
                })
                .map(|events| Received::applied(&group_id, events)),
            (None, Some(joining)) => {
                let received = beside_join(&message, &joining.group);
                self.record(received, app)
            }
            // The client was removed from the current group, so that group cannot process the
            // accepted Commit.
            (Some(member), Some(joining)) if member.group.state() == GroupState::Removed => {
                let received = beside_join(&message, &joining.group);
                self.record(received, app)
            }
            // The message belongs to a later membership, whose Welcome has not arrived yet.
            (Some(member), None)
                if member.group.state() == GroupState::Removed
                    && message.epoch() > Some(member.group.epoch()) =>
            {
                self.record(Received::Held(Held::NoGroup(group_id)), app)
            }
            (Some(_), _) => self.take(&group_id, message, app),
        }
    }

    /// Stores the application's rows for a message that causes no other changes.
    pub(super) fn record(
        &mut self,
        received: Received,
        app: impl FnOnce(&mut Transaction<'_, B>, &Received) -> Result<(), AppError>,
    ) -> Result<Received, SessionError> {
        let mut transaction = self.store.begin()?;
        app(&mut transaction, &received).map_err(SessionError::Application)?;
        transaction.commit()?;
        Ok(received)
    }

    /// Processes a message for the client's current group, from which it may have been removed.
    fn take(
        &mut self,
        group_id: &GroupId,
        message: MlsMessage,
        app: impl FnOnce(&mut Transaction<'_, B>, &Received) -> Result<(), AppError>,
    ) -> Result<Received, SessionError> {
        let now = self.now();
        let Self { store, client, groups, local_policy, .. } = self;
        let Some(Loaded { current: Some(member), joining, .. }) = groups.get_mut(group_id) else {
            return Err(SessionError::NoGroup(group_id.clone()));
        };
        let cx = client.at(now, &*member.signer).with_psks(store).with_groups(store);
        let taken = process(&mut member.group, message, &cx, local_policy.as_deref(), now);
        let Taken { unpersisted, merged } = match taken {
            Ok(taken) => taken,
            Err(error) => {
                // Drop the group with its changes, because the message will be received again.
                groups.remove(group_id);
                return Err(error.into());
            }
        };
        // Whether the merged Commit has begun the epoch of our external Commit, or a later epoch.
        let is_decided = |joining: &Member| merged.is_some_and(|epoch| joining.group.epoch() <= epoch);
        let is_lost = joining.as_ref().is_some_and(is_decided);
        let unpersisted = unpersisted.map(|mut received| {
            if let (true, Received::Applied { events, .. }) = (is_lost, &mut received) {
                events.push(Event::JoinLost);
            }
            received
        });
        let received = self.persist(group_id, unpersisted, |transaction, lock, received| {
            if is_lost {
                transaction.abandon_join(lock)?;
            }
            app(transaction, received).map_err(Failure::Application)
        })?;
        self.drop_lost_join(group_id, is_lost);
        self.renew_signer(group_id);
        Ok(received)
    }

    /// Loads the signature key of our leaf if it has changed. Closes the group if the key cannot be
    /// loaded. This function returns no error, because the changes of the operation are already
    /// stored. Instead, the next operation on the group fails.
    pub(super) fn renew_signer(&mut self, group_id: &GroupId) {
        if self.load_signer(group_id).is_err() {
            self.close(group_id);
        }
    }

    fn load_signer(&mut self, group_id: &GroupId) -> Result<(), SessionError> {
        let Self { store, groups, .. } = self;
        let Some(Loaded { current: Some(member), .. }) = groups.get_mut(group_id) else { return Ok(()) };
        let (tree, leaf) = (member.group.public().tree(), member.group.own_leaf());
        let key = tree.signature_key(leaf).map_err(GroupError::from)?;
        if key.as_ref() != Some(member.signer.public_key()) {
            member.signer = signer_of(store, &member.group)?;
        }
        Ok(())
    }
}

/// Returns the result of a message that only members can process and that arrives while our
/// external Commit is pending. Messages from before our Commit are rejected. Other messages are
/// held, because another Commit may have been accepted in place of ours.
fn beside_join(message: &MlsMessage, joining: &Group) -> Received {
    let (epoch, group) = (message.epoch().unwrap_or_default(), joining.epoch());
    let is_commit = message.content_type() == Some(ContentType::Commit);
    let is_before = match group.checked_sub(1) {
        Some(ours) => epoch < ours || (epoch == ours && !is_commit),
        None => false,
    };
    if is_before {
        let error = GroupError::EpochMismatch { message: epoch, group };
        Received::Rejected(Rejection::Group(error))
    } else {
        Received::Held(Held::JoinPending)
    }
}

/// The result of a received message, with the changes for the store.
struct Taken {
    unpersisted: Unpersisted<Received>,
    /// The epoch that a merged Commit has begun. A member that the Commit removes does not enter
    /// this epoch.
    merged: Option<u64>,
}

/// Processes a message, and merges it if it is a Commit. Errors are failures of this client's
/// store.
fn process(
    group: &mut Group,
    message: MlsMessage,
    cx: &Context<'_>,
    local_policy: Option<&(dyn LocalPolicy + Send)>,
    now: u64,
) -> Result<Taken, GroupError> {
    let is_application = message.content_type() == Some(ContentType::Application);
    let processed = match group.process(message, cx) {
        Ok(processed) => processed,
        Err(error) if error.is_storage() => return Err(error),
        Err(error) => {
            let received = match error {
                GroupError::Framing(FramingError::OwnMessage) if is_application => {
                    Received::applied(group.group_id(), vec![Event::OwnMessage])
                }
                error => unapplied(error),
            };
            return Ok(Taken { unpersisted: group.take_delta().map(|()| received), merged: None });
        }
    };
    match processed.peek() {
        Processed::Commit(_) => {}
        Processed::OwnCommit => return merge_own(group),
        Processed::Application { .. }
        | Processed::Proposal(_)
        | Processed::NotAdmitted(..)
        | Processed::OwnProposal(_) => {
            let unpersisted = processed
                .map(|processed| Received::applied(group.group_id(), event(processed).into_iter().collect()));
            return Ok(Taken { unpersisted, merged: None });
        }
    }
    // The Delta of a staged Commit is empty, because all its changes are returned by the merge.
    #[allow(clippy::disallowed_methods, reason = "the Delta is empty")]
    let Processed::Commit(staged) = processed.assume_persisted() else {
        return Err(Misuse::WrongMessage.into());
    };
    if let Some(held) = hold(group, &staged, local_policy, now)? {
        return Ok(Taken { unpersisted: group.take_delta().map(|()| Received::Held(held)), merged: None });
    }
    let mut events = commit_events(group.public(), &staged, false)?;
    if staged.removes_me() {
        let own = group.own_leaf();
        events.push(Event::RemovedUs { by: remover(&staged, own) });
    }
    let had_pending = group.pending_commit().is_some();
    let epoch = staged.public().epoch();
    let merged = group.merge(*staged)?;
    events.extend(end_event(group));
    let unpersisted = merged.map(|lost| {
        if had_pending {
            events.push(Event::OwnCommitLost(lost));
        }
        Received::applied(group.group_id(), events)
    });
    Ok(Taken { unpersisted, merged: Some(epoch) })
}

/// Enters the epoch of our pending Commit.
fn merge_own(group: &mut Group) -> Result<Taken, GroupError> {
    let unpersisted = merge_pending(group)?.map(|events| Received::applied(group.group_id(), events));
    Ok(Taken { unpersisted, merged: Some(group.epoch()) })
}

/// Enters the epoch of our pending Commit, and returns its events.
pub(super) fn merge_pending(group: &mut Group) -> Result<Unpersisted<Vec<Event>>, GroupError> {
    let staged = group.pending_epoch().ok_or(Misuse::NoPendingCommit)?;
    let mut events = commit_events(group.public(), staged, true)?;
    let merged = group.merge_pending()?;
    events.extend(end_event(group));
    Ok(merged.map(|()| events))
}

/// Returns the event of a message other than a Commit.
fn event(processed: Processed) -> Option<Event> {
    match processed {
        Processed::Application { sender, credential, epoch, data, authenticated_data } => {
            Some(Event::Message(Message { sender, credential, epoch, data, authenticated_data }))
        }
        Processed::Proposal(pending) => Some(Event::Proposal(pending)),
        Processed::NotAdmitted(pending, reason) => Some(Event::ProposalNotAdmitted(pending, reason)),
        Processed::OwnProposal(reference) => Some(Event::OwnProposal(reference)),
        Processed::Commit(_) | Processed::OwnCommit => None,
    }
}

/// Returns the result of a message that the group has refused with `error`.
pub(super) fn unapplied(error: GroupError) -> Received {
    match error {
        GroupError::Missing(missing) => Received::Held(Held::Missing(missing)),
        GroupError::EpochMismatch { message, group } if message > group => {
            Received::Held(Held::Epoch { message, group })
        }
        error => Received::Rejected(Rejection::Group(error)),
    }
}

/// Returns the reason why the local policy advises against merging a Commit, or `None`.
fn hold(
    group: &Group,
    staged: &Staged,
    local_policy: Option<&(dyn LocalPolicy + Send)>,
    now: u64,
) -> Result<Option<Held>, GroupError> {
    let Some(local_policy) = local_policy else { return Ok(None) };
    let advice = match local_policy.advise(&staged.view(group.public())?, Some(now)) {
        Ok(advice) => advice,
        Err(RuleError::Tree(error)) => match GroupError::from(error) {
            error if error.is_storage() => return Err(error),
            error => Advice::Hold(error.to_string()),
        },
        Err(error) => Advice::Hold(error.to_string()),
    };
    Ok(match advice {
        Advice::Merge => None,
        Advice::Hold(reason) => Some(Held::Advice(reason)),
        Advice::Leave(reason) => Some(Held::Leave(reason)),
    })
}
