//! Rules for the list of proposals in a Commit (RFC 9420, sections 12.2 and 12.4).

use super::proposal;
use crate::Violation;
use crate::state::pending_proposal::Committed;
use crate::state::public_state::PublicState;
use pando_wire::{LeafIndex, Proposal, ProposalOrRef, ProposalType, Sender};
use std::collections::BTreeSet;

/// 12.2: the committer must not commit its own Update.
pub(crate) fn no_own_update(list: &[Committed], committer: LeafIndex) -> Result<(), Violation> {
    let own = |committed: &Committed| {
        matches!(committed.proposal(), Proposal::Update(_)) && committed.sender() == Sender::Member(committer)
    };
    if list.iter().any(own) { Err(Violation::OwnUpdate) } else { Ok(()) }
}

/// 12.2: the committer must not remove itself.
pub(crate) fn no_own_remove(list: &[Committed], committer: LeafIndex) -> Result<(), Violation> {
    let own = |committed: &Committed| matches!(committed.proposal(), Proposal::Remove(remove) if remove.removed == committer);
    if list.iter().any(own) { Err(Violation::OwnRemove) } else { Ok(()) }
}

/// 12.2: there must be at most one Update or Remove for each leaf.
pub(crate) fn one_per_leaf(list: &[Committed]) -> Result<(), Violation> {
    let mut seen = BTreeSet::new();
    for committed in list {
        let leaf = match (committed.proposal(), committed.sender()) {
            (Proposal::Remove(remove), _) => remove.removed,
            (Proposal::Update(_), Sender::Member(leaf)) => leaf,
            _ => continue,
        };
        if !seen.insert(leaf) {
            return Err(Violation::SameLeaf(leaf));
        }
    }
    Ok(())
}

/// 12.2: a client must not be added twice. Whether the client is already a member is checked in the
/// new tree.
pub(crate) fn clients_are_added_once(list: &[Committed]) -> Result<(), Violation> {
    let mut keys = BTreeSet::new();
    for committed in list {
        if let Proposal::Add(add) = committed.proposal()
            && !keys.insert(&add.key_package.leaf_node.signature_key)
        {
            return Err(Violation::SameClient);
        }
    }
    Ok(())
}

/// 12.2: no PSK may occur twice.
pub(crate) fn psks_are_unique(list: &[Committed]) -> Result<(), Violation> {
    let mut seen = BTreeSet::new();
    for committed in list {
        if let Proposal::PreSharedKey(psk) = committed.proposal()
            && !seen.insert((&psk.psk.psk, &psk.psk.psk_nonce))
        {
            return Err(Violation::DuplicatePsk);
        }
    }
    Ok(())
}

/// 12.1.4: only the Commit that sets up a group may contain PSKs for reinitialization and
/// branching. At that point, the creator is the only member of the group.
pub(crate) fn psk_usages(state: &PublicState, list: &[Committed]) -> Result<(), Violation> {
    let first = state.context.epoch == 0 && state.tree.member_count() == 1;
    let by_creator = |committed: &Committed| matches!(committed, Committed::ByValue(Sender::Member(_), _));
    let mut others = list.iter().filter(|committed| !(first && by_creator(committed)));
    others.try_for_each(|committed| proposal::psk_usage(committed.proposal()))
}

/// 12.2: there must be at most one GroupContextExtensions proposal.
pub(crate) fn one_group_context_extensions(list: &[Committed]) -> Result<(), Violation> {
    match count(list, ProposalType::GROUP_CONTEXT_EXTENSIONS) {
        0 | 1 => Ok(()),
        _ => Err(Violation::SeveralGroupContextExtensions),
    }
}

/// 12.2: a ReInit must be the only proposal.
pub(crate) fn reinit_is_alone(list: &[Committed]) -> Result<(), Violation> {
    if count(list, ProposalType::REINIT) > 0 && list.len() > 1 {
        Err(Violation::ReInitNotAlone)
    } else {
        Ok(())
    }
}

/// 12.2: a regular Commit must not contain an ExternalInit.
pub(crate) fn no_external_init(list: &[Committed]) -> Result<(), Violation> {
    if count(list, ProposalType::EXTERNAL_INIT) > 0 {
        Err(Violation::ExternalInitInRegularCommit)
    } else {
        Ok(())
    }
}

/// 12.2: all remaining members must support the types of all proposals. Removed and added members
/// need not support these types.
pub(crate) fn types_are_supported(state: &PublicState, list: &[Committed]) -> Result<(), Violation> {
    let mut types: BTreeSet<_> = list.iter().map(|committed| committed.proposal().proposal_type()).collect();
    types.retain(|proposal_type| {
        !proposal_type.is_default()
            && (proposal_type.is_grease()
                || !state.tree.capability_counts().all_support_proposal(*proposal_type))
    });
    if types.is_empty() {
        return Ok(());
    }
    // At least one member does not support one of the types. Check again without the removed
    // members.
    let mut staying = state.tree.clone();
    for committed in list {
        if let Proposal::Remove(remove) = committed.proposal() {
            staying.remove(remove.removed).map_err(|_| Violation::RemovedIsNoMember(remove.removed))?;
        }
    }
    let unsupported = types
        .into_iter()
        .find(|kind| kind.is_grease() || !staying.capability_counts().all_support_proposal(*kind));
    unsupported.map_or(Ok(()), |kind| Err(Violation::ProposalTypeUnsupported(kind)))
}

