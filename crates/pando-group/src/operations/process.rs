//! Processing a message (RFC 9420, sections 6, 12.1 and 12.4.2).

use crate::operations::transition::{Applied, Transition, admit, check_proposal, transition};
use crate::psk::{PskStore, find_psk, psk_secret};
use crate::state::epoch_secrets::{EpochKeys, PastEpoch, copy};
use crate::state::group::Group;
use crate::state::group_state::GroupState;
use crate::state::pending_proposal::{Committed, PendingProposal, ProposalStatus};
use crate::state::public_state::PublicState;
use crate::state::staged::{Effects, PublicStaged, Staged, StagedMember};
use crate::storage::changes;
use crate::storage::row_codec;
use crate::storage::row_key::RowKey;
use crate::{AcceptedHandshakes, Context, Delta, GroupError, Misuse, Unpersisted, Violation};
use pando_crypto::{HpkeKeyPair, SecretBytes};
use pando_framing::{Authenticated, open_private, open_public, reopen};
use pando_schedule::{CommitSecret, InitSecret, JoinerSecret, PskSecret, PskValue, UsedKey};
use pando_tree::{MergedPath, PrivateKeys, SourceError, TreeError};
use pando_wire::{
    AuthenticatedContent, Commit, Content, ContentType, Credential, FramedContent, GroupId, LeafIndex,
    MlsMessage, MlsMessageBody, Opaque, PreSharedKeyId, PrivateMessage, Proposal, ProposalRef, PublicMessage,
    Sender,
};
use std::fmt;
use tls_codec::Size;

/// A processed message. The `Debug` output contains only the length of application data, and not
/// the data itself.
pub enum Processed {
    /// Application data.
    Application {
        /// The sender's leaf in the epoch of the message. The leaf may belong to another member
        /// now.
        sender: LeafIndex,
        /// The sender's credential in that epoch.
        credential: Credential,
        /// The epoch of the message.
        epoch: u64,
        /// The application data.
        data: Opaque,
        /// The authenticated data, which was not encrypted.
        authenticated_data: Opaque,
    },
    /// A proposal, which is now pending.
    Proposal(PendingProposal),
    /// A proposal that the group's rules do not admit, and the reason. The proposal is not pending,
    /// but it is kept in case a Commit refers to it.
    NotAdmitted(PendingProposal, String),
    /// A staged Commit, which the caller merges or drops.
    Commit(Box<Staged>),
    /// One of our own proposals, which the delivery service has returned. The proposal is already
    /// pending, unless it was withdrawn.
    OwnProposal(ProposalRef),
    /// Our pending Commit, which the delivery service has accepted and returned. Call
    /// [`Group::merge_pending`] to enter its epoch.
    OwnCommit,
}

impl fmt::Debug for Processed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application { sender, credential, epoch, data, authenticated_data } => f
                .debug_struct("Application")
                .field("sender", sender)
                .field("credential", credential)
                .field("epoch", epoch)
                .field("data", &format_args!("[{} bytes]", data.len()))
                .field("authenticated_data", authenticated_data)
                .finish(),
            Self::Proposal(pending) => f.debug_tuple("Proposal").field(pending).finish(),
            Self::NotAdmitted(pending, reason) => {
                f.debug_tuple("NotAdmitted").field(pending).field(reason).finish()
            }
            Self::Commit(staged) => f.debug_tuple("Commit").field(staged).finish(),
            Self::OwnProposal(reference) => f.debug_tuple("OwnProposal").field(reference).finish(),
            Self::OwnCommit => f.write_str("OwnCommit"),
        }
    }
}

impl Group {
    /// Processes a message. A Commit is checked and staged; call [`Group::merge`] to enter its
    /// epoch.
    ///
    /// Lifetimes are not checked here, because the committer has already checked them. Clock skew
    /// must not fork the group.
    ///
    /// # Errors
    /// Returns a [`GroupError`] with the cause. On error, the group is unchanged, except that the
    /// key of an authentic but rejected private message has been deleted.
    ///
    /// If a stored node could not be read ([`GroupError::Source`]) or a limit was exceeded
    /// ([`GroupError::Exceeded`]), the key is kept and the message can be processed again. A Commit
    /// can also be processed again if a proposal or a PSK was [`Missing`](crate::Missing), or if it
    /// was staged and dropped, because its content is kept.
    ///
    /// [`FramingError::OwnMessage`](pando_framing::FramingError) if an encrypted message claims to
    /// be our own but is neither our pending Commit nor one of our proposals. Usually, such a
    /// message is another message of this client that the delivery service has returned.
    pub fn process(
        &mut self,
        message: MlsMessage,
        cx: &Context<'_>,
    ) -> Result<Unpersisted<Processed>, GroupError> {
        let processed = self.take(message, cx)?;
        // The changes made so far are stored when the Commit is merged. If the client crashes
        // before that, it can process the Commit again.
        Ok(match processed {
            Processed::Commit(_) => {
                Unpersisted::new(processed, Delta::default(), self.dropped.clone_handle())
            }
            processed => self.unpersisted(processed),
        })
    }

