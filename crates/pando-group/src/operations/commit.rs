//! Making a Commit (RFC 9420, section 12.4.1).

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

/// A Commit, to be sent.
#[derive(Debug)]
pub struct CommitOutput {
    /// For the group.
    pub message: MlsMessage,
    /// For the new members; to be sent when the Commit is accepted. The tree is inside unless
    /// [`CommitBuilder::without_tree`] was called.
    pub welcome: Option<Welcome>,
    /// A description of the group as it will be, without the tree, if that was asked for and the Commit does not end the
    /// group. It is for external joins, to be published when the Commit is accepted, and for [`crate::PublicGroup::merge`].
    pub group_info: Option<GroupInfo>,
    /// The proposals of this epoch that the Commit leaves out, with the reasons.
    pub left_out: Vec<LeftOut>,
}

/// A Commit that is assembled and not sealed.
struct Draft {
    proposals: Vec<Committed>,
    applied: Applied,
    left_out: Vec<LeftOut>,
    path: Option<NewPath>,
    assembled: AssembledCommit,
}

/// A verdict of the group's rules.
enum Judged {
    Allowed(Vec<Committed>, Box<Applied>),
    Refused(String),
}

/// Which pending proposals a Commit covers, if they go together.
#[derive(Debug)]
enum Covered {
    All,
    These(BTreeSet<ProposalRef>),
}

