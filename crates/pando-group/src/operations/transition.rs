//! The transition from one epoch to the next (RFC 9420, sections 12.2, 12.3 and 12.4). Clients that
//! create, receive or observe a Commit share these steps.

use crate::group_rules::{GroupRules, RuleError};
use crate::identity::Identities;
use crate::rules::extensions::{self, Requirements};
use crate::rules::{leaf_node, proposal, proposal_list};
use crate::state::client_index::ClientIndex;
use crate::state::commit_view::{CommitView, StateView};
use crate::state::pending_proposal::{Committed, PendingProposal, ProposalStatus};
use crate::state::public_state::PublicState;
use crate::state::staged::Effects;
use crate::{GroupError, Violation};
use pando_framing::Authenticated;
use pando_schedule::{ConfirmedTranscriptHash, InterimTranscriptHash, ScheduleError};
use pando_tree::{MergedPath, Tree, TreeError};
use pando_wire::{
    AuthenticatedContent, Commit, Encode, FramedContent, GroupContext, KemOutput, LeafIndex, LeafNode,
    PreSharedKeyId, Proposal, ReInit, Sender, Signature, UpdatePath, WireFormat,
};

use std::borrow::Cow;

/// The effects of a list of proposals, applied to a copy of the state.
#[derive(Debug)]
pub(crate) struct Applied {
    /// The tree after the proposals are applied, and before the path is merged.
    pub(crate) tree: Tree,
    /// The context with the new epoch and the new extensions, but with the old tree hash.
    pub(crate) context: GroupContext,
    pub(crate) updated: Vec<LeafIndex>,
    /// The added leaves, in the order of the proposals.
    pub(crate) added: Vec<LeafIndex>,
    pub(crate) removed: Vec<LeafIndex>,
    /// The identifiers of the PSKs, in the order of the proposals.
    pub(crate) psks: Vec<PreSharedKeyId>,
    pub(crate) external_init: Option<KemOutput>,
    pub(crate) reinit: Option<ReInit>,
    /// Whether the Commit replaces the group's extensions.
    pub(crate) new_extensions: bool,
}

impl Applied {
    /// Returns the leaves that the Commit adds. `path_leaf` is the leaf of the Commit's path. An
    /// external Commit adds only that leaf, which belongs to the joiner.
    fn all_added(&self, committer: Sender, path_leaf: Option<LeafIndex>) -> Cow<'_, [LeafIndex]> {
        match (committer, path_leaf) {
            (Sender::Member(_), _) | (_, None) => Cow::Borrowed(&self.added),
            (_, Some(joiner)) => Cow::Owned(vec![joiner]),
        }
    }

    /// Returns the effects that are kept in the staged Commit.
    pub(crate) fn into_effects(self, committer: Sender, path_leaf: Option<LeafIndex>) -> Effects {
        let added = self.all_added(committer, path_leaf).into_owned();
        Effects { added, removed: self.removed, reinit: self.reinit }
    }

    /// Returns the added leaves in increasing order.
    pub(crate) fn added_leaves(&self) -> Vec<LeafIndex> {
        let mut leaves = self.added.clone();
        leaves.sort_unstable();
        leaves
    }
}

/// The part of the next epoch that is known without secrets.
#[derive(Debug)]
pub(crate) struct Transition<'a> {
    pub(crate) applied: Applied,
    pub(crate) path: Option<MergedPath<'a>>,
    /// The context under which path secrets are encrypted. This context has the new tree hash and
    /// the old transcript hash.
    pub(crate) provisional: GroupContext,
    pub(crate) public: PublicState,
}