    /// Processes an encoded message, like [`Group::process`]. The size of the message is checked
    /// before decoding.
    ///
    /// # Errors
    /// See [`Limits::decode`](crate::Limits::decode) and [`Group::process`].
    pub fn process_bytes(
        &mut self,
        bytes: &[u8],
        cx: &Context<'_>,
    ) -> Result<Unpersisted<Processed>, GroupError> {
        let message = self.config.limits.decode(bytes)?;
        self.process(message, cx)
    }

    fn take(&mut self, message: MlsMessage, cx: &Context<'_>) -> Result<Processed, GroupError> {
        self.config.limits.check_message(message.tls_serialized_len())?;
        if self.is_pending(&message) {
            return Ok(Processed::OwnCommit);
        }
        // Messages that follow our external Commit must wait until that Commit is accepted, so they
        // must not consume keys yet.
        if self.state == GroupState::Joining {
            return Err(Misuse::JoinPending.into());
        }
        if let Some(reference) = self.own_proposals.find(self.public.suite, &message)? {
            return Ok(Processed::OwnProposal(reference.clone()));
        }
        match message.body {
            MlsMessageBody::PublicMessage(message) => self.take_public(*message, cx),
            MlsMessageBody::PrivateMessage(message) => self.take_private(message, cx),
            _ => Err(Misuse::WrongMessage.into()),
        }
    }

    fn take_public(&mut self, message: PublicMessage, cx: &Context<'_>) -> Result<Processed, GroupError> {
        self.check_active()?;
        let (suite, context) = (self.public.suite, &self.public.context);
        let opened = open_public(suite, message, context, &self.keys.membership_key)?;
        let key = self.public.sender_key(opened.content())?;
        let content = opened.verify(suite, &key)?;
        if matches!(content.content.sender, Sender::Member(_)) {
            self.check_format(AcceptedHandshakes::Public)?;
        }
        self.take_handshake(&content, cx)
    }

    fn take_private(&mut self, message: PrivateMessage, cx: &Context<'_>) -> Result<Processed, GroupError> {
        // The content type is not encrypted, so a message that cannot be processed is rejected
        // before it consumes a key.
        let is_handshake = message.content_type != ContentType::Application;
        let is_late = message.group_id == self.public.context.group_id && message.epoch < self.epoch();
        if is_late && !is_handshake {
            return self.take_late(&message);
        }
        self.check_active()?;
        if is_handshake {
            self.check_format(AcceptedHandshakes::Encrypted)?;
        }
        let (content, used) = self.open_private(&message)?;
        let Some(used) = used else { return self.take_handshake(&content, cx) };
        if !is_handshake {
            let content = content.into_inner().content;
            let sender = member(&content)?;
            let credential = self.public.credential(sender)?.ok_or(TreeError::NotAMember(sender))?;
            self.keys.secret_tree.delete_key(used);
            return application(content, credential);
        }
        let processed = self.take_handshake(&content, cx);
        // The key is deleted last. A message that this client may process later is not lost: either
        // its key or the decrypted Commit is kept.
        if !processed.as_ref().is_err_and(GroupError::is_local) {
            self.keys.secret_tree.delete_key(used);
            let is_commit = matches!(content.content.content, Content::Commit(_));
            if is_commit && processed.as_ref().err().is_none_or(GroupError::depends_on_client) {
                self.decrypted_commits.keep(message, content.into_inner(), &self.config.limits);
            }
        }
        processed
    }

    fn take_handshake(
        &mut self,
        content: &Authenticated<AuthenticatedContent>,
        cx: &Context<'_>,
    ) -> Result<Processed, GroupError> {
        match &content.content.content {
            Content::Application(_) => Err(Misuse::WrongMessage.into()),
            Content::Proposal(proposal) => self.take_proposal(content, proposal, cx),
            Content::Commit(commit) => self.stage(content, commit, cx),
        }
    }