/// What goes into a Commit.
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
    /// Begins a Commit. It covers those pending proposals that go together (section 12.2) and that this client can follow
    /// itself, and has a path, unless it is told otherwise.
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

    /// Enters the epoch of our pending Commit, which was accepted. If it is the external Commit by which this client joins,
    /// the client is a member from now on.
    ///
    /// # Errors
    /// As [`Group::merge`]: [`Misuse::StaleCommit`] if no Commit is pending.
    pub fn merge_pending(&mut self) -> Result<Unpersisted<()>, GroupError> {
        if self.joining.take().is_some() {
            self.state = GroupState::Active;
            self.changes.delete([RowKey::ExternalJoin]);
            return Ok(self.unpersisted(()));
        }
        let pending = self.pending.take().ok_or(Misuse::StaleCommit)?;
        Ok(self.merge(pending.staged)?.map(drop))
    }

    /// Our pending Commit, to be sent again after a restart: the external one in the state [`GroupState::Joining`].
    #[must_use]
    pub fn pending_commit(&self) -> Option<&MlsMessage> {
        self.joining.as_ref().or(self.pending.as_ref().map(|pending| &pending.message))
    }

    /// Our pending Commit that was stored, but does not follow the epoch that was stored. It cannot be merged any more; the
    /// next Delta deletes it.
    #[must_use]
    pub const fn stale_commit(&self) -> Option<&MlsMessage> {
        self.stale_commit.as_ref()
    }

    /// The epoch that one's own pending Commit leads to: which of the proposals it covers, the tree to give to new
    /// members, and what else there is to know before it is accepted. Once the group was loaded anew, the proposals are
    /// only those by value, and what was authenticated with the Commit is not known.
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

    /// Mixes a pre-shared key in.
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

    /// Ends the group, to begin another.
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

    /// Includes proposals of any types, such as those of a Commit that was not accepted.
    #[must_use]
    pub fn proposals(mut self, proposals: impl IntoIterator<Item = Proposal>) -> Self {
        self.proposals.extend(proposals);
        self
    }

    /// Replaces what one's own leaf says, and perhaps its signature key: the Commit then has a path.
    #[must_use]
    pub fn new_leaf(mut self, new_leaf: NewLeaf<'a>) -> Self {
        self.new_leaf = Some(new_leaf);
        self
    }

    /// Leaves the pending proposals out.
    #[must_use]
    pub fn without_pending(self) -> Self {
        self.only_pending([])
    }

    /// Covers only some of the pending proposals: those that the application allows. [`CommitBuilder::build`] fails with
    /// [`Misuse::UnknownProposal`] if one of them is not known in this epoch.
    #[must_use]
    pub fn only_pending(mut self, references: impl IntoIterator<Item = ProposalRef>) -> Self {
        self.pending = Covered::These(references.into_iter().collect());
        self
    }

    /// Describes the group as it will be, for those who join by an external Commit.
    #[must_use]
    pub const fn with_group_info(mut self) -> Self {
        self.with_group_info = true;
        self
    }

    /// Makes no path if none is needed: cheaper, and without post-compromise security.
    #[must_use]
    pub const fn without_path(mut self) -> Self {
        self.path = false;
        self
    }

    /// Leaves the tree out of the Welcome: the new members get it in another way.
    #[must_use]
    pub const fn without_tree(mut self) -> Self {
        self.tree_in_welcome = false;
        self
    }

    /// Data that is authenticated and not encrypted.
    #[must_use]
    pub fn authenticated_data(mut self, data: &[u8]) -> Self {
        self.authenticated_data = data.to_vec();
        self
    }

    /// Makes the Commit. It is pending until it is merged or dropped.
    ///
    /// # Errors
    /// - [`Misuse::CommitPending`] if there is one already, [`Misuse::Ended`], [`Misuse::UnknownProposal`].
    /// - [`Misuse::DefaultCapability`], [`Misuse::SuiteNotListed`], [`Misuse::GreaseRequired`] for our leaf, or a
    ///   proposal by value, that is accepted from others and not sent; [`Misuse::UnsupportedVersion`],
    ///   [`Misuse::UnsupportedCipherSuite`] for a ReInit that this client could not follow itself.
    /// - [`GroupError::Violation`] if no member would accept it, or if our leaf is not valid at the time of the context: a member
    ///   whose credential has expired renews it by [`CommitBuilder::new_leaf`], proposes its own removal, or sends without
    ///   a time.
    /// - [`Exceeded::MessageBytes`](crate::Exceeded) if it is larger than this client would take itself.
    pub fn build(
        mut self,
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Unpersisted<CommitOutput>, GroupError> {
        let output = self.make(cx, rng)?;
        Ok(self.group.unpersisted(output))
    }

    /// Makes the Commit, which is pending then.
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

        // The proposals, checked and applied.
        let limits = &self.group.config.limits;
        self.proposals.iter().try_for_each(|proposal| {
            sending::proposal(proposal, suite, cx.crypto, cx.identities(), limits)
        })?;
        let by_value = self.by_value(suite, rng);

        // The path, the Commit, and the epoch that it leads to. If the group's rules refuse it, they are asked again with a
        // leaf like that of the path, and the proposals that they refuse are left out.
        let mut draft = self.draft(&state, &by_value, None, cx, rng);
        let has_pending = self.group.proposals.pending().next().is_some();
        if has_pending && matches!(draft, Err(GroupError::Violation(Violation::GroupRules(_)))) {
            let leaf_key = suite.hpke_generate_key_pair(rng)?.public;
            draft = self.draft(&state, &by_value, Some(&leaf_key), cx, rng);
        }
        let Draft { proposals: list, applied, left_out, path, assembled } = draft?;
        let AssembledCommit { signed, public, secrets, joiner_secret, welcome_secret } = assembled;

        // The Welcome.
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

        // Nobody joins a group that has ended.
        let group_info = if self.with_group_info && applied.reinit.is_none() {
            let extensions = Extensions(vec![external_pub(suite, &secrets.external)?]);
            Some(sign_group_info(&public, extensions, own, self.next_signer(cx))?)
        } else {
            None
        };

        // The epoch to be merged. The message comes last: a tree that cannot be read must not use up its key.
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

    /// Takes our own proposals out of the builder, with a fresh nonce for each PSK.
    fn by_value(&mut self, suite: Suite, rng: &mut dyn CryptoRng) -> Vec<Committed> {
        let committer = Sender::Member(self.group.own_leaf());
        let proposals = std::mem::take(&mut self.proposals).into_iter();
        let psks = self.psks.iter().map(|psk| propose_psk(suite, psk.clone(), rng));
        let by_value = proposals.chain(psks);
        by_value.map(|proposal| Committed::ByValue(committer, Arc::new(proposal))).collect()
    }

    /// Chooses the proposals, creates the path and assembles the Commit.
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

    /// Returns the proposals to commit, pending ones by reference and then new ones by value, their effects, and the pending
    /// proposals that are left out.
    ///
    /// Proposals that the group's rules refuse are left out: the rules are asked about all of them first, and if they refuse,
    /// about less and less, to find the one that they refuse. A rule may depend on our leaf in the path. Before there is a
    /// path, that leaf is one with `leaf_key`; without it, the search is not begun for a Commit that has a path.
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
            // Of what is left, nothing can be left out. The rules judge the whole Commit when it is assembled.
            if chosen.is_empty() {
                let applied = apply_proposals(state, committer, own, cx.identities())?;
                refused.extend(left_out);
                return Ok((own.to_vec(), applied, refused));
            }
            let mut ordered = chosen.clone();
            sort_as_applied(&mut ordered);
            // The first ones of those that were chosen, in the order in which they came.
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
            // The shortest list that is refused ends with a proposal to leave out.
            let (mut allowed, mut too_many) = (0_usize, ordered.len());
            while allowed.saturating_add(1) < too_many {
                let middle = allowed.midpoint(too_many);
                match judge(middle) {
                    // Our own proposals may need more of the pending ones than these.
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

    /// Asks the group's rules about a Commit of `proposals`, with `leaf_key` in our leaf if the Commit has a path.
    fn judge(
        &self,
        state: &PublicState,
        proposals: Vec<Committed>,
        leaf_key: Option<&HpkePublicKey>,
        cx: &Context<'_>,
    ) -> Result<Judged, GroupError> {
        let committer = Sender::Member(self.group.own_leaf());
        // The proposals by value come last.
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
        let verdict = cx.rules.check(&CommitView::new(states, committer, &proposals, effects));
        match verdict {
            Ok(()) => Ok(Judged::Allowed(proposals, Box::new(applied))),
            Err(RuleError::Refused(reason)) => Ok(Judged::Refused(reason)),
            Err(RuleError::Tree(error)) => Err(error.into()),
        }
    }

    /// Returns the pending proposals that the Commit may cover, and those that are left out whatever the others are.
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

    /// Whose key is in one's own leaf afterwards.
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

    /// Returns a tree with our leaf of the path, as far as it is known before there is a path: with `leaf_key`, and not signed.
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
            // Its key may be of another suite. That of the old leaf is the one that the Commit is signed with.
            leaf_node::signature_is_valid(path.leaf_node(), state.suite, (group_id, own))?;
        }
        Ok(path)
    }
}
