//! Creating a Commit (RFC 9420, section 12.4.1).

use crate::group_rules::RuleError;
use crate::operations::assemble_commit::{AssembledCommit, CommitParts};
use crate::operations::group_info::{external_pub, sign_group_info, tree_extension};
use crate::operations::new_leaf::{NewLeaf, same_leaf};
use crate::operations::proposal_filter::{FilterInput, LeftOut, LeftOutReason, select};
use crate::operations::refused_proposals::{Refusals, sort_as_applied};
use crate::operations::transition::{Applied, apply_proposals, check_path_leaf};
use crate::operations::welcome::welcome;
use crate::psk::propose_psk;
use crate::rules::{leaf_node, proposal_list, sending};
use crate::state::commit_view::{CommitView, StateView};
use crate::state::epoch_secrets::EpochKeys;
use crate::state::group::Group;
use crate::state::group_state::GroupState;
use crate::state::outbox::Outbox;
use crate::state::pending_proposal::{Committed, PendingProposal, ProposalStatus};
use crate::state::public_state::PublicState;
use crate::state::staged::{Pending, Staged, StagedMember};
use crate::storage::row_codec;
use crate::storage::row_key::RowKey;
use crate::{Context, GroupError, Misuse, Unpersisted, Violation};
use pando_crypto::{CryptoRng, Signer, Suite};
use pando_tree::{LeafTemplate, NewPath, Tree};
use pando_wire::{
    Add, Extensions, GroupContextExtensions, GroupInfo, HpkePublicKey, KeyPackage, LeafIndex, LeafNode,
    LeafNodeSource, MlsMessage, Opaque, Proposal, ProposalRef, Psk, ReInit, Remove, Sender, Signature,
    Welcome,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A Commit with the messages that belong to it, ready to send.
#[derive(Debug)]
#[non_exhaustive]
pub struct CommitOutput {
    /// The message for the group.
    pub message: MlsMessage,
    /// The Welcome for the new members, to be sent after the Commit is accepted. The Welcome
    /// contains the tree unless [`CommitBuilder::without_tree`] was called.
    pub welcome: Option<Welcome>,
    /// A GroupInfo of the next epoch without the tree, if it was requested and the Commit does not
    /// end the group. The GroupInfo allows external joins if it is published after the Commit is
    /// accepted, and it confirms the Commit to [`crate::PublicGroup::merge`].
    pub group_info: Option<GroupInfo>,
    /// The proposals of this epoch that the Commit leaves out, with the reasons.
    pub left_out: Vec<LeftOut>,
}

/// A Commit that is assembled but not yet sealed.
struct Draft {
    proposals: Vec<Committed>,
    applied: Applied,
    left_out: Vec<LeftOut>,
    path: Option<NewPath>,
    assembled: AssembledCommit,
}

/// The verdict of the group's rules on a Commit.
enum Judged {
    Allowed(Vec<Committed>, Box<Applied>),
    Refused(String),
}

/// The pending proposals that a Commit covers if they are compatible.
#[derive(Debug)]
enum Covered {
    All,
    These(BTreeSet<ProposalRef>),
}

/// The builder of a Commit.
#[derive(Debug)]
pub struct CommitBuilder<'a> {
    group: &'a mut Group,
    proposals: Vec<Proposal>,
    psks: Vec<Psk>,
    new_leaf: Option<NewLeaf<'a>>,
    pending: Covered,
    path: bool,
    tree_in_welcome: bool,
    with_group_info: bool,
    authenticated_data: Vec<u8>,
}

