//! Rules for single proposals (RFC 9420, section 12.1).

use super::extensions::{self, Requirements};
use super::{key_package, leaf_node};
use crate::identity::Identities;
use crate::psk::is_resumption;
use crate::state::public_state::PublicState;
use crate::{GroupError, Violation};
use pando_tree::Tree;
use pando_wire::{LeafIndex, PreSharedKeyId, Proposal, ProposalType, ReInit, Sender, Update};

/// 12.1.3: the removed leaf must be a member.
pub(crate) fn removed_is_member(state: &PublicState, removed: LeafIndex) -> Result<(), GroupError> {
    if state.tree.is_member(removed)? { Ok(()) } else { Err(Violation::RemovedIsNoMember(removed).into()) }
}

/// 12.1.4: the nonce of a PSK must have `KDF.Nh` bytes.
pub(crate) fn psk_nonce_len(state: &PublicState, id: &PreSharedKeyId) -> Result<(), Violation> {
    if id.psk_nonce.len() == state.suite.hash_len() { Ok(()) } else { Err(Violation::PskNonce) }
}

/// 12.1.4: PSKs for reinitialization and branching must not be proposed. Only the first Commit of a
/// group contains such PSKs.
pub(crate) fn psk_usage(proposal: &Proposal) -> Result<(), Violation> {
    match proposal {
        Proposal::PreSharedKey(psk) if is_resumption(&psk.psk) => Err(Violation::PskUsage),
        _ => Ok(()),
    }
}

/// 12.2: returns whether all members of a tree support a proposal type. No client supports a GREASE
/// type (section 13.5).
pub(crate) fn type_is_supported(kind: ProposalType, tree: &Tree) -> bool {
    kind.is_default() || !kind.is_grease() && tree.capability_counts().all_support_proposal(kind)
}

/// 12.1.5: the version must not decrease.
pub(crate) fn reinit_version(state: &PublicState, reinit: &ReInit) -> Result<(), Violation> {
    if reinit.version < state.context.version { Err(Violation::ReInitVersion) } else { Ok(()) }
}

/// 12.1.2: an Update must be valid for the leaf of its sender. This function does not check the
/// signature of the Update.
pub(crate) fn update_is_valid(
    state: &PublicState,
    leaf: LeafIndex,
    update: &Update,
    requirements: &Requirements,
    identities: Identities<'_>,
) -> Result<(), GroupError> {
    let old = state.tree.leaf(leaf)?.ok_or(Violation::ProposalFromOutside(ProposalType::UPDATE))?;
    let new = &update.leaf_node;
    leaf_node::comes_from_update(new)?;
    leaf_node::encryption_key_is_valid(new, state.suite)?;
    leaf_node::encryption_key_is_new(new, &old)?;
    leaf_node::credential_may_succeed(new, &old, identities)?;
    Ok(leaf_node::is_valid_alone(new, requirements, identities)?)
}

/// 12.1.6 and 12.1.8: the sender must be allowed to send proposals of this type.
pub(crate) fn may_come_from(sender: Sender, proposal: &Proposal) -> Result<(), Violation> {
    let proposal_type = proposal.proposal_type();
    match sender {
        // 12.1.6: only an external Commit may contain an ExternalInit.
        Sender::Member(_) if proposal_type == ProposalType::EXTERNAL_INIT => {
            Err(Violation::ExternalInitInRegularCommit)
        }
        Sender::Member(_) => Ok(()),
        Sender::External(_) => match proposal_type {
            ProposalType::ADD
            | ProposalType::REMOVE
            | ProposalType::PSK
            | ProposalType::REINIT
            | ProposalType::GROUP_CONTEXT_EXTENSIONS => Ok(()),
            _ => Err(Violation::ProposalFromOutside(proposal_type)),
        },
        Sender::NewMemberProposal if proposal_type == ProposalType::ADD => Ok(()),
        Sender::NewMemberProposal | Sender::NewMemberCommit => {
            Err(Violation::ProposalFromOutside(proposal_type))
        }
    }
}

/// Checks a single proposal against the state in which it was sent (section 12.1).
pub(crate) fn is_valid(
    state: &PublicState,
    sender: Sender,
    proposal: &Proposal,
    identities: Identities<'_>,
) -> Result<(), GroupError> {
    let requirements = Requirements::of(&state.context.extensions)?;
    contents_are_valid(state, sender, proposal, &requirements, identities)?;
    Ok(signatures_are_valid(state, [(sender, proposal)])?)
}

/// Verifies the signatures of KeyPackages and leaves inside proposals.
pub(crate) fn signatures_are_valid<'a>(
    state: &PublicState,
    proposals: impl IntoIterator<Item = (Sender, &'a Proposal)>,
) -> Result<(), Violation> {
    let mut key_packages = Vec::new();
    for (sender, proposal) in proposals {
        match (sender, proposal) {
            (_, Proposal::Add(add)) => key_packages.push(&add.key_package),
            (Sender::Member(leaf), Proposal::Update(update)) => {
                let position = (&state.context.group_id, leaf);
                leaf_node::signature_is_valid(&update.leaf_node, state.suite, position)?;
            }
            _ => {}
        }
    }
    key_package::signatures_are_valid(&key_packages, state.suite)
}

/// Checks all rules of section 12.1 except for those about signatures inside the proposal. A
/// signature remains valid, whereas the results of the other checks depend on the state.
pub(crate) fn contents_are_valid(
    state: &PublicState,
    sender: Sender,
    proposal: &Proposal,
    requirements: &Requirements,
    identities: Identities<'_>,
) -> Result<(), GroupError> {
    match proposal {
        Proposal::Add(add) => {
            key_package::contents_are_valid(&add.key_package, state.suite, requirements, identities)?;
        }
        Proposal::Update(update) => match sender {
            Sender::Member(leaf) => update_is_valid(state, leaf, update, requirements, identities)?,
            _ => return Err(Violation::ProposalFromOutside(ProposalType::UPDATE).into()),
        },
        Proposal::Remove(remove) => removed_is_member(state, remove.removed)?,
        Proposal::PreSharedKey(psk) => psk_nonce_len(state, &psk.psk)?,
        // 12.1.5 requires no further checks by a receiver. `sending` prevents this client from
        // sending a ReInit that it cannot follow.
        Proposal::ReInit(reinit) => reinit_version(state, reinit)?,
        Proposal::GroupContextExtensions(proposal) => extensions::no_duplicates(&proposal.extensions)?,
        Proposal::ExternalInit(_) | Proposal::Other(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_wire::Remove;

    /// Clients that are not yet members must not propose a removal. All other tests reject such a
    /// message before they check its contents.
    #[test]
    fn who_is_not_there_yet_proposes_nobodys_removal() {
        let remove = Proposal::Remove(Remove { removed: LeafIndex(1) });
        for sender in [Sender::NewMemberProposal, Sender::NewMemberCommit] {
            let refused = Err(Violation::ProposalFromOutside(ProposalType::REMOVE));
            assert_eq!(may_come_from(sender, &remove), refused);
        }
        assert_eq!(may_come_from(Sender::External(0), &remove), Ok(()));
    }
}