/// Performs the steps of section 12.4.2 that need no secrets. The signature is already verified;
/// members verify the confirmation tag later.
pub(crate) fn transition<'a>(
    state: &PublicState,
    content: &Authenticated<AuthenticatedContent>,
    commit: &'a Commit,
    list: &[Committed],
    identities: Identities<'_>,
    rules: &dyn GroupRules,
) -> Result<Transition<'a>, GroupError> {
    let (committer, auth) = (content.content.sender, &content.auth);
    // Only the committer checks lifetimes, because a leaf may expire while the Commit is in
    // transit.
    let identities = identities.at_any_time();
    // Check and apply the proposals.
    let applied = apply_proposals(state, committer, list, identities)?;
    // Check and merge the path.
    proposal_list::path_is_there(list, commit.path.is_some())?;
    let path = commit
        .path
        .as_ref()
        .map(|path| merge_path(state, &applied, committer, path, identities))
        .transpose()?;
    let tree = path.as_ref().map_or(&applied.tree, MergedPath::tree).clone();
    // Check the tree as a whole.
    let path_leaf = path.as_ref().map(MergedPath::sender);
    let clients = check_tree(state, &applied, &tree, path_leaf, identities)?;
    // Compute the provisional GroupContext.
    let mut provisional = applied.context.clone();
    provisional.tree_hash = tree.tree_hash()?;
    // Check the Commit against the group's rules.
    check_rules(
        rules,
        (state.view(), StateView::new(&provisional, &tree)),
        (committer, content.content.authenticated_data.as_slice()),
        list,
        &applied,
        path_leaf,
    )?;
    // Compute the transcript hashes, which complete the new GroupContext.
    let confirmation_tag = auth.confirmation_tag.clone().ok_or(Violation::ConfirmationTag)?;
    let confirmed = confirm(state, content.wire_format, &content.content, &auth.signature)?;
    let interim_transcript_hash = InterimTranscriptHash::after(state.suite, &confirmed, &confirmation_tag)?;
    let context = GroupContext { confirmed_transcript_hash: confirmed.0, ..provisional.clone() };
    let suite = state.suite;
    let public = PublicState { suite, context, tree, clients, interim_transcript_hash, confirmation_tag };
    Ok(Transition { applied, path, provisional, public })
}

/// Checks a Commit against the application's rules for the group.
pub(crate) fn check_rules(
    rules: &dyn GroupRules,
    states: (StateView<'_>, StateView<'_>),
    (committer, authenticated_data): (Sender, &[u8]),
    list: &[Committed],
    applied: &Applied,
    path_leaf: Option<LeafIndex>,
) -> Result<(), GroupError> {
    let added = applied.all_added(committer, path_leaf);
    let origin = (committer, authenticated_data);
    let view = CommitView::new(states, origin, list, (&applied.removed, &added));
    Ok(rules.check(&view)?)
}

/// Returns how a member treats a standalone proposal. If the group's rules do not admit the
/// proposal, also returns their reason.
pub(crate) fn admit(
    state: &PublicState,
    rules: &dyn GroupRules,
    pending: &PendingProposal,
) -> Result<(ProposalStatus, Option<String>), TreeError> {
    match rules.admit(state.view(), pending.sender, &pending.proposal) {
        Ok(()) => {}
        Err(RuleError::Refused(reason)) => return Ok((ProposalStatus::NotAdmitted, Some(reason))),
        Err(RuleError::Tree(error)) => return Err(error),
    }
    let supported = match &pending.proposal {
        Proposal::Other(other) => proposal::type_is_supported(other.proposal_type, &state.tree),
        _ => true,
    };
    let status = if supported { ProposalStatus::Pending } else { ProposalStatus::Unsupported };
    Ok((status, None))
}

/// Returns the confirmed transcript hash after a Commit (section 8.2).
pub(crate) fn confirm(
    state: &PublicState,
    wire_format: WireFormat,
    content: &FramedContent,
    signature: &Signature,
) -> Result<ConfirmedTranscriptHash, GroupError> {
    let interim = &state.interim_transcript_hash;
    Ok(ConfirmedTranscriptHash::after(state.suite, interim, wire_format, content, signature)?)
}

/// Merges a path and checks its leaf (section 12.4.2).
fn merge_path<'a>(
    state: &PublicState,
    applied: &Applied,
    committer: Sender,
    path: &'a UpdatePath,
    identities: Identities<'_>,
) -> Result<MergedPath<'a>, GroupError> {
    let (merged, old) = match committer {
        Sender::Member(leaf) => {
            (applied.tree.merge_path(leaf, path, &applied.added_leaves())?, state.tree.leaf(leaf)?)
        }
        // In an external Commit, the new leaf replaces the removed leaf, if there is one.
        _ => {
            let removed =
                applied.removed.first().map(|removed| state.tree.leaf(*removed)).transpose()?.flatten();
            (applied.tree.merge_external_path(path)?, removed)
        }
    };
    check_path_leaf(applied, &path.leaf_node, old.as_ref(), identities)?;
    let position = (&state.context.group_id, merged.sender());
    leaf_node::signature_is_valid(&path.leaf_node, state.suite, position)?;
    Ok(merged)
}

