//! Histories: lists of steps. Each step has its own seed for all its choices, such as senders,
//! receivers and order, so a history stays valid if some steps are dropped.

use crate::random::{Random, mix};

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) operation: Operation,
    pub(crate) seed: u64,
}

/// The operation of a step. An operation that is impossible at the time is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// A member makes a Commit, and the delivery service accepts it.
    Commit(Change),
    /// Several members, and perhaps an external joiner, make Commits in one epoch. One is accepted.
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
    /// A client has lost its state, and rejoins by an external Commit.
    Resync,
    /// The group is reinitialized.
    Reinit,
    /// Some members branch off a group.
    Branch,
    /// Some members send messages.
    Chat,
    /// The network delivers some messages to the clients that are online, and changes which clients
    /// are online.
    Deliver,
    /// A client restarts from its stored state.
    Restart,
}

/// The content of a Commit by value. Most Commits cover pending proposals, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// No proposal by value.
    Nothing,
    /// No proposals at all.
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
    /// Several kinds.
    Several,
}

/// The proposal of a member.
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

/// The weight of each operation in the random choice.
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

/// Returns all operations.
pub(crate) fn operations() -> impl Iterator<Item = Operation> {
    WEIGHTS.into_iter().map(|(operation, _)| operation)
}

/// Returns the endless history of a seed.
pub(crate) fn steps(seed: u64) -> impl Iterator<Item = Step> {
    let total = WEIGHTS.into_iter().map(|(_, weight)| weight).sum();
    (0..).map(move |number| {
        let mut random = Random::new(mix(seed) ^ number);
        let mut draw = random.below(total);
        let chosen = WEIGHTS.into_iter().find(|(_, weight)| match draw.checked_sub(*weight) {
            Some(rest) => {
                draw = rest;
                false
            }
            None => true,
        });
        let (operation, _) = chosen.expect("the weights add up");
        Step { operation, seed: random.number() }
    })
}
