//! Histories: what is done, step after step. Each step has its own seed, which decides all that is left open (who,
//! to whom, in which order), so that what remains is still a history when some steps are dropped.

use crate::dice::{Dice, mix};

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) operation: Operation,
    pub(crate) seed: u64,
}

/// What is done in a step. What is impossible at the time is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// A member makes a Commit, and the delivery service accepts it.
    Commit(Change),
    /// Several members, and perhaps somebody outside, make Commits in one epoch: one is accepted.
    Race,
    /// A member makes a Commit that is never accepted.
    LoseCommit,
    /// A member sends a proposal.
    Propose(Proposed),
    /// An external sender sends a proposal.
    ProposeFromOutside,
    /// A client asks to be added.
    AskToBeAdded,
    /// A client joins by an external Commit.
    JoinFromOutside,
    /// A client has lost its state, and comes back by an external Commit.
    Resync,
    /// The group ends, and another takes its place.
    Reinit,
    /// Some members make a group of their own.
    Branch,
    /// Some members send messages.
    Chat,
    /// The network delivers something to those who can be reached, and who can be reached changes.
    Deliver,
    /// A client is started again from what it has stored.
    Restart,
}

/// What a Commit has by value; most cover pending proposals, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// Nothing by value.
    Nothing,
    /// Nothing at all.
    Empty,
    Add,
    AddMany,
    Remove,
    RemoveMany,
    /// A client that has lost its state is removed and added.
    Replace,
    Psks,
    Extensions,
    Custom,
    /// The committer takes a new signature key.
    Rotate,
    /// Some of everything.
    Several,
}

/// What a member proposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Proposed {
    Add,
    Remove,
    Update,
    /// An Update with a new signature key.
    Rotate,
    Psk,
    Extensions,
    Custom,
    Reinit,
}

/// How often each operation is chosen.
const WEIGHTS: [(Operation, usize); 31] = [
    (Operation::Commit(Change::Nothing), 12),
    (Operation::Commit(Change::Empty), 3),
    (Operation::Commit(Change::Add), 5),
    (Operation::Commit(Change::AddMany), 3),
    (Operation::Commit(Change::Remove), 4),
    (Operation::Commit(Change::RemoveMany), 1),
    (Operation::Commit(Change::Replace), 3),
    (Operation::Commit(Change::Psks), 2),
    (Operation::Commit(Change::Extensions), 3),
    (Operation::Commit(Change::Custom), 2),
    (Operation::Commit(Change::Rotate), 4),
    (Operation::Commit(Change::Several), 8),
    (Operation::Race, 6),
    (Operation::LoseCommit, 3),
    (Operation::Propose(Proposed::Add), 4),
    (Operation::Propose(Proposed::Remove), 3),
    (Operation::Propose(Proposed::Update), 7),
    (Operation::Propose(Proposed::Rotate), 4),
    (Operation::Propose(Proposed::Psk), 3),
    (Operation::Propose(Proposed::Extensions), 2),
    (Operation::Propose(Proposed::Custom), 3),
    (Operation::Propose(Proposed::Reinit), 1),
    (Operation::ProposeFromOutside, 4),
    (Operation::AskToBeAdded, 3),
    (Operation::JoinFromOutside, 4),
    (Operation::Resync, 4),
    (Operation::Reinit, 1),
    (Operation::Branch, 2),
    (Operation::Chat, 16),
    (Operation::Deliver, 16),
    (Operation::Restart, 6),
];

/// The operations that there are.
pub(crate) fn operations() -> impl Iterator<Item = Operation> {
    WEIGHTS.into_iter().map(|(operation, _)| operation)
}

/// The history that a seed stands for. It has no end.
pub(crate) fn steps(seed: u64) -> impl Iterator<Item = Step> {
    let total = WEIGHTS.into_iter().map(|(_, weight)| weight).sum();
    (0..).map(move |number| {
        let mut dice = Dice::new(mix(seed) ^ number);
        let mut draw = dice.below(total);
        let chosen = WEIGHTS.into_iter().find(|(_, weight)| match draw.checked_sub(*weight) {
            Some(rest) => {
                draw = rest;
                false
            }
            None => true,
        });
        let (operation, _) = chosen.expect("the weights add up");
        Step { operation, seed: dice.number() }
    })
}