/// Checks a list of proposals (section 12.2) and applies it (section 12.3).
pub(crate) fn apply_proposals(
    state: &PublicState,
    committer: Sender,
    list: &[Committed],
    identities: Identities<'_>,
) -> Result<Applied, GroupError> {
    check_list(state, committer, list)?;

    // 12.3: new extensions apply to all other proposals in the list.
    let mut context = state.context.clone();
    context.epoch = context.epoch.checked_add(1).ok_or(Violation::EpochOverflow)?;
    let new_extensions = list.iter().find_map(|committed| match committed.proposal() {
        Proposal::GroupContextExtensions(proposal) => Some(&proposal.extensions),
        _ => None,
    });
    if let Some(new_extensions) = new_extensions {
        extensions::external_senders_are_valid(new_extensions, &context.extensions, identities)?;
        context.extensions = new_extensions.clone();
    }
    let state = PublicState { context: context.clone(), ..state.clone() };
    let requirements = Requirements::of(&state.context.extensions)?;
    for (index, committed) in list.iter().enumerate() {
        let (sender, proposal) = (committed.sender(), committed.proposal());
        proposal::contents_are_valid(&state, sender, proposal, &requirements, identities)
            .map_err(|error| error.in_proposal(index))?;
    }
    check_signatures(&state, list)?;

    let mut applied = Applied {
        tree: state.tree.clone(),
        context,
        updated: Vec::new(),
        added: Vec::new(),
        removed: Vec::new(),
        psks: Vec::new(),
        external_init: None,
        reinit: None,
        new_extensions: new_extensions.is_some(),
    };
    apply_updates(&mut applied, list)?;
    apply_removes(&mut applied, list)?;
    apply_adds(&mut applied, list)?;
    applied.tree.truncate()?;
    for committed in list {
        match committed.proposal() {
            Proposal::PreSharedKey(psk) => applied.psks.push(psk.psk.clone()),
            Proposal::ExternalInit(init) => applied.external_init = Some(init.kem_output.clone()),
            Proposal::ReInit(reinit) => applied.reinit = Some((**reinit).clone()),
            _ => {}
        }
    }
    // 8.4: the number of PSKs is encoded in 16 bits.
    u16::try_from(applied.psks.len()).map_err(|_| ScheduleError::TooManyPsks)?;
    Ok(applied)
}

/// Verifies the signatures of KeyPackages and leaves in by-value proposals. The signatures in
/// standalone proposals were verified on receipt.
fn check_signatures(state: &PublicState, list: &[Committed]) -> Result<(), GroupError> {
    let by_value = || {
        let proposals = list.iter().enumerate();
        proposals.filter_map(|(index, committed)| Some((index, (committed.sender(), committed.by_value()?))))
    };
    let Err(violation) = proposal::signatures_are_valid(state, by_value().map(|(_, proposal)| proposal))
    else {
        return Ok(());
    };
    // Verifying all signatures at once is faster. Search for the invalid proposal only after a
    // failure.
    for (index, proposal) in by_value() {
        if let Err(violation) = proposal::signatures_are_valid(state, [proposal]) {
            return Err(GroupError::Proposal { index, violation });
        }
    }
    Err(violation.into())
}

