//! The results of operations in text form, for comparison.

use crate::forger::ByName;
use pando_mls::{PublicProcessed, PublicStaged};

/// Returns all observable properties of a processed message.
pub(crate) fn text(processed: &PublicProcessed) -> String {
    match processed {
        PublicProcessed::Proposal(_) | PublicProcessed::NotAdmitted(..) => format!("{processed:?}"),
        PublicProcessed::Commit(staged) => text_of_staged(staged),
    }
}

fn text_of_staged(staged: &PublicStaged) -> String {
    let proposals: Vec<_> = staged.proposals().collect();
    let left_out: Vec<_> = staged.left_out().collect();
    let leaves = (staged.added().collect::<Vec<_>>(), staged.removed(), staged.leaf_changes().unwrap());
    let invalid = staged.leaves_invalid_at(u64::MAX, &ByName).unwrap();
    let context = staged.public().context();
    format!("{context:?} {:?} {proposals:?} {left_out:?} {leaves:?} {invalid:?}", staged.committer())
}
