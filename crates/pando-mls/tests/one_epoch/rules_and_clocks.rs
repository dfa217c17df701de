//! The rules that all members share, and their clocks and local policies, which differ.

use crate::fixture::{CUSTOM, Ending, credential_end, name_of};
use pando_mls::wire::{Sender, SignaturePublicKey};
use pando_mls::{
    Advice, CommitView, Credential, GroupRules, IdentityError, IdentityPolicy, LeafChange, LeafIndex,
    LocalPolicy, Proposal, ProposalType, RuleError, StateView,
};

/// The largest number of members that the rules allow.
pub(crate) const MOST_MEMBERS: u32 = 9;

pub(crate) const YEAR: u64 = 365 * 86_400;
/// The time on the slowest clock.
pub(crate) const START: u64 = 50 * YEAR;

/// Returns the time on a client's clock, or `None` if the client ignores its clock.
pub(crate) const fn clock(client: usize) -> Option<u64> {
    match client % 5 {
        4 => None,
        behind => Some(START + 2 * YEAR * behind as u64),
    }
}

pub(crate) fn name(client: usize) -> String {
    format!("c{client}")
}

pub(crate) fn client_of(credential: &Credential) -> usize {
    name_of(credential)[1..].parse().unwrap()
}

fn is_bad(proposal: &Proposal) -> bool {
    matches!(proposal, Proposal::Other(other)
        if other.proposal_type == ProposalType(CUSTOM) && other.data.starts_with(b"bad"))
}

/// Returns whether a member may remove another member. Members at even leaves may remove any
/// member, and every member may remove itself.
fn may_remove(sender: Sender, removed: LeafIndex) -> bool {
    match sender {
        Sender::Member(leaf) => leaf.0.is_multiple_of(2) || leaf == removed,
        _ => true,
    }
}

fn allows(sender: Sender, proposal: &Proposal) -> Result<(), RuleError> {
    match proposal {
        Proposal::Remove(remove) if !may_remove(sender, remove.removed) => {
            Err(RuleError::refused("may not remove"))
        }
        other if is_bad(other) => Err(RuleError::refused("bad")),
        _ => Ok(()),
    }
}

/// The rules of the group. The rules admit requests to be added only from clients with even
/// numbers.
pub(crate) struct Shared;

impl GroupRules for Shared {
    fn admit(&self, state: StateView<'_>, sender: Sender, proposal: &Proposal) -> Result<(), RuleError> {
        match (sender, proposal) {
            (Sender::NewMemberProposal, Proposal::Add(add))
                if !client_of(&add.key_package.leaf_node.credential).is_multiple_of(2) =>
            {
                Err(RuleError::refused("odd"))
            }
            // Unlike `check`, this rule depends on the epoch, so a proposal that is admitted in one
            // epoch may be rejected in another.
            (_, Proposal::Remove(_)) if state.epoch().is_multiple_of(7) => {
                Err(RuleError::refused("a holiday"))
            }
            _ => allows(sender, proposal),
        }
    }

    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        if commit.after().tree().member_count() > MOST_MEMBERS {
            return Err(RuleError::refused("too many"));
        }
        commit.proposals().try_for_each(|(sender, proposal)| allows(sender, proposal))?;
        let changed = commit.leaf_changes()?.iter().filter(|change| change.changes_identity()).count();
        if changed > 2 { Err(RuleError::refused("too many changes")) } else { Ok(()) }
    }
}

/// The rules of a faulty member. These rules reject Commits that add clients with even numbers.
pub(crate) struct Faulty;

impl GroupRules for Faulty {
    fn admit(&self, state: StateView<'_>, sender: Sender, proposal: &Proposal) -> Result<(), RuleError> {
        Shared.admit(state, sender, proposal)
    }

    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        let even = |change: &LeafChange| matches!(change, LeafChange::Added { new, .. } if client_of(&new.credential).is_multiple_of(2));
        if commit.leaf_changes()?.iter().any(even) {
            return Err(RuleError::refused("other rules"));
        }
        Shared.check(commit)
    }
}

/// The policy of a member that checks all leaves, whether new or old, against its own clock.
pub(crate) struct OwnClock;

impl IdentityPolicy for OwnClock {
    fn validate(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        _: Option<u64>,
    ) -> Result<(), IdentityError> {
        Ending.validate(credential, key, Some(START + 4 * YEAR))
    }

    fn client_id(&self, credential: &Credential) -> Option<Vec<u8>> {
        Ending.client_id(credential)
    }

    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
        Ending.may_succeed(old, new)
    }
}

/// The local policy of a member, which depends on the number of its client.
pub(crate) struct PolicyByClient(pub(crate) usize);

impl LocalPolicy for PolicyByClient {
    fn advise(&self, commit: &CommitView<'_>, now: Option<u64>) -> Result<Advice, RuleError> {
        let invalid = now.map(|now| commit.leaves_invalid_at(now, &Ending)).transpose()?.unwrap_or_default();
        let from_outside = commit.committer() == Sender::NewMemberCommit;
        let is_short = |change: &LeafChange| {
            change.new_leaf().is_some_and(|leaf| credential_end(&leaf.credential) < START)
        };
        Ok(match self.0 % 4 {
            // This policy merges every Commit.
            0 => Advice::Merge,
            1 if from_outside => Advice::Hold("an external joiner".into()),
            2 if commit.leaf_changes()?.iter().any(is_short) => Advice::Leave("that is an old one".into()),
            1..=2 if invalid.is_empty() => Advice::Merge,
            3 if commit.leaf_changes()?.len() < 3 => Advice::Merge,
            _ => Advice::Hold("not now".into()),
        })
    }
}