/// Checks the new tree after all proposals and the path have been applied, because the order of the
/// proposals does not matter (section 12.3). `path` is the leaf that the path has replaced.
pub(crate) fn check_tree(
    state: &PublicState,
    applied: &Applied,
    tree: &Tree,
    path: Option<LeafIndex>,
    identities: Identities<'_>,
) -> Result<ClientIndex, GroupError> {
    let policy = identities.policy;
    let changed = applied.updated.iter().chain(&applied.added).copied().chain(path);
    let changed: Vec<_> = changed.collect();
    let mut clients = state.clients.in_next_epoch();
    for leaf in applied.removed.iter().chain(&changed) {
        if let Some(old) = state.tree.leaf(*leaf)? {
            clients.leave(*leaf, &old.credential, &state.tree, policy);
        }
    }
    for leaf in changed {
        let leaf_node = tree.leaf(leaf)?.ok_or(TreeError::NotAMember(leaf))?;
        leaf_node::keys_are_unique(leaf, &leaf_node, tree)?;
        leaf_node::credential_types_fit(&leaf_node, tree)?;
        clients.enter(leaf, &leaf_node.credential, tree, policy)?;
    }
    // 12.1.7: the new extensions apply to the members of the new tree.
    if applied.new_extensions {
        extensions::members_support_required(tree, &applied.context.extensions)?;
        extensions::members_support_group_extensions(tree, &applied.context.extensions)?;
    }
    Ok(clients)
}

fn check_list(state: &PublicState, committer: Sender, list: &[Committed]) -> Result<(), Violation> {
    match committer {
        Sender::Member(leaf) => {
            proposal_list::no_own_update(list, leaf)?;
            proposal_list::no_own_remove(list, leaf)?;
            proposal_list::no_external_init(list)?;
        }
        _ => proposal_list::fits_external_commit(list)?,
    }
    proposal_list::one_per_leaf(list)?;
    proposal_list::clients_are_added_once(list)?;
    proposal_list::psks_are_unique(list)?;
    proposal_list::psk_usages(state, list)?;
    proposal_list::one_group_context_extensions(list)?;
    proposal_list::reinit_is_alone(list)?;
    proposal_list::types_are_supported(state, list)
}

fn apply_updates(applied: &mut Applied, list: &[Committed]) -> Result<(), GroupError> {
    for committed in list {
        if let (Proposal::Update(update), Sender::Member(leaf)) = (committed.proposal(), committed.sender()) {
            applied.tree.update(leaf, &update.leaf_node)?;
            applied.updated.push(leaf);
        }
    }
    Ok(())
}

fn apply_removes(applied: &mut Applied, list: &[Committed]) -> Result<(), GroupError> {
    for committed in list {
        if let Proposal::Remove(remove) = committed.proposal() {
            applied.tree.remove(remove.removed)?;
            applied.removed.push(remove.removed);
        }
    }
    Ok(())
}

fn apply_adds(applied: &mut Applied, list: &[Committed]) -> Result<(), GroupError> {
    let added = list.iter().filter_map(|committed| match committed.proposal() {
        Proposal::Add(add) => Some(&add.key_package.leaf_node),
        _ => None,
    });
    applied.added = applied.tree.add_all(added)?;
    Ok(())
}

/// Checks the leaf of a path (section 12.4.2), except for its signature, which a committer has just
/// created. `old` is the replaced leaf, which is the committer's leaf or the leaf that an external
/// Commit removes.
pub(crate) fn check_path_leaf(
    applied: &Applied,
    leaf_node: &LeafNode,
    old: Option<&LeafNode>,
    identities: Identities<'_>,
) -> Result<(), Violation> {
    leaf_node::comes_from_commit(leaf_node)?;
    let requirements = Requirements::of(&applied.context.extensions)?;
    leaf_node::is_valid_alone(leaf_node, &requirements, identities)?;
    if let Some(old) = old {
        leaf_node::encryption_key_is_new(leaf_node, old)?;
        leaf_node::credential_may_succeed(leaf_node, old, identities)?;
    }
    Ok(())
}

/// Checks a standalone proposal (section 12.1).
pub(crate) fn check_proposal(
    state: &PublicState,
    content: &Authenticated<AuthenticatedContent>,
    proposal: &Proposal,
    identities: Identities<'_>,
) -> Result<PendingProposal, GroupError> {
    let sender = content.content.sender;
    proposal::may_come_from(sender, proposal)?;
    proposal::psk_usage(proposal)?;
    proposal::is_valid(state, sender, proposal, identities)?;
    let reference = state.suite.proposal_ref(&content.encode()?)?;
    let authenticated_data = content.content.authenticated_data.clone();
    Ok(PendingProposal { reference, sender, proposal: proposal.clone(), authenticated_data })
}
