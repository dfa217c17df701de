//! A member's view of a group.

use crate::operations::commit::Pending;
use crate::operations::transition::{Staged, StagedMember};
use crate::rules::extensions::{self, Requirements};
use crate::rules::{leaf_node, sending};
use crate::state::client_index::Clients;
use crate::state::decrypted_commits::OpenedCommits;
use crate::state::epoch_secrets::{EpochKeys, PastEpoch};
use crate::state::history::{History, Leaves};
use crate::state::proposal_store::{PendingProposal, ProposalStore};
use crate::state::public_state::PublicState;
use crate::storage::delta::{EpochRow, RowKey};
use crate::storage::rows;
use crate::{Client, Delta, GroupConfig, GroupError, KeyPackageBundle, Misuse};
use pando_crypto::{CryptoRng, HpkeKeyPair, SecretBytes, Signer, Suite};
use pando_framing::SignedContent;
use pando_schedule::{
    ConfirmedTranscriptHash, EpochAuthenticator, EpochSecret, EpochSecrets, ExternalSecret,
    InterimTranscriptHash, PskValue, SecretTree,
};
use pando_tree::{PrivateKeys, Tree};
use pando_wire::{
    Content, Extension, Extensions, ExternalPub, FramedContent, GroupContext, GroupId, GroupInfo, LeafIndex,
    MlsMessage, Opaque, Proposal, ProposalRef, ProtocolVersion, RatchetTree, ReInit, Sender, Signature,
    WireFormat,
};
use std::collections::{BTreeMap, VecDeque};

/// A group as one of its members sees it.
#[derive(Debug)]
pub struct Group {
    pub(crate) public: PublicState,
    pub(crate) config: GroupConfig,
    pub(crate) private_keys: PrivateKeys,
    pub(crate) keys: EpochKeys,
    pub(crate) proposals: ProposalStore,
    /// The keys of one's own Updates that are not committed yet.
    pub(crate) updates: Vec<HpkeKeyPair>,
    /// One's own proposals as they were sent, to recognise them when they come back.
    pub(crate) own_proposals: Vec<(MlsMessage, ProposalRef)>,
    pub(crate) opened: OpenedCommits,
    pub(crate) pending: Option<Pending>,
    /// The newest last.
    pub(crate) past: VecDeque<PastEpoch>,
    /// Who was there in these epochs.
    pub(crate) history: History,
    /// Resumption PSKs of past epochs.
    pub(crate) resumption_psks: BTreeMap<u64, SecretBytes>,
    pub(crate) active: bool,
    pub(crate) reinit: Option<ReInit>,
    /// What has changed and was not given out yet.
    pub(crate) changed: Delta,
}