impl Group {
    /// Returns the builder of a Commit.
    ///
    /// By default, the Commit has a path. The Commit covers all pending proposals that are
    /// compatible with each other (section 12.2) and that this client can follow.
    #[must_use]
    pub const fn commit(&mut self) -> CommitBuilder<'_> {
        CommitBuilder {
            group: self,
            proposals: Vec::new(),
            psks: Vec::new(),
            new_leaf: None,
            pending: Covered::All,
            path: true,
            tree_in_welcome: true,
            with_group_info: false,
            authenticated_data: Vec::new(),
        }
    }

    /// Enters the epoch of our pending Commit after the delivery service has accepted that Commit.
    /// A client that joins by an external Commit becomes a member with this call.
    ///
    /// # Errors
    /// [`Misuse::NoPendingCommit`] if no Commit is pending. See [`Group::merge`] for the other
    /// errors.
    pub fn merge_pending(&mut self) -> Result<Unpersisted<()>, GroupError> {
        if self.joining.take().is_some() {
            self.state = GroupState::Active;
            self.changes.delete([RowKey::ExternalJoin]);
            return Ok(self.unpersisted(()));
        }
        let pending = self.pending.take().ok_or(Misuse::NoPendingCommit)?;
        Ok(self.merge(pending.staged)?.map(drop))
    }

    /// Returns our pending Commit, so that it can be sent again after a restart. In the state
    /// [`GroupState::Joining`], the pending Commit is our external Commit.
    #[must_use]
    pub fn pending_commit(&self) -> Option<&MlsMessage> {
        self.joining.as_ref().or(self.pending.as_ref().map(|pending| &pending.message))
    }

    /// Returns our stored pending Commit if it does not follow the stored epoch. Such a Commit can
    /// no longer be merged, and the next Delta deletes it.
    #[must_use]
    pub const fn stale_commit(&self) -> Option<&MlsMessage> {
        self.stale_commit.as_ref()
    }

    /// Returns the staged epoch of our pending Commit, including its proposals and the tree for new
    /// members.
    ///
    /// If the group was loaded from a store, the staged epoch includes only the by-value proposals
    /// of the Commit, and not the Commit's authenticated data.
    #[must_use]
    pub fn pending_epoch(&self) -> Option<&Staged> {
        self.pending.as_ref().map(|pending| &pending.staged)
    }

    /// Returns whether a message is our pending Commit.
    #[must_use]
    pub fn is_pending(&self, message: &MlsMessage) -> bool {
        self.pending_commit() == Some(message)
    }
}

impl<'a> CommitBuilder<'a> {
    /// Adds a member.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "a group's Add is no sum")]
    pub fn add(self, key_package: KeyPackage) -> Self {
        self.proposal(Proposal::Add(Box::new(Add { key_package })))
    }

    /// Removes a member.
    #[must_use]
    pub fn remove(self, removed: LeafIndex) -> Self {
        self.proposal(Proposal::Remove(Remove { removed }))
    }

    /// Adds a pre-shared key to the key schedule.
    #[must_use]
    pub fn psk(mut self, psk: Psk) -> Self {
        self.psks.push(psk);
        self
    }

    /// Replaces the group's extensions.
    #[must_use]
    pub fn extensions(self, extensions: Extensions) -> Self {
        self.proposal(Proposal::GroupContextExtensions(GroupContextExtensions { extensions }))
    }

    /// Ends the group so that a successor can be created.
    #[must_use]
    pub fn reinit(self, reinit: ReInit) -> Self {
        self.proposal(Proposal::ReInit(Box::new(reinit)))
    }

    /// Includes a proposal of any type.
    #[must_use]
    pub fn proposal(mut self, proposal: Proposal) -> Self {
        self.proposals.push(proposal);
        self
    }

    /// Includes proposals of any type, for example the proposals of a Commit that was not accepted.
    #[must_use]
    pub fn proposals(mut self, proposals: impl IntoIterator<Item = Proposal>) -> Self {
        self.proposals.extend(proposals);
        self
    }

    /// Replaces the contents of our leaf, and optionally its signature key. The Commit then has a
    /// path.
    #[must_use]
    pub fn new_leaf(mut self, new_leaf: NewLeaf<'a>) -> Self {
        self.new_leaf = Some(new_leaf);
        self
    }

    /// Leaves out all pending proposals.
    #[must_use]
    pub fn without_pending(self) -> Self {
        self.only_pending([])
    }

    /// Covers only the given pending proposals. [`CommitBuilder::build`] fails with
    /// [`Misuse::UnknownProposal`] if one of these proposals is not known in this epoch.
    #[must_use]
    pub fn only_pending(mut self, references: impl IntoIterator<Item = ProposalRef>) -> Self {
        self.pending = Covered::These(references.into_iter().collect());
        self
    }

    /// Also creates a GroupInfo of the next epoch, which allows external joins.
    #[must_use]
    pub const fn with_group_info(mut self) -> Self {
        self.with_group_info = true;
        self
    }