/// 12.4.3.2: an external Commit must not refer to proposals. This rule is checked before the
/// references are resolved.
pub(crate) fn may_refer(committer: Sender, list: &[ProposalOrRef]) -> Result<(), Violation> {
    let refers = |entry: &ProposalOrRef| matches!(entry, ProposalOrRef::Reference(_));
    match committer {
        Sender::Member(_) => Ok(()),
        _ if list.iter().any(refers) => Err(Violation::ReferenceInExternalCommit),
        _ => Ok(()),
    }
}

/// 12.2: an external Commit must contain exactly one ExternalInit and at most one Remove. An
/// external Commit may also contain PSKs, but no other proposals.
pub(crate) fn fits_external_commit(list: &[Committed]) -> Result<(), Violation> {
    for committed in list {
        match committed.proposal().proposal_type() {
            ProposalType::EXTERNAL_INIT | ProposalType::REMOVE | ProposalType::PSK => {}
            other => return Err(Violation::ProposalInExternalCommit(other)),
        }
    }
    if count(list, ProposalType::EXTERNAL_INIT) != 1 {
        return Err(Violation::ExternalInitCount);
    }
    if count(list, ProposalType::REMOVE) > 1 {
        return Err(Violation::SeveralExternalRemoves);
    }
    Ok(())
}

/// 12.4 and 17.4: returns whether a Commit with these proposals must have a path.
pub(crate) fn needs_path(list: &[Committed]) -> bool {
    let may_do_without = |committed: &Committed| {
        matches!(committed.proposal(), Proposal::Add(_) | Proposal::PreSharedKey(_) | Proposal::ReInit(_))
    };
    list.is_empty() || !list.iter().all(may_do_without)
}

/// 12.4: a required path must be present.
pub(crate) fn path_is_there(list: &[Committed], has_path: bool) -> Result<(), Violation> {
    if needs_path(list) && !has_path { Err(Violation::PathRequired) } else { Ok(()) }
}

fn count(list: &[Committed], proposal_type: ProposalType) -> usize {
    list.iter().filter(|committed| committed.proposal().proposal_type() == proposal_type).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_wire::{
        Extensions, ExternalInit, GroupContextExtensions, OtherProposal, PreSharedKey, PreSharedKeyId,
        ProposalRef, Psk, Remove,
    };
    use std::sync::Arc;

    /// Returns the proposals that an external Commit carries by value.
    fn from_outside(proposals: Vec<Proposal>) -> Vec<Committed> {
        proposals
            .into_iter()
            .map(|proposal| Committed::ByValue(Sender::NewMemberCommit, Arc::new(proposal)))
            .collect()
    }

    fn init() -> Proposal {
        Proposal::ExternalInit(ExternalInit { kem_output: vec![1].into() })
    }

    fn remove(leaf: u32) -> Proposal {
        Proposal::Remove(Remove { removed: LeafIndex(leaf) })
    }

    fn psk() -> Proposal {
        let psk = PreSharedKeyId { psk: Psk::External { psk_id: vec![1].into() }, psk_nonce: vec![2].into() };
        Proposal::PreSharedKey(Box::new(PreSharedKey { psk }))
    }

    fn extensions() -> Proposal {
        Proposal::GroupContextExtensions(GroupContextExtensions { extensions: Extensions::default() })
    }

    fn other() -> Proposal {
        Proposal::Other(OtherProposal { proposal_type: ProposalType(0xf001), data: vec![].into() })
    }

    #[test]
    fn external_commits_have_one_external_init() {
        for (list, expected) in [
            (vec![init()], Ok(())),
            (vec![init(), remove(1), psk(), psk()], Ok(())),
            (vec![], Err(Violation::ExternalInitCount)),
            (vec![remove(1)], Err(Violation::ExternalInitCount)),
            (vec![init(), init()], Err(Violation::ExternalInitCount)),
            (vec![init(), remove(1), remove(2)], Err(Violation::SeveralExternalRemoves)),
        ] {
            assert_eq!(fits_external_commit(&from_outside(list)), expected);
        }
    }

    #[test]
    fn external_commits_have_nothing_else() {
        for (proposal, proposal_type) in
            [(extensions(), ProposalType::GROUP_CONTEXT_EXTENSIONS), (other(), ProposalType(0xf001))]
        {
            let list = from_outside(vec![init(), proposal]);
            assert_eq!(fits_external_commit(&list), Err(Violation::ProposalInExternalCommit(proposal_type)));
        }
    }

    #[test]
    fn external_commits_have_no_references() {
        let value = ProposalOrRef::Proposal(init());
        let list = [value.clone(), ProposalOrRef::Reference(ProposalRef::from(vec![1; 32]))];
        for (committer, expected) in [
            (Sender::NewMemberCommit, Err(Violation::ReferenceInExternalCommit)),
            (Sender::Member(LeafIndex(1)), Ok(())),
        ] {
            assert_eq!(may_refer(committer, &list), expected);
            assert_eq!(may_refer(committer, std::slice::from_ref(&value)), Ok(()));
        }
    }

    /// By the "Path Required" column of section 17.4, a Commit needs a path if it is empty or if
    /// any of its proposals requires a path.
    #[test]
    fn a_path_is_needed_as_the_registry_says() {
        let member = |proposal| Committed::ByValue(Sender::Member(LeafIndex(1)), Arc::new(proposal));
        assert_eq!(path_is_there(&[], false), Err(Violation::PathRequired));
        for (proposal, needed) in [(psk(), false), (remove(2), true), (extensions(), true), (init(), true)] {
            let expected = if needed { Err(Violation::PathRequired) } else { Ok(()) };
            assert_eq!(path_is_there(&[member(proposal.clone())], false), expected, "{proposal:?}");
            assert_eq!(path_is_there(&[member(psk()), member(proposal.clone())], false), expected);
            assert_eq!(path_is_there(&[member(proposal)], true), Ok(()));
        }
    }
}
