//! The events of a Commit.

use crate::session::event::Event;
use pando_mls::wire::{Add, Remove, Sender};
use pando_mls::{Group, GroupError, LeafChange, LeafIndex, Proposal, PublicState, Staged};

/// Returns the events of a Commit that has not been merged yet. `before` is the state of the epoch
/// that the Commit ends.
pub(super) fn commit_events(
    before: &PublicState,
    staged: &Staged,
    is_own: bool,
) -> Result<Vec<Event>, GroupError> {
    let (after, committer) = (staged.public(), staged.committer());
    let mut events = vec![Event::Epoch { epoch: after.epoch(), committer, is_own }];
    for change in staged.leaf_changes()? {
        events.extend(leaf_event(staged, change));
    }
    if before.context().extensions != after.context().extensions {
        events.push(Event::ExtensionsChanged(after.context().extensions.clone()));
    }
    let left_out: Vec<_> = staged.left_out().cloned().collect();
    if !left_out.is_empty() {
        events.push(Event::ProposalsLeftOut(left_out));
    }
    Ok(events)
}

/// Returns an event if the merged Commit has ended the group. The event is read from the merged
/// group, because a pending Commit that was loaded from the store contains no proposals by
/// reference.
pub(super) fn end_event(merged: &Group) -> Option<Event> {
    merged.reinit().cloned().map(Event::Reinitialized)
}

/// Returns the sender of the Remove proposal for a leaf, or the committer if the proposal is not
/// known.
pub(super) fn remover(staged: &Staged, leaf: LeafIndex) -> Sender {
    let removes =
        |proposal: &Proposal| matches!(proposal, Proposal::Remove(Remove { removed }) if *removed == leaf);
    sender_of(staged, removes)
}

/// Returns the event for the change of a leaf, or `None` if only the encryption key has changed.
fn leaf_event(staged: &Staged, change: LeafChange) -> Option<Event> {
    match change {
        LeafChange::Removed { leaf, old } => {
            Some(Event::Removed { leaf, credential: old.credential, by: remover(staged, leaf) })
        }
        LeafChange::Added { leaf, new } => {
            let adds = |proposal: &Proposal| match proposal {
                Proposal::Add(add) => {
                    let Add { key_package } = &**add;
                    key_package.leaf_node.signature_key == new.signature_key
                }
                _ => false,
            };
            let is_added = staged.proposals().any(|(_, proposal)| adds(proposal));
            if staged.committer() == Sender::NewMemberCommit && !is_added {
                return Some(Event::JoinedExternally { leaf, credential: new.credential });
            }
            let by = sender_of(staged, adds);
            Some(Event::Added { leaf, credential: new.credential, by })
        }
        LeafChange::Updated { leaf, old, new } => {
            let identities = ((old.credential, old.signature_key), (new.credential, new.signature_key));
            let (old, new) = identities;
            (old != new).then_some(Event::IdentityChanged { leaf, old, new })
        }
    }
}

/// Returns the sender of the first proposal for which `is_it` is true. Returns the committer if
/// there is no such proposal, because a pending Commit that was loaded from the store contains no
/// proposals by reference.
fn sender_of(staged: &Staged, is_it: impl Fn(&Proposal) -> bool) -> Sender {
    let found = staged.proposals().find(|(_, proposal)| is_it(proposal));
    found.map_or(staged.committer(), |(sender, _)| sender)
}