    /// Omits the path if none is required. A Commit without a path is cheaper, but provides no
    /// post-compromise security.
    #[must_use]
    pub const fn without_path(mut self) -> Self {
        self.path = false;
        self
    }

    /// Leaves the tree out of the Welcome. New members must obtain the tree in another way.
    #[must_use]
    pub const fn without_tree(mut self) -> Self {
        self.tree_in_welcome = false;
        self
    }

    /// Sets the authenticated data of the Commit, which is not encrypted.
    #[must_use]
    pub fn authenticated_data(mut self, data: &[u8]) -> Self {
        self.authenticated_data = data.to_vec();
        self
    }

    /// Creates the Commit, which is pending until it is merged or dropped.
    ///
    /// # Errors
    /// - [`Misuse::CommitPending`] if a Commit is already pending; [`Misuse::Ended`] if the group
    ///   has ended for this client; [`Misuse::JoinPending`] if our external Commit is not yet
    ///   accepted; [`Misuse::WrongSigner`] if the signer of the context does not have our leaf's
    ///   key; [`Misuse::UnknownProposal`] if a selected proposal is not known in this epoch.
    /// - [`Misuse::DefaultCapability`], [`Misuse::SuiteNotListed`], [`Misuse::GreaseRequired`] if
    ///   our leaf or a proposal by value violates a rule for senders.
    /// - [`Misuse::UnsupportedVersion`], [`Misuse::UnsupportedCipherSuite`] for a ReInit that this
    ///   client could not follow itself.
    /// - [`GroupError::Violation`] if no member would accept the Commit, or if our leaf is expired
    ///   or not yet valid at the time of the [`Context`]. A member whose credential has expired can
    ///   renew it with [`CommitBuilder::new_leaf`], propose its own removal, or use a context
    ///   without a time.
    /// - [`Exceeded::MessageBytes`](crate::Exceeded) if the message is larger than this client
    ///   itself would accept.
    pub fn build(
        mut self,
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Unpersisted<CommitOutput>, GroupError> {
        let output = self.make(cx, rng)?;
        Ok(self.group.unpersisted(output))
    }

    /// Creates the Commit and makes it pending.
    pub(crate) fn make(
        &mut self,
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<CommitOutput, GroupError> {
        self.group.check_active()?;
        if self.group.pending.is_some() {
            return Err(Misuse::CommitPending.into());
        }
        let (own, state) = (self.group.own_leaf(), self.group.public.clone());
        let suite = state.suite;
        let committer = Sender::Member(own);

        // Check the by-value proposals against the rules for senders.
        let limits = &self.group.config.limits;
        self.proposals.iter().try_for_each(|proposal| {
            sending::proposal(proposal, suite, cx.crypto, cx.identities(), limits)
        })?;
        let by_value = self.by_value(suite, rng);

        // Create the path, the Commit and the next epoch. If the group's rules refuse the Commit,
        // try again with a stand-in for the path's leaf, and leave out the refused proposals.
        let mut draft = self.draft(&state, &by_value, None, cx, rng);
        let has_pending = self.group.proposals.pending().next().is_some();
        if has_pending && matches!(draft, Err(GroupError::Violation(Violation::GroupRules(_)))) {
            let leaf_key = suite.hpke_generate_key_pair(rng)?.public;
            draft = self.draft(&state, &by_value, Some(&leaf_key), cx, rng);
        }
        let Draft { proposals: list, applied, left_out, path, assembled } = draft?;
        let AssembledCommit { signed, public, secrets, joiner_secret, welcome_secret } = assembled;

        // Create the Welcome if the Commit adds members.
        let welcome = if applied.added.is_empty() {
            None
        } else {
            let extensions = if self.tree_in_welcome {
                Extensions(vec![tree_extension(&public.tree)?])
            } else {
                Extensions::default()
            };
            let group_info = sign_group_info(&public, extensions, own, self.next_signer(cx))?;
            let sealed = welcome_secret.seal(suite, &group_info)?;
            Some(welcome(suite, &applied, &list, path.as_ref(), &joiner_secret, sealed, rng)?)
        };

        // A Commit that ends the group needs no GroupInfo, because the ended group cannot be
        // joined.
        let group_info = if self.with_group_info && applied.reinit.is_none() {
            let extensions = Extensions(vec![external_pub(suite, &secrets.external)?]);
            Some(sign_group_info(&public, extensions, own, self.next_signer(cx))?)
        } else {
            None
        };

        // Stage the epoch. The message is sealed last, because a failed read of the tree must not
        // consume a message key.
        let keys = EpochKeys::new(secrets, &public.tree, &self.group.config);
        let private_keys = match &path {
            Some(path) => path.keys().clone(),
            None => self.group.keys_after(&applied)?,
        };
        let member = Some(StagedMember { private_keys, keys });
        let effects = applied.into_effects(committer, Some(own));
        let staged = self.group.staged(public, member, effects, signed.content(), list)?;
        let epoch = staged.public.context.epoch;
        let messages = Outbox::of_commit(epoch, welcome.as_ref(), group_info.as_ref())?;
        let message = self.group.seal(&signed, rng)?;
        let pending = Pending { staged, message: message.clone() };
        self.group.changes.write(RowKey::PendingCommit, row_codec::pending_commit(&pending)?);
        self.group.changes.extend(messages.rows().map(|(key, row)| (key, Some(row))));
        self.group.outbox.extend(messages);
        self.group.pending = Some(pending);
        Ok(CommitOutput { message, welcome, group_info, left_out })
    }

    /// Takes the by-value proposals out of the builder, with a fresh nonce for each PSK.
    fn by_value(&mut self, suite: Suite, rng: &mut dyn CryptoRng) -> Vec<Committed> {
        let committer = Sender::Member(self.group.own_leaf());
        let proposals = std::mem::take(&mut self.proposals).into_iter();
        let psks = self.psks.iter().map(|psk| propose_psk(suite, psk.clone(), rng));
        let by_value = proposals.chain(psks);
        by_value.map(|proposal| Committed::ByValue(committer, Arc::new(proposal))).collect()
    }

    /// Selects the proposals, creates the path and assembles the Commit.
    fn draft(
        &self,
        state: &PublicState,
        by_value: &[Committed],
        leaf_key: Option<&HpkePublicKey>,
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Draft, GroupError> {
        let (proposals, applied, left_out) = self.choose(state, by_value, leaf_key, cx)?;
        let psk_secret = self.group.psk_secret(&applied, cx.psks)?;
        let with_path = self.has_path(&proposals);
        let path = if with_path { Some(self.path(state, &applied, cx, rng)?) } else { None };
        self.group.check_signer(cx)?;
        let parts = CommitParts {
            state,
            committer: Sender::Member(self.group.own_leaf()),
            proposals: &proposals,
            applied: &applied,
            path: path.as_ref(),
            init_secret: &self.group.keys.init,
            psk_secret: &psk_secret,
            wire_format: self.group.handshake_format(),
            authenticated_data: &self.authenticated_data,
            signer: cx.signer,
        };
        let assembled = parts.assemble(cx.identities(), cx.rules, rng)?;
        Ok(Draft { proposals, applied, left_out, path, assembled })
    }

    /// Returns the proposals to commit, their effects, and the pending proposals that are left out.
    /// In the list, pending proposals by reference precede new proposals by value.
    ///
    /// Proposals that the group's rules refuse are left out. The rules first judge a Commit of all
    /// proposals. If the rules refuse that Commit, a binary search over prefixes of the list finds
    /// a refused proposal. Because a rule may depend on our leaf in the path, a leaf with
    /// `leaf_key` stands in for that leaf before the path exists. Without `leaf_key`, refused
    /// proposals are not searched for in a Commit with a path.
    fn choose(
        &self,
        state: &PublicState,
        own: &[Committed],
        leaf_key: Option<&HpkePublicKey>,
        cx: &Context<'_>,
    ) -> Result<(Vec<Committed>, Applied, Vec<LeftOut>), GroupError> {
        let committer = Sender::Member(self.group.own_leaf());
        let (mut candidates, mut refused) = self.candidates(cx)?;
        let mut refusals = Refusals::default();
        loop {
            let input = FilterInput {
                state,
                committer: self.group.own_leaf(),
                own,
                new_leaf: self.new_leaf.as_ref(),
                pending: &candidates,
                identities: cx.identities(),
                limits: &self.group.config.limits,
                crypto: cx.crypto,
            };
            let (chosen, left_out) = select(input)?;
            // Only our own proposals remain, and none of them can be left out. The rules judge the
            // whole Commit when it is assembled.
            if chosen.is_empty() {
                let applied = apply_proposals(state, committer, own, cx.identities())?;
                refused.extend(left_out);
                return Ok((own.to_vec(), applied, refused));
            }
            let mut ordered = chosen.clone();
            sort_as_applied(&mut ordered);
            // Take the first `count` chosen proposals in the order in which they are applied, and
            // list them in the order of arrival.
            let list = |count: usize| -> Vec<Committed> {
                let first: BTreeSet<_> =
                    ordered.iter().take(count).map(|proposal| &proposal.reference).collect();
                let by_reference = chosen.iter().filter(|proposal| first.contains(&proposal.reference));
                by_reference.cloned().map(Committed::ByReference).chain(own.iter().cloned()).collect()
            };
            let judge = |count: usize| self.judge(state, list(count), leaf_key, cx);
            let reason = match judge(chosen.len())? {
                Judged::Allowed(proposals, applied) => {
                    refused.extend(left_out);
                    return Ok((proposals, *applied, refused));
                }
                Judged::Refused(reason) if leaf_key.is_none() && self.has_path(&list(chosen.len())) => {
                    return Err(Violation::GroupRules(reason).into());
                }
                Judged::Refused(reason) => reason,
            };
            // Find the shortest refused prefix, and leave out its last proposal.
            let (mut allowed, mut too_many) = (0_usize, ordered.len());
            while allowed.saturating_add(1) < too_many {
                let middle = allowed.midpoint(too_many);
                match judge(middle) {
                    // A prefix may be invalid only because our own proposals depend on further
                    // pending proposals.
                    Ok(Judged::Allowed(..)) => allowed = middle,
                    Err(error) if error.violation().is_some() => allowed = middle,
                    Ok(Judged::Refused(_)) => too_many = middle,
                    Err(error) => return Err(error),
                }
            }
            let suspects = ordered.get(too_many.saturating_sub(1)..).unwrap_or_default();
            if suspects.is_empty() {
                return Err(Violation::GroupRules(reason).into());
            }
            let bad = refusals.note(suspects).into_iter().zip(suspects);
            let bad: BTreeSet<_> =
                bad.filter(|(bad, _)| *bad).map(|(_, proposal)| &proposal.reference).collect();
            let all = refusals.are_too_many();
            let leave_out = |proposal: &Arc<PendingProposal>| all || bad.contains(&proposal.reference);
            for proposal in candidates.extract_if(.., |proposal| leave_out(proposal)) {
                refused.push(LeftOut { proposal, reason: LeftOutReason::Refused(reason.clone()) });
            }
        }
    }

    /// Returns the verdict of the group's rules on a Commit of `proposals`. If the Commit has a
    /// path, our leaf is assumed to have the key `leaf_key`.
    fn judge(
        &self,
        state: &PublicState,
        proposals: Vec<Committed>,
        leaf_key: Option<&HpkePublicKey>,
        cx: &Context<'_>,
    ) -> Result<Judged, GroupError> {
        let committer = Sender::Member(self.group.own_leaf());
        // The by-value proposals are at the end of the list.
        let by_value = proposals.iter().filter(|committed| committed.by_value().is_some()).count();
        let applied = apply_proposals(state, committer, &proposals, cx.identities())
            .map_err(|error| error.behind(proposals.len().saturating_sub(by_value)))?;
        let effects = (applied.removed.as_slice(), applied.added.as_slice());
        let tree = match leaf_key {
            Some(leaf_key) if self.has_path(&proposals) => {
                &self.with_leaf_of_path(&applied.tree, leaf_key)?
            }
            _ => &applied.tree,
        };
        let states = (state.view(), StateView::new(&applied.context, tree));
        let origin = (committer, self.authenticated_data.as_slice());
        let verdict = cx.rules.check(&CommitView::new(states, origin, &proposals, effects));
        match verdict {
            Ok(()) => Ok(Judged::Allowed(proposals, Box::new(applied))),
            Err(RuleError::Refused(reason)) => Ok(Judged::Refused(reason)),
            Err(RuleError::Tree(error)) => Err(error.into()),
        }
    }

    /// Returns the pending proposals that the Commit may cover, and the proposals that are left out
    /// for reasons that do not depend on other proposals.
    fn candidates(&self, cx: &Context<'_>) -> Result<(Vec<Arc<PendingProposal>>, Vec<LeftOut>), GroupError> {
        let known = &self.group.proposals;
        if let Covered::These(references) = &self.pending
            && let Some(unknown) = references.iter().find(|reference| known.get(reference).is_none())
        {
            return Err(Misuse::UnknownProposal(unknown.clone()).into());
        }
        let (mut candidates, mut left_out) = (Vec::new(), Vec::new());
        for (proposal, status) in known.iter() {
            let reason = match (&self.pending, status, &proposal.proposal) {
                (_, ProposalStatus::NotAdmitted, _) => Some(LeftOutReason::NotAdmitted),
                (_, ProposalStatus::Withdrawn, _) => Some(LeftOutReason::Withdrawn),
                (Covered::These(references), ..) if !references.contains(&proposal.reference) => {
                    Some(LeftOutReason::NotChosen)
                }
                (.., Proposal::PreSharedKey(psk)) if !self.group.has_psk(&psk.psk, cx.psks)? => {
                    Some(LeftOutReason::PskMissing)
                }
                _ => None,
            };
            match reason {
                None => candidates.push(proposal.clone()),
                Some(reason) => left_out.push(LeftOut { proposal: proposal.clone(), reason }),
            }
        }
        Ok((candidates, left_out))
    }

    /// Returns the signer for our leaf after this Commit.
    fn next_signer<'b>(&'b self, cx: &'b Context<'_>) -> &'b dyn Signer {
        self.new_leaf.as_ref().map_or(cx.signer, |new_leaf| new_leaf.signer)
    }

    /// Returns whether a Commit that covers these proposals has a path.
    fn has_path(&self, list: &[Committed]) -> bool {
        self.path || self.new_leaf.is_some() || proposal_list::needs_path(list)
    }

    /// Returns the contents of our leaf in the path. `old` is our leaf before the Commit.
    fn template(&self, old: LeafNode) -> LeafTemplate {
        self.new_leaf.as_ref().map_or_else(|| same_leaf(old), |new_leaf| new_leaf.template.clone())
    }

    /// Returns a tree with a stand-in for our leaf in the path. Before the path exists, this leaf
    /// has the key `leaf_key` and no signature.
    fn with_leaf_of_path(&self, tree: &Tree, leaf_key: &HpkePublicKey) -> Result<Tree, GroupError> {
        let (own, mut tree) = (self.group.own_leaf(), tree.clone());
        let old = tree.leaf(own)?.ok_or(Misuse::NotAMember(own))?;
        let LeafTemplate { credential, capabilities, extensions } = self.template(old.clone());
        let signature_key = self.new_leaf.as_ref().map(|new_leaf| new_leaf.signer.public_key().clone());
        let leaf_node = LeafNode {
            encryption_key: leaf_key.clone(),
            signature_key: signature_key.unwrap_or(old.signature_key),
            credential,
            capabilities,
            leaf_node_source: LeafNodeSource::Commit { parent_hash: Opaque::default() },
            extensions,
            signature: Signature::default(),
        };
        tree.update(own, &leaf_node)?;
        Ok(tree)
    }

    fn path(
        &self,
        state: &PublicState,
        applied: &Applied,
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<NewPath, GroupError> {
        let own = self.group.own_leaf();
        let old = applied.tree.leaf(own)?.ok_or(Misuse::NotAMember(own))?;
        if let Some(new_leaf) = &self.new_leaf {
            sending::no_default_types(&new_leaf.template.capabilities)?;
        }
        let template = self.template(old.clone());
        sending::suite_is_listed(&template.capabilities, state.suite)?;
        let (group_id, signer) = (&applied.context.group_id, self.next_signer(cx));
        let path = applied.tree.create_path(own, template, group_id, signer, rng)?;
        check_path_leaf(applied, path.leaf_node(), Some(&old), cx.identities())?;
        if self.new_leaf.is_some() {
            // Verify the signature, because the new signer's key may belong to another cipher
            // suite. The Commit itself is signed with the key of the old leaf.
            leaf_node::signature_is_valid(path.leaf_node(), state.suite, (group_id, own))?;
        }
        Ok(path)
    }
}