    /// Decrypts a private message of the current epoch, and returns its content and the key that
    /// was used. If the message was decrypted before, its kept content is verified again and no key
    /// is returned.
    fn open_private(
        &self,
        message: &PrivateMessage,
    ) -> Result<(Authenticated<AuthenticatedContent>, Option<UsedKey>), GroupError> {
        let (suite, context) = (self.public.suite, &self.public.context);
        if let Some(content) = self.decrypted_commits.get(message) {
            let opened = reopen(content.clone(), context)?;
            let key = self.public.sender_key(opened.content())?;
            return Ok((opened.verify(suite, &key)?, None));
        }
        let (sender_data, secret_tree) = (&self.keys.sender_data, &self.keys.secret_tree);
        let key = |leaf| Ok::<_, GroupError>(self.public.tree.signature_key(leaf)?);
        let opened = open_private(suite, message, context, sender_data, secret_tree, self.own_leaf(), key)?;
        let (content, used) = opened;
        Ok((content, Some(used)))
    }

    /// Checks that the client accepts handshake messages of members in the given format.
    fn check_format(&self, format: AcceptedHandshakes) -> Result<(), Violation> {
        let accepted = self.config.accepted_handshakes;
        if accepted == AcceptedHandshakes::Any || accepted == format {
            Ok(())
        } else {
            Err(Violation::HandshakeFormat)
        }
    }

    /// Decrypts application data of a past epoch. The sender is the member to which the leaf
    /// belonged in that epoch.
    fn take_late(&mut self, message: &PrivateMessage) -> Result<Processed, GroupError> {
        let (epoch, own_leaf) = (message.epoch, self.own_leaf());
        let past = self.past.iter_mut().find(|past| past.context.epoch == epoch);
        let past =
            past.ok_or(GroupError::EpochMismatch { message: epoch, group: self.public.context.epoch })?;
        let (suite, tree, history) = (self.public.suite, &self.public.tree, &self.history);
        let PastEpoch { context, sender_data, secret_tree } = past;
        let then = |leaf| history.leaf(epoch, leaf, tree);
        let key = |leaf| Ok::<_, GroupError>(then(leaf)?.map(|leaf_node| leaf_node.signature_key));
        let (opened, used) = open_private(suite, message, context, sender_data, secret_tree, own_leaf, key)?;
        let content = opened.into_inner().content;
        let leaf = member(&content)?;
        let sender = then(leaf)?.ok_or(TreeError::NotAMember(leaf))?;
        secret_tree.delete_key(used);
        application(content, sender.credential)
    }

    fn take_proposal(
        &mut self,
        content: &Authenticated<AuthenticatedContent>,
        proposal: &Proposal,
        cx: &Context<'_>,
    ) -> Result<Processed, GroupError> {
        let pending = check_proposal(&self.public, content, proposal, cx.identities().at_any_time())?;
        let (status, refused) = admit(&self.public, cx.rules, &pending)?;
        let row = row_codec::proposal(&pending, status)?;
        self.insert_proposal(pending.clone(), status, row)?;
        Ok(match refused {
            None => Processed::Proposal(pending),
            Some(reason) => Processed::NotAdmitted(pending, reason),
        })
    }

    /// Keeps a proposal until it is committed. `row` is the encoded row of the proposal.
    pub(crate) fn insert_proposal(
        &mut self,
        pending: PendingProposal,
        status: ProposalStatus,
        row: SecretBytes,
    ) -> Result<(), GroupError> {
        let bytes = row.expose().len();
        if let Some(position) = self.proposals.insert(pending, status, bytes, &self.config.limits)? {
            self.changes.write(RowKey::Proposal(position), row);
        }
        Ok(())
    }

    /// Stages a Commit by the steps of section 12.4.2, starting with the checks of the proposals.
    /// The checks that need no secrets come first, and the checks that need a member's secrets
    /// follow.
    fn stage(
        &self,
        content: &Authenticated<AuthenticatedContent>,
        commit: &Commit,
        cx: &Context<'_>,
    ) -> Result<Processed, GroupError> {
        let list = self.proposals.resolve(content.content.sender, &commit.proposals)?;
        let next = transition(&self.public, content, commit, &list, cx.identities(), cx.rules)?;
        let Transition { applied, path, provisional, public } = next;
        let suite = public.suite;

        let (private_keys, commit_secret) = match &path {
            _ if applied.removed.contains(&self.own_leaf()) => (None, CommitSecret::zero(suite)),
            None => (Some(self.keys_after(&applied)?), CommitSecret::zero(suite)),
            Some(path) => {
                let (keys, added) = (self.keys_after(&applied)?, applied.added_leaves());
                let decrypted = keys.decrypt_path(&applied.tree, path, &provisional, &added)?;
                (Some(decrypted.keys), decrypted.commit_secret.into())
            }
        };
        let member = match private_keys {
            None => None,
            Some(private_keys) => {
                let psk_secret = self.psk_secret(&applied, cx.psks)?;
                let init = self.init_secret(&applied)?;
                let keys = self.next_keys(&public, init.as_ref(), &commit_secret, &psk_secret)?;
                Some(StagedMember { private_keys, keys })
            }
        };
        let path_leaf = path.as_ref().map(MergedPath::sender);
        let effects = applied.into_effects(content.content.sender, path_leaf);
        let staged = self.staged(public, member, effects, &content.content, list)?;
        Ok(Processed::Commit(Box::new(staged)))
    }