impl Group {
    /// Begins a group with a single member (section 11). The member's leaf is that of a KeyPackage, which is
    /// used up.
    ///
    /// # Errors
    /// - [`Misuse::WrongSigner`] if the client has not signed the KeyPackage.
    /// - [`Misuse::DefaultCapability`], [`Misuse::SuiteNotListed`], [`Misuse::GreaseRequired`] for a leaf, or
    ///   extensions, that are accepted from others and not sent.
    /// - [`Exceeded::GroupIdBytes`](crate::Exceeded) if this client would not join a group of this name.
    /// - [`GroupError::Violation`] if the leaf does not fit the group's extensions or the policy.
    pub fn create(
        suite: Suite,
        group_id: GroupId,
        extensions: Extensions,
        bundle: KeyPackageBundle,
        client: &Client<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Delta), GroupError> {
        let leaf = &bundle.key_package.leaf_node;
        let tree = Tree::new(suite, leaf)?;
        let context = GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: suite.cipher_suite(),
            group_id,
            epoch: 0,
            tree_hash: tree.tree_hash()?,
            confirmed_transcript_hash: Opaque::default(),
            extensions,
        };
        client.check_signer(Some(&leaf.signature_key))?;
        client.config.limits.check_group_id(&context.group_id)?;
        let identities = client.identities();
        extensions::no_duplicates(&context.extensions)?;
        sending::no_grease_is_required(&context.extensions)?;
        sending::own_capabilities(&leaf.capabilities, suite)?;
        leaf_node::encryption_key_is_valid(leaf, suite)?;
        let requirements = Requirements::of(&context.extensions)?;
        leaf_node::is_valid_alone(leaf, &requirements, identities)?;
        leaf_node::signature_is_valid(leaf, suite, (&GroupId::default(), LeafIndex(0)))?;
        extensions::external_senders_are_valid(&context.extensions, &Extensions::default(), identities)?;
        let private_keys = PrivateKeys::new(&tree, LeafIndex(0), bundle.leaf_key_pair)?;
        let secrets = EpochSecret::random(suite, rng).derive(suite)?;
        let confirmation_tag = secrets.confirmation_key.tag(suite, &context.confirmed_transcript_hash);
        let confirmed = ConfirmedTranscriptHash::default();
        let interim_transcript_hash = InterimTranscriptHash::after(suite, &confirmed, &confirmation_tag)?;
        let clients = Clients::of(&tree, client.policy);
        let public = PublicState { suite, context, tree, clients, interim_transcript_hash, confirmation_tag };
        Self::new(public, private_keys, secrets, client.config).with_delta()
    }

    pub(crate) fn new(
        public: PublicState,
        private_keys: PrivateKeys,
        secrets: EpochSecrets,
        config: GroupConfig,
    ) -> Self {
        let keys = EpochKeys::new(secrets, &public.tree, &config);
        Self {
            public,
            config,
            private_keys,
            keys,
            proposals: ProposalStore::default(),
            updates: Vec::new(),
            own_proposals: Vec::new(),
            opened: OpenedCommits::default(),
            pending: None,
            past: VecDeque::new(),
            history: History::default(),
            resumption_psks: BTreeMap::new(),
            active: true,
            reinit: None,
            changed: Delta::default(),
        }
    }

    /// The public state.
    #[must_use]
    pub const fn public(&self) -> &PublicState {
        &self.public
    }

    /// How the group is kept.
    #[must_use]
    pub const fn config(&self) -> &GroupConfig {
        &self.config
    }

    /// The epoch.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.public.context.epoch
    }

    /// One's own leaf.
    #[must_use]
    pub const fn own_leaf(&self) -> LeafIndex {
        self.private_keys.leaf()
    }

    /// Whether messages can be sent: not after a removal or a reinitialization.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.active
    }

    /// The parameters of the group that is to follow, if this one was reinitialized.
    #[must_use]
    pub const fn reinit(&self) -> Option<&ReInit> {
        self.reinit.as_ref()
    }

    /// What two members compare to know that they agree (section 8.7). Who has been removed has none: it is empty.
    #[must_use]
    pub const fn epoch_authenticator(&self) -> &EpochAuthenticator {
        &self.keys.epoch_authenticator
    }

    /// `MLS-Exporter` (section 8.5): `length` bytes for the application.
    ///
    /// # Errors
    /// [`GroupError::Crypto`] if `length` is too large, [`Misuse::NotActive`] after a removal.
    pub fn export(&self, label: &str, context: &[u8], length: usize) -> Result<SecretBytes, GroupError> {
        self.check_not_removed()?;
        Ok(self.keys.exporter.export(self.public.suite, label, context, length)?)
    }

    /// The resumption PSK of an epoch that is still remembered (section 8.6).
    #[must_use]
    pub fn resumption_psk(&self, epoch: u64) -> Option<PskValue> {
        if epoch == self.epoch() && !self.is_removed() {
            return Some(self.keys.resumption_psk.expose().into());
        }
        self.resumption_psks.get(&epoch).map(|psk| psk.expose().into())
    }

    /// The proposals that were sent in this epoch.
    pub fn pending_proposals(&self) -> impl Iterator<Item = &PendingProposal> {
        self.proposals.iter()
    }

    /// A description of the group for those who join it (section 12.4.3), with the key for external joins.
    ///
    /// # Errors
    /// - [`GroupError::Crypto`] if the signer fails, [`GroupError::Encode`] if something is too long.
    /// - [`Misuse::NotActive`], [`Misuse::WrongSigner`].
    pub fn group_info(&self, with_tree: bool, client: &Client<'_>) -> Result<GroupInfo, GroupError> {
        self.check_not_removed()?;
        self.check_signer(client)?;
        let mut extensions = vec![external_pub(self.public.suite, &self.keys.external)?];
        if with_tree {
            extensions.push(tree_extension(&self.public.tree)?);
        }
        sign_group_info(&self.public, Extensions(extensions), self.own_leaf(), client.signer)
    }

    /// Encrypts data of the application (section 15).
    ///
    /// # Errors
    /// - [`Misuse::NotActive`] if the group has ended for this member; [`Misuse::WrongSigner`].
    /// - [`Exceeded::MessageBytes`](crate::Exceeded) if the message is larger than this client would take itself.
    /// - [`GroupError::Framing`] if it is too long to be encoded, padding included.
    /// - [`Misuse::ProposalsPending`] while there are proposals to be committed (section 12.4).
    pub fn encrypt(
        &mut self,
        data: &[u8],
        authenticated_data: &[u8],
        client: &Client<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(MlsMessage, Delta), GroupError> {
        self.check_active()?;
        if !self.proposals.is_empty() {
            return Err(Misuse::ProposalsPending.into());
        }
        let content = Content::Application(data.into());
        let signed = self.sign(WireFormat::MLS_PRIVATE_MESSAGE, content, authenticated_data, client)?;
        let message = self.seal_private(&signed, rng)?;
        Ok((message, self.changes()))
    }

    /// Enters the epoch that was staged. What was pending is gone: if that was a Commit of one's own, which
    /// has lost, the proposals are given back that it had by value, so that they can be tried again.
    ///
    /// # Errors
    /// [`Misuse::StaleCommit`] if it does not follow the current epoch of this group, or was staged by another member. In a
    /// group that was opened, what
    /// [`Tree::intact`](pando_tree::Tree::intact) says. Nothing else can go wrong.
    pub fn merge(&mut self, staged: Staged) -> Result<(Vec<Proposal>, Delta), GroupError> {
        self.public.tree.intact()?;
        let follows = staged.follows == self.public.interim_transcript_hash && staged.is_of(self.own_leaf());
        if !follows || !self.active {
            return Err(Misuse::StaleCommit.into());
        }
        let past = rows::past_epoch(self, &staged.leaves)?;
        let Staged { public, member, effects, leaves, rows, .. } = staged;
        let lost = self.pending.take().map(Pending::into_by_value).unwrap_or_default();
        self.forget_pending();
        self.changed.rows.extend(rows);
        let Some(StagedMember { private_keys, keys }) = member else {
            self.erase()?;
            return Ok((lost, self.changes()));
        };
        let old_public = std::mem::replace(&mut self.public, public);
        let old_keys = std::mem::replace(&mut self.keys, keys);
        self.private_keys = private_keys;
        self.active = effects.reinit.is_none();
        self.reinit = effects.reinit;
        self.changed.rows.extend(past);
        self.keep_past(old_public, old_keys, leaves);
        Ok((lost, self.changes()))
    }

    /// Who has been removed has no secrets any more (section 12.4.2).
    fn erase(&mut self) -> Result<(), GroupError> {
        self.active = false;
        let keys = self.private_keys.nodes().map(RowKey::PrivateKey);
        let psks = self.resumption_psks.keys().copied().map(RowKey::ResumptionPsk);
        self.changed.rows.extend(keys.chain(psks).map(|key| (key, None)));
        self.changed.forget(u64::MAX);
        let (suite, size) = (self.public.suite, self.public.tree.size());
        self.private_keys = PrivateKeys::restore(self.own_leaf(), []);
        self.keys = EpochKeys::erased(SecretTree::restore(suite, size, self.config.ratchet_limits, [])?);
        self.resumption_psks.clear();
        self.past.clear();
        self.history = History::default();
        self.changed.rows.insert(RowKey::Member, Some(rows::member(self.own_leaf(), &self.keys)?));
        Ok(())
    }

    /// Whether this member has been removed.
    const fn is_removed(&self) -> bool {
        !self.active && self.reinit.is_none()
    }

    fn check_not_removed(&self) -> Result<(), Misuse> {
        if self.is_removed() { Err(Misuse::NotActive) } else { Ok(()) }
    }

    /// What was pending in an epoch ends with it.
    fn forget_pending(&mut self) {
        let deleted = self.proposals.positions().map(RowKey::Proposal);
        let deleted =
            deleted.chain((0..).zip(&self.updates).map(|(position, _)| RowKey::OwnUpdate(position)));
        let own = (0..).zip(&self.own_proposals).map(|(position, _)| RowKey::OwnProposal(position));
        let deleted = deleted.chain(own).chain(self.opened.clear()).chain([RowKey::PendingCommit]);
        self.changed.rows.extend(deleted.map(|key| (key, None)));
        self.proposals = ProposalStore::default();
        self.updates.clear();
        self.own_proposals.clear();
    }

    /// Keeps what is needed of an epoch that has just ended, and forgets what is too old.
    fn keep_past(&mut self, public: PublicState, keys: EpochKeys, leaves: Leaves) {
        let EpochKeys { sender_data, secret_tree, resumption_psk, .. } = keys;
        let (epoch, context) = (public.context.epoch, public.context);
        self.resumption_psks.insert(epoch, resumption_psk.into_secret());
        self.past.push_back(PastEpoch { context, sender_data, secret_tree });
        self.history.push(epoch, public.tree.size(), leaves);
        self.forget_past();
    }

    /// Forgets of past epochs what is more than the client wants to keep.
    pub(crate) fn forget_past(&mut self) {
        while self.resumption_psks.len() > self.config.past_resumption_psks {
            let Some((forgotten, _)) = self.resumption_psks.pop_first() else { break };
            self.changed.rows.insert(RowKey::ResumptionPsk(forgotten), None);
        }
        let mut forgets = false;
        while self.past.len() > self.config.past_epochs {
            self.past.pop_front();
            self.history.pop();
            forgets = true;
        }
        if forgets {
            self.changed.forget(self.past.front().map_or(self.epoch(), |past| past.context.epoch));
        }
    }

    /// Drops one's own Commit that was not accepted, and gives back the proposals that it had by value. Should it
    /// have been accepted after all, this member cannot follow it any more, and has to join again.
    pub fn clear_pending(&mut self) -> (Vec<Proposal>, Delta) {
        let lost = self.pending.take().map(Pending::into_by_value);
        if lost.is_some() {
            self.changed.rows.insert(RowKey::PendingCommit, None);
        }
        (lost.unwrap_or_default(), self.take_delta())
    }

    /// What operations have changed that have failed: everything else comes beside their results.
    ///
    /// Nothing, if something of an opened group could not be read: it is to be opened anew, and what it could not take
    /// is taken then.
    pub fn take_delta(&mut self) -> Delta {
        if self.public.tree.intact().is_ok() { self.changes() } else { Delta::default() }
    }

    /// What an operation has changed.
    pub(crate) fn changes(&mut self) -> Delta {
        let mut delta = std::mem::take(&mut self.changed);
        delta.rows.extend(self.opened.take_rows().into_iter().map(|(key, row)| (key, Some(row))));
        let past = self.past.iter_mut().map(|past| (past.context.epoch, &mut past.secret_tree));
        let current = (self.public.context.epoch, &mut self.keys.secret_tree);
        for (epoch, secret_tree) in past.chain([current]) {
            let secrets = secret_tree.take_changes().into_iter();
            delta.rows.extend(secrets.map(|(id, row)| (RowKey::Epoch(epoch, EpochRow::Secret(id)), row)));
        }
        delta
    }

    /// With everything that there is to be stored.
    pub(crate) fn with_delta(mut self) -> Result<(Self, Delta), GroupError> {
        let delta = Delta::writing(self.rows()?);
        // All that has changed is in it.
        drop(self.changes());
        Ok((self, delta))
    }

    pub(crate) fn check_active(&self) -> Result<(), Misuse> {
        if self.active { Ok(()) } else { Err(Misuse::NotActive) }
    }

    /// What was found out with the tree, unless something could not be read: then this, and not what it led to, is what
    /// is wrong.
    pub(crate) fn intact<T>(&self, result: Result<T, GroupError>) -> Result<T, GroupError> {
        self.public.tree.intact()?;
        result
    }

    /// Others verify what this member signs with the key in its leaf.
    fn check_signer(&self, client: &Client<'_>) -> Result<(), GroupError> {
        self.intact(client.check_signer(self.public.tree.signature_key(self.own_leaf()).as_ref()))
    }

    /// Signs content as this member.
    pub(crate) fn sign(
        &self,
        wire_format: WireFormat,
        content: Content,
        authenticated_data: &[u8],
        client: &Client<'_>,
    ) -> Result<SignedContent, GroupError> {
        self.check_signer(client)?;
        let content = FramedContent {
            group_id: self.public.context.group_id.clone(),
            epoch: self.epoch(),
            sender: Sender::Member(self.own_leaf()),
            authenticated_data: authenticated_data.into(),
            content,
        };
        Ok(SignedContent::sign(self.public.suite, client.signer, wire_format, content, &self.public.context)?)
    }

    /// The format that handshake messages are sent in.
    pub(crate) const fn handshake_format(&self) -> WireFormat {
        if self.config.encrypt_handshakes {
            WireFormat::MLS_PRIVATE_MESSAGE
        } else {
            WireFormat::MLS_PUBLIC_MESSAGE
        }
    }

    /// Seals a handshake message for the format that it was signed for, unless others would find it too large.
    pub(crate) fn seal(
        &mut self,
        signed: &SignedContent,
        rng: &mut dyn CryptoRng,
    ) -> Result<MlsMessage, GroupError> {
        if self.config.encrypt_handshakes {
            return self.seal_private(signed, rng);
        }
        let message = signed.seal_public(self.public.suite, Some(&self.keys.membership_key))?.into();
        self.config.limits.check_sent(&message)?;
        Ok(message)
    }

    /// Encrypts a message, unless others would find it too large: then no key is used.
    fn seal_private(
        &mut self,
        signed: &SignedContent,
        rng: &mut dyn CryptoRng,
    ) -> Result<MlsMessage, GroupError> {
        let (suite, padding) = (self.public.suite, self.config.padding);
        let len = signed.private_len(suite, padding)?.saturating_add(MlsMessage::HEADER_LEN);
        self.config.limits.check_message(len)?;
        let (tree, secret) = (&mut self.keys.secret_tree, &self.keys.sender_data);
        Ok(signed.seal_private(suite, tree, secret, padding, rng)?.into())
    }
}

/// The external_pub extension.
pub(crate) fn external_pub(suite: Suite, external: &ExternalSecret) -> Result<Extension, GroupError> {
    let external_pub = external.key_pair(suite)?.public;
    Ok(Extension::new(&ExternalPub { external_pub })?)
}

/// The ratchet_tree extension.
pub(crate) fn tree_extension(tree: &Tree) -> Result<Extension, GroupError> {
    let extension_type = <RatchetTree as pando_wire::ExtensionBody>::TYPE;
    Ok(Extension { extension_type, extension_data: tree.export()?.into() })
}

/// A signed GroupInfo.
pub(crate) fn sign_group_info(
    public: &PublicState,
    extensions: Extensions,
    leaf: LeafIndex,
    signer: &dyn Signer,
) -> Result<GroupInfo, GroupError> {
    let mut group_info = GroupInfo {
        group_context: public.context.clone(),
        extensions,
        confirmation_tag: public.confirmation_tag.clone(),
        signer: leaf,
        signature: Signature::default(),
    };
    let to_be_signed = group_info.to_be_signed()?;
    group_info.signature = public.suite.sign_with_label(signer, "GroupInfoTBS", &to_be_signed)?;
    Ok(group_info)
}