    /// Returns the staged epoch of a Commit, with the rows that its merge changes.
    pub(crate) fn staged(
        &self,
        public: PublicState,
        member: Option<StagedMember>,
        effects: Effects,
        content: &FramedContent,
        proposals: Vec<Committed>,
    ) -> Result<Staged, GroupError> {
        self.config.limits.check_tree_size(public.tree.size())?;
        let old = (&self.public, &self.private_keys);
        let instance = self.lineage.instance;
        let rows = changes::next_epoch(old, &public, instance, member.as_ref(), effects.reinit.as_ref())?;
        let left_out = self.proposals.left_out_of(&proposals);
        let public_part = PublicStaged::new(&self.public, public, content, effects, proposals, left_out)?;
        Ok(Staged::new(public_part, member, rows, instance)?)
    }

    /// Returns our private keys after the proposals are applied. Keys of blanked nodes are dropped,
    /// and a committed Update of our own adds its key.
    pub(crate) fn keys_after(&self, applied: &Applied) -> Result<PrivateKeys, TreeError> {
        let mut keys = self.private_keys.clone();
        keys.retain_current(&applied.tree)?;
        let leaf = self.own_leaf();
        let own = applied.tree.leaf(leaf)?;
        let is_own =
            |update: &&HpkeKeyPair| own.as_ref().is_some_and(|own| own.encryption_key == update.public);
        let update = self.updates.iter().find(is_own);
        if let (Some(update), Some(node)) = (update, applied.tree.size().node(leaf)) {
            keys.insert(node, copy(update));
        }
        Ok(keys)
    }

    pub(crate) fn psk_secret(&self, applied: &Applied, psks: &dyn PskStore) -> Result<PskSecret, GroupError> {
        let own = |group_id: &GroupId, epoch| self.own_psk(group_id, epoch);
        psk_secret(self.public.suite, &applied.psks, own, psks)
    }

    pub(crate) fn has_psk(&self, id: &PreSharedKeyId, psks: &dyn PskStore) -> Result<bool, SourceError> {
        Ok(find_psk(id, |group_id, epoch| self.own_psk(group_id, epoch), psks)?.is_some())
    }

    fn own_psk(&self, group_id: &GroupId, epoch: u64) -> Option<PskValue> {
        if *group_id == self.public.context.group_id { self.resumption_psk(epoch) } else { None }
    }

    /// Returns the init secret from an ExternalInit proposal, if there is such a proposal.
    fn init_secret(&self, applied: &Applied) -> Result<Option<InitSecret>, GroupError> {
        let suite = self.public.suite;
        let Some(kem_output) = &applied.external_init else { return Ok(None) };
        let key_pair = self.keys.external.key_pair(suite)?;
        Ok(Some(InitSecret::receive(suite, &key_pair, kem_output)?))
    }

    /// Derives the secrets of the next epoch and verifies the confirmation tag.
    fn next_keys(
        &self,
        public: &PublicState,
        init: Option<&InitSecret>,
        commit_secret: &CommitSecret,
        psk_secret: &PskSecret,
    ) -> Result<EpochKeys, GroupError> {
        let suite = public.suite;
        let init = init.unwrap_or(&self.keys.init);
        let joiner: JoinerSecret = init.joiner_secret(suite, commit_secret, &public.context)?;
        let intermediate = joiner.with_psk_secret(suite, psk_secret);
        let secrets = intermediate.epoch_secret(suite, &public.context)?.derive(suite)?;
        let transcript = &public.context.confirmed_transcript_hash;
        if !secrets.confirmation_key.verify(suite, transcript, &public.confirmation_tag) {
            return Err(Violation::ConfirmationTag.into());
        }
        Ok(EpochKeys::new(secrets, &public.tree, &self.config))
    }
}

/// Returns the leaf of the sender, which must be a member.
fn member(content: &FramedContent) -> Result<LeafIndex, Misuse> {
    match content.sender {
        Sender::Member(leaf) => Ok(leaf),
        _ => Err(Misuse::WrongMessage),
    }
}

fn application(content: FramedContent, credential: Credential) -> Result<Processed, GroupError> {
    let (sender, epoch) = (member(&content)?, content.epoch);
    let FramedContent { authenticated_data, content: Content::Application(data), .. } = content else {
        return Err(Misuse::WrongMessage.into());
    };
    Ok(Processed::Application { sender, credential, epoch, data, authenticated_data })
}
